/** All groups of the network, found by address, by invite code, and by who is in them. */
import type { Account } from '../accounts/account.ts'
import { parseJid } from '../jid.ts'
import { IqError } from '../ports.ts'
import type { Seed } from '../seed.ts'
import { type Addressing, Group, type Role } from './group.ts'

const MAX_GROUPS = 20_000
/** Codes that no longer lead anywhere are remembered so that "revoked" and "never existed" are told apart. */
const MAX_REVOKED = 20_000
const ID_DIGITS = 12
const CODE_LENGTH = 22

export class GroupStore {
  readonly #seed: Seed
  readonly #byId = new Map<string, Group>()
  readonly #byCode = new Map<string, Group>()
  readonly #revoked = new Set<string>()
  readonly #byMember = new Map<Account, Set<Group>>()
  #made = 0
  #codes = 0

  constructor(seed: Seed) {
    this.#seed = seed
  }

  /** Nobody is in it yet. Throws an {@link IqError} when the network is full. */
  create(input: { subject: string; creator: Account; createdAt: number; addressing: Addressing }): Group {
    if (this.#byId.size >= MAX_GROUPS) throw new IqError(500, 'internal-server-error')
    this.#made += 1
    const value = this.#seed.secret(`group ${this.#made}`).readBigUInt64BE(0)
    const id = `120363${(value % 10n ** BigInt(ID_DIGITS)).toString().padStart(ID_DIGITS, '0')}`
    const group = new Group({ ...input, id, inviteCode: this.newCode() })
    this.#byId.set(id, group)
    this.#byCode.set(group.inviteCode, group)
    return group
  }

  find(jid: string | undefined): Group | undefined {
    const parsed = parseJid(jid)
    return parsed?.server === 'g.us' ? this.#byId.get(parsed.user) : undefined
  }

  /** `revoked` when the code led to a group once. */
  byCode(code: string): Group | 'revoked' | undefined {
    return this.#byCode.get(code) ?? (this.#revoked.has(code) ? 'revoked' : undefined)
  }

  all(): IterableIterator<Group> {
    return this.#byId.values()
  }

  /** Groups somebody is in, oldest membership first. */
  of(account: Account): readonly Group[] {
    return [...(this.#byMember.get(account) ?? [])]
  }

  enter(group: Group, account: Account, role: Role): void {
    group.members.set(account, role)
    const groups = this.#byMember.get(account) ?? new Set()
    groups.add(group)
    this.#byMember.set(account, groups)
  }

  /** A group that nobody is in any more is gone. */
  exit(group: Group, account: Account): void {
    group.members.delete(account)
    this.#byMember.get(account)?.delete(group)
    if (group.members.size === 0) this.#remove(group)
  }

  /** The old code stops working at once. */
  renewCode(group: Group): void {
    this.#revoke(group.inviteCode)
    group.inviteCode = this.newCode()
    this.#byCode.set(group.inviteCode, group)
  }

  /** Nobody can guess it. */
  newCode(): string {
    this.#codes += 1
    const text = this.#seed.secret(`group code ${this.#codes}`).toString('base64')
    return text.replace(/[^A-Za-z0-9]/g, 'x').slice(0, CODE_LENGTH)
  }

  #revoke(code: string): void {
    this.#byCode.delete(code)
    this.#revoked.add(code)
    if (this.#revoked.size <= MAX_REVOKED) return
    for (const oldest of this.#revoked) {
      this.#revoked.delete(oldest)
      return
    }
  }

  #remove(group: Group): void {
    this.#byId.delete(group.id)
    this.#revoke(group.inviteCode)
    group.parent?.community?.groups.delete(group)
  }
}
