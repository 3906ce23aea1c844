/** Whom the account does not hear of. WhatsApp keeps the list by LID and tells every device what others change in it. */
import type { BinaryNode } from 'baileys'
import type { Address } from '../../address.ts'
import type { ChatActionSession } from '../../chat-actions.ts'
import type { ChatChange } from '../../chat-changes.ts'
import { EngineError } from '../../engine.ts'
import type { PendingEvent } from '../event-queue.ts'
import { addressFrom } from './addresses.ts'
import { childOf, childrenNamed } from './nodes.ts'

export interface BlocklistConnection {
  /** A query with an answer. */
  request(node: BinaryNode): Promise<BinaryNode>
  report(event: PendingEvent): void
  /** Resolves when everything reported so far has been taken. */
  reported(): Promise<void>
  completed(address: Address): Promise<Address>
}

export class Blocklist {
  readonly #connection: BlocklistConnection

  constructor(connection: BlocklistConnection) {
    this.#connection = connection
  }

  readonly setBlocked: ChatActionSession['setBlocked'] = async ({ jid, lid }, blocked) => {
    // WhatsApp wants the number too when the list grows.
    if (lid === null || (blocked && jid === null)) throw new EngineError('rejected', 'this person is not known under both names')
    const item = { action: blocked ? 'block' : 'unblock', jid: lid, ...(blocked && jid !== null ? { pn_jid: jid } : {}) }
    await this.#connection.request({ tag: 'iq', attrs: { ...listAttributes, type: 'set' }, content: [{ tag: 'item', attrs: item }] })
    const count = await this.read()
    await this.#connection.reported()
    return count
  }

  /** Asks for all of it and tells it; gives how many there are. */
  async read(): Promise<number> {
    const answer = await this.#connection.request({ tag: 'iq', attrs: { ...listAttributes, type: 'get' } })
    const people = childrenNamed(childOf(answer, 'list'), 'item').map(({ attrs }) => addressFrom(attrs.jid, attrs.pn_jid))
    this.#tell(async () => ({ kind: 'blocklist', people: await this.#all(people), at: Date.now() }))
    return people.length
  }

  /** `<notification type=account_sync>`, which may be about something else. */
  notified(notification: BinaryNode): void {
    const list = childOf(notification, 'blocklist')
    if (list === undefined) return
    const items = childrenNamed(list, 'item').filter(({ attrs }) => attrs.action === 'block' || attrs.action === 'unblock')
    for (const { attrs } of items) {
      const person = addressFrom(attrs.jid, attrs.pn_jid)
      const blocked = attrs.action === 'block'
      this.#tell(async () => ({ kind: 'block', person: await this.#connection.completed(person), blocked, at: Date.now() }))
    }
    // It has changed, and only the list itself says how. The next one that comes will be asked for again.
    if (items.length === 0) this.read().catch(() => {})
  }

  #tell(change: () => Promise<ChatChange>): void {
    this.#connection.report(async () => ({ type: 'chat', changes: [await change()], stored: () => {} }))
  }

  async #all(people: readonly Address[]): Promise<Address[]> {
    const completed: Address[] = []
    for (const person of people) completed.push(await this.#connection.completed(person))
    return completed
  }
}

const listAttributes = { xmlns: 'blocklist', to: 's.whatsapp.net' }
