/** Who is online, who wants to know, and who is typing. Nothing here survives a connection. */
import type { Account, Device } from '../accounts/account.ts'
import type { Directory } from '../accounts/directory.ts'
import { type Clock, unixSeconds } from '../clock.ts'
import type { GroupStore } from '../groups/group-store.ts'
import type { UserServer } from '../jid.ts'
import { type BinaryNode, node } from '../wire/nodes.ts'
import { mayReach } from './reach.ts'

interface Presence {
  readonly available: Set<Device>
  /** Unix seconds. */
  lastSeen: number | undefined
  /** How each subscriber wrote the address. */
  readonly subscribers: Map<Device, UserServer>
}

const MAX_SUBSCRIPTIONS = 5_000

export class PresenceBoard {
  readonly #directory: Directory
  readonly #clock: Clock
  readonly #groups: GroupStore
  readonly #accounts = new Map<Account, Presence>()
  readonly #subscriptions = new Map<Device, Set<Account>>()

  constructor(directory: Directory, clock: Clock, groups: GroupStore) {
    this.#directory = directory
    this.#clock = clock
    this.#groups = groups
  }

  isOnline(account: Account): boolean {
    return (this.#accounts.get(account)?.available.size ?? 0) > 0
  }

  /** `<presence>`: available, unavailable, a new name, or a subscription. */
  presence(device: Device, stanza: BinaryNode): void {
    const { type, name, to } = stanza.attrs
    if (name) device.account.name = name
    if (type === 'subscribe') this.#subscribe(device, to)
    else if (type === 'available') this.#setAvailable(device, true)
    else if (type === 'unavailable') this.#setAvailable(device, false)
  }

  /** `<chatstate>`: composing, recording, paused. */
  chatstate(device: Device, stanza: BinaryNode): void {
    const group = this.#groups.find(stanza.attrs.to)
    if (group?.members.has(device.account)) {
      const told = node('chatstate', { from: group.jid, participant: device.account.address(group.server) }, stanza.content)
      for (const member of group.members.keys()) {
        if (member !== device.account) for (const receiver of member.devices.values()) receiver.mailbox.deliver(told)
      }
      return
    }
    const addressee = this.#directory.resolve(stanza.attrs.to)
    if (addressee === undefined || addressee.account === device.account || !mayReach(device.account, addressee.account)) return
    const told = node('chatstate', { from: device.account.address(addressee.server) }, stanza.content)
    for (const receiver of addressee.account.devices.values()) receiver.mailbox.deliver(told)
  }

  /** The device has gone offline or was unlinked. */
  gone(device: Device): void {
    this.#setAvailable(device, false)
    for (const account of this.#subscriptions.get(device) ?? []) this.#accounts.get(account)?.subscribers.delete(device)
    this.#subscriptions.delete(device)
  }

  #subscribe(device: Device, jid: string | undefined): void {
    const addressee = this.#directory.resolve(jid)
    if (addressee === undefined) return
    const subscriptions = this.#subscriptions.get(device) ?? new Set()
    if (subscriptions.size >= MAX_SUBSCRIPTIONS) return
    subscriptions.add(addressee.account)
    this.#subscriptions.set(device, subscriptions)
    this.#of(addressee.account).subscribers.set(device, addressee.server)
    this.#tell(device, addressee.account, addressee.server)
  }

  #setAvailable(device: Device, available: boolean): void {
    const presence = this.#of(device.account)
    const before = presence.available.size > 0
    if (available) presence.available.add(device)
    else if (!presence.available.delete(device)) return
    if (before === presence.available.size > 0) return
    if (before) presence.lastSeen = unixSeconds(this.#clock)
    for (const [subscriber, server] of presence.subscribers) this.#tell(subscriber, device.account, server)
  }

  #tell(subscriber: Device, account: Account, server: UserServer): void {
    if (!mayReach(subscriber.account, account)) return
    const { privacy } = account
    const isContact = account.contacts.has(subscriber.account)
    const lastShown = privacy.shows('last', isContact)
    if (privacy.get('online') === 'match_last_seen' && !lastShown) return
    const online = this.isOnline(account)
    const last = this.#of(account).lastSeen
    subscriber.mailbox.deliver(
      node('presence', {
        from: account.address(server),
        type: online ? undefined : 'unavailable',
        last: online ? undefined : lastShown && last !== undefined ? String(last) : 'deny',
      }),
    )
  }

  #of(account: Account): Presence {
    let presence = this.#accounts.get(account)
    if (presence === undefined) {
      presence = { available: new Set(), lastSeen: undefined, subscribers: new Map() }
      this.#accounts.set(account, presence)
    }
    return presence
  }
}
