/**
 * Stories and broadcast lists: one sender key for each per author, and the author says which devices may see one by giving them the key.
 */
import type { Device } from '../accounts/account.ts'
import type { Directory } from '../accounts/directory.ts'
import { type BinaryNode, childOf, childrenNamed, childrenOf, node } from '../wire/nodes.ts'
import { mayReach } from './reach.ts'
import { CARRIED, CONSUMED, type Verdict } from './stanza-copy.ts'

export class BroadcastRouter {
  readonly #directory: Directory

  constructor(directory: Directory) {
    this.#directory = directory
  }

  deliver(sender: Device, message: BinaryNode, t: string): Verdict {
    const content = childrenOf(message).filter((child) => child.tag === 'enc' || !CONSUMED.has(child.tag))
    if (message.attrs.participant !== undefined) {
      // A device asked for it again.
      this.#toDevice(sender, message, message.attrs.participant, content, t)
      return {}
    }
    for (const participant of childrenNamed(childOf(message, 'participants'), 'to')) {
      const key = childOf(participant, 'enc')
      this.#toDevice(sender, message, participant.attrs.jid, key === undefined ? content : [key, ...content], t)
    }
    return {}
  }

  #toDevice(sender: Device, message: BinaryNode, jid: string | undefined, content: BinaryNode[], t: string): void {
    const target = this.#directory.resolve(jid)
    const device = target?.account.devices.get(target.deviceId ?? 0)
    if (target === undefined || device === undefined || device === sender || !mayReach(sender.account, target.account)) return
    const { server } = target
    const attrs: Record<string, string | undefined> = {
      from: message.attrs.to,
      participant: sender.jid(server),
      [server === 'lid' ? 'participant_pn' : 'participant_lid']: sender.account.otherAddress(server),
      t,
      notify: sender.account.name || undefined,
    }
    for (const name of CARRIED) attrs[name] = message.attrs[name]
    device.mailbox.deliver(node('message', attrs, content))
  }
}
