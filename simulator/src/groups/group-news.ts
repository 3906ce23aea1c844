/** `w:gp2` notifications: everybody in a group hears of every change, the device that made it included. */
import type { Account } from '../accounts/account.ts'
import type { Notifier } from '../router/notifier.ts'
import { type BinaryNode, node } from '../wire/nodes.ts'
import type { Group } from './group.ts'
import { groupNode, named } from './group-nodes.ts'

const TYPE = 'w:gp2'

export class GroupNews {
  readonly #notifier: Notifier

  constructor(notifier: Notifier) {
    this.#notifier = notifier
  }

  /** To all members, and to those named besides (who have just left). Without an actor the server did it. */
  tell(group: Group, actor: Account | undefined, change: BinaryNode, { alsoTo = [], except = [] }: Audience = {}): void {
    const told = new Set([...group.members.keys(), ...alsoTo])
    for (const account of except) told.delete(account)
    for (const account of told) this.tellOne(group, actor, change, account)
  }

  tellAdmins(group: Group, actor: Account, change: BinaryNode): void {
    for (const account of group.members.keys()) if (group.isAdmin(account)) this.tellOne(group, actor, change, account)
  }

  /** Those who come into a group hear of it whole: `type` is `new` for one just made, `reason` says how they came in. */
  welcome(group: Group, actor: Account, newcomers: Iterable<Account>, how: { type?: string; reason?: string; key?: string } = {}): void {
    const whole = node('create', how, [groupNode(group)])
    for (const account of newcomers) this.tellOne(group, actor, whole, account)
  }

  tellOne(group: Group, actor: Account | undefined, change: BinaryNode, account: Account): void {
    const by = actor && { ...named(group, actor, 'participant'), notify: actor.name || undefined }
    for (const device of account.devices.values()) {
      this.#notifier.send(device, TYPE, group.jid, [change], { addressing_mode: group.addressing, ...by })
    }
  }
}

export interface Audience {
  alsoTo?: readonly Account[]
  except?: readonly Account[]
}
