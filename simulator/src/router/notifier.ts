/** Notifications: what the server tells devices by itself. */
import type { Account, Device } from '../accounts/account.ts'
import { type Clock, unixSeconds } from '../clock.ts'
import { formatJid, type UserServer } from '../jid.ts'
import { type BinaryNode, node, SERVER_JID } from '../wire/nodes.ts'

export class Notifier {
  readonly #clock: Clock
  #lastId = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Ids of the server's own stanzas. The letter keeps the codec from packing them as digits. */
  nextId(): string {
    this.#lastId += 1
    return `N${this.#lastId.toString(16).toUpperCase().padStart(8, '0')}`
  }

  send(device: Device, type: string, from: string, content: BinaryNode[], attrs: Record<string, string | undefined> = {}): void {
    const t = String(unixSeconds(this.#clock))
    device.mailbox.deliver(node('notification', { id: this.nextId(), from, type, t, ...attrs }, content))
  }

  /** To every device of the account except the one that caused it. */
  toOwnDevices(account: Account, except: Device | undefined, type: string, content: BinaryNode[]): void {
    for (const device of account.devices.values()) {
      if (device !== except) this.send(device, type, account.jid, content)
    }
  }

  /** To everybody who has the account among the contacts. */
  toWatchers(account: Account, type: string, content: BinaryNode[]): void {
    for (const other of account.watchers) {
      if (account.isBlocking(other)) continue
      for (const device of other.devices.values()) this.send(device, type, account.jid, content)
    }
  }

  /** A device was linked or unlinked. Told in both ways of addressing, as clients keep device lists under either. */
  devicesChanged(device: Device, change: 'add' | 'remove'): void {
    const { account } = device
    const told = [account, ...account.watchers]
    for (const server of ['s.whatsapp.net', 'lid'] satisfies UserServer[]) {
      const content = [node(change, { device_hash: deviceHash(account) }, this.#deviceNodes(device, server))]
      for (const other of told) {
        for (const receiver of other.devices.values()) {
          if (receiver !== device) this.send(receiver, 'devices', account.address(server), content)
        }
      }
    }
  }

  lowPreKeys(device: Device): void {
    this.send(device, 'encrypt', SERVER_JID, [node('count', { value: String(device.keys.count) })])
  }

  /** The account's phone has new keys: everybody must forget the old sessions. */
  identityChanged(account: Account): void {
    this.toWatchers(account, 'encrypt', [node('identity')])
  }

  #deviceNodes(device: Device, server: UserServer): BinaryNode[] {
    const jid = formatJid(device.account.user(server), server, device.id)
    return [node('device', { jid, 'key-index': String(device.keyIndex) }), node('key-index-list', { ts: String(unixSeconds(this.#clock)) })]
  }
}

/** Differs whenever the set of devices differs. */
function deviceHash(account: Account): string {
  return `2:${[...account.devices.keys()].join('.')}`
}
