/**
 * Messages in groups (engine.md §9.3): the ciphertext under the sender key goes to every device of every member, and with it, for the
 * devices that do not have the key yet, a ciphertext of their own that brings it.
 */
import { createHash } from 'node:crypto'
import type { Account, Device } from '../accounts/account.ts'
import type { Directory } from '../accounts/directory.ts'
import type { Group } from '../groups/group.ts'
import { named } from '../groups/group-nodes.ts'
import type { GroupStore } from '../groups/group-store.ts'
import { type BinaryNode, childOf, childrenNamed, childrenOf, node } from '../wire/nodes.ts'
import { CARRIED, CONSUMED, type Verdict } from './stanza-copy.ts'

const NOT_A_MEMBER = '403'
const NO_SUCH_GROUP = '404'
/** The members name each other otherwise by now. */
const STALE_ADDRESSING = '421'
/** Only admins may write here. */
const ANNOUNCEMENTS_ONLY = '420'

export class GroupRouter {
  readonly #directory: Directory
  readonly #groups: GroupStore

  constructor(directory: Directory, groups: GroupStore) {
    this.#directory = directory
    this.#groups = groups
  }

  deliver(sender: Device, message: BinaryNode, t: string): Verdict {
    const group = this.#groups.find(message.attrs.to)
    const refusal = refusalOf(group, sender.account)
    if (group === undefined || refusal !== undefined) return { error: refusal }
    // What is repeated for one device need not say it.
    const { addressing_mode: mode = message.attrs.participant === undefined ? 'pn' : group.addressing } = message.attrs
    if (mode !== group.addressing) return { error: STALE_ADDRESSING }
    const attrs = attributesOf(group, sender, message, t)
    if (message.attrs.participant !== undefined) this.#toOne(group, message, attrs)
    else this.#toAll(group, sender, message, attrs)
    const { phash } = message.attrs
    const expected = phash && participantHash(group)
    return expected && expected !== phash ? { phash: expected } : {}
  }

  /** A device asked for the message again: it is encrypted for that one. */
  #toOne(group: Group, message: BinaryNode, attrs: Record<string, string | undefined>): void {
    const target = this.#directory.device(message.attrs.participant)
    if (target !== undefined && group.members.has(target.account)) target.mailbox.deliver(node('message', attrs, kept(message)))
  }

  #toAll(group: Group, sender: Device, message: BinaryNode, attrs: Record<string, string | undefined>): void {
    const keys = new Map<Device, BinaryNode>()
    for (const participant of childrenNamed(childOf(message, 'participants'), 'to')) {
      const target = this.#directory.device(participant.attrs.jid)
      const enc = childOf(participant, 'enc')
      if (target !== undefined && enc !== undefined) keys.set(target, enc)
    }
    const content = kept(message)
    const common = node('message', attrs, content)
    for (const device of devicesOf(group)) {
      if (device === sender) continue
      const key = keys.get(device)
      device.mailbox.deliver(key === undefined ? common : node('message', attrs, [key, ...content]))
    }
  }
}

function refusalOf(group: Group | undefined, account: Account): string | undefined {
  if (group === undefined) return NO_SUCH_GROUP
  if (!group.members.has(account) || group.community !== undefined) return NOT_A_MEMBER
  return group.announcement && !group.isAdmin(account) ? ANNOUNCEMENTS_ONLY : undefined
}

function attributesOf(group: Group, sender: Device, message: BinaryNode, t: string): Record<string, string | undefined> {
  const attrs: Record<string, string | undefined> = {
    from: group.jid,
    ...named(group, sender.account, 'participant'),
    participant: sender.jid(group.server),
    addressing_mode: group.addressing,
    t,
    notify: sender.account.name || undefined,
  }
  for (const name of CARRIED) attrs[name] = message.attrs[name]
  return attrs
}

/** The common ciphertext and whatever accompanies it. */
function kept(message: BinaryNode): BinaryNode[] {
  return childrenOf(message).filter((child) => child.tag === 'enc' || !CONSUMED.has(child.tag))
}

function* devicesOf(group: Group): Generator<Device> {
  for (const account of group.members.keys()) yield* account.devices.values()
}

/** What tells a sender that it does not know all devices: `2:` and the start of a hash over all of them. */
export function participantHash(group: Group): string {
  const jids = [...devicesOf(group)].map((device) => `${device.account.user(group.server)}.0:${device.id}@${group.server}`).sort()
  return `2:${createHash('sha256').update(jids.join('')).digest('base64').slice(0, 8)}`
}
