/** All newsletters of the network, found by address and by invite code, and by who follows them. */
import type { Account } from '../accounts/account.ts'
import { parseJid } from '../jid.ts'
import type { Seed } from '../seed.ts'
import { type Follower, Newsletter } from './newsletter.ts'

const MAX_NEWSLETTERS = 5_000
const ID_DIGITS = 12
const CODE_LENGTH = 22

export class NewsletterStore {
  readonly #seed: Seed
  readonly #byId = new Map<string, Newsletter>()
  readonly #byInvite = new Map<string, Newsletter>()
  readonly #byFollower = new Map<Account, Set<Newsletter>>()
  /** Accounts that have not agreed to the terms yet; everybody else has. */
  readonly withoutTerms = new Set<Account>()
  #made = 0

  constructor(seed: Seed) {
    this.#seed = seed
  }

  get isFull(): boolean {
    return this.#byId.size >= MAX_NEWSLETTERS
  }

  create(input: { name: string; description: string; owner: Account; createdAt: number }): Newsletter {
    this.#made += 1
    const secret = this.#seed.secret(`newsletter ${this.#made}`)
    const id = `120363${(secret.readBigUInt64BE(0) % 10n ** BigInt(ID_DIGITS)).toString().padStart(ID_DIGITS, '0')}`
    const invite = `0029Va${secret.toString('base64').replace(/[^A-Za-z0-9]/g, 'x')}`.slice(0, CODE_LENGTH)
    const newsletter = new Newsletter({ ...input, id, invite })
    this.#byId.set(id, newsletter)
    this.#byInvite.set(invite, newsletter)
    this.follow(newsletter, input.owner, { role: 'OWNER', muted: false, since: input.createdAt })
    return newsletter
  }

  find(jid: string | undefined): Newsletter | undefined {
    const parsed = parseJid(jid)
    return parsed?.server === 'newsletter' ? this.#byId.get(parsed.user) : undefined
  }

  byInvite(code: string): Newsletter | undefined {
    return this.#byInvite.get(code)
  }

  all(): IterableIterator<Newsletter> {
    return this.#byId.values()
  }

  of(account: Account): readonly Newsletter[] {
    return [...(this.#byFollower.get(account) ?? [])]
  }

  follow(newsletter: Newsletter, account: Account, how: Follower): void {
    newsletter.followers.set(account, how)
    const followed = this.#byFollower.get(account) ?? new Set()
    followed.add(newsletter)
    this.#byFollower.set(account, followed)
  }

  unfollow(newsletter: Newsletter, account: Account): void {
    newsletter.followers.delete(account)
    this.#byFollower.get(account)?.delete(newsletter)
  }

  remove(newsletter: Newsletter): void {
    this.#byId.delete(newsletter.id)
    this.#byInvite.delete(newsletter.invite)
    for (const account of newsletter.followers.keys()) this.#byFollower.get(account)?.delete(newsletter)
  }
}
