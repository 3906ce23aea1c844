/** What a socket says, as events of the port. The life of the connection itself (QR, open, closed) is told by `connection.ts`. */
import { type BaileysEventMap, type BinaryNode, isJidNewsletter, proto, type WASocket } from 'baileys'
import type { Logger } from '../../../runtime/logging.ts'
import type { Address, InboxRow, ReceivedMessage } from '../../engine.ts'
import type { EventQueue } from '../event-queue.ts'
import { addressFrom, completed } from './addresses.ts'
import { readCall } from './calls.ts'
import type { DeviceLists } from './device-lists.ts'
import { readInbox } from './inbox.ts'
import { readAck, readReceipt } from './receipts.ts'
import type { LidMappings } from './signal/lid-mapping.ts'
import type { StanzaNotes } from './stanzas.ts'
import { readWebMessage } from './web-message.ts'

export interface ReportsOptions {
  queue: EventQueue
  stanzas: StanzaNotes
  mappings: LidMappings
  devices: DeviceLists
  logger: Logger
  /** The own account, as far as it is known. */
  self(): Address
  /** Days of history wanted; null: none. */
  historyDays(): number | null
  /** A row that holds nothing a person would see. */
  release(row: InboxRow): void
}

const DAY_MS = 24 * 3_600_000

export class Reports {
  readonly #options: ReportsOptions

  constructor(options: ReportsOptions) {
    this.#options = options
  }

  listenTo({ ev, ws }: WASocket): void {
    // Before Baileys' own listener: its Signal repository, ours, looks the stanzas up.
    ws.prependListener('CB:message', (stanza: BinaryNode) => this.#options.stanzas.note(stanza))
    // Baileys turns receipts into several events and leaves some out; the stanza has them all.
    ws.on('CB:receipt', (stanza: BinaryNode) => this.#receipt(stanza))
    // "The server has it" is no event of Baileys' at all (engine.md §6.2 no. 4).
    ws.on('CB:ack,class:message', (stanza: BinaryNode) => this.#acknowledgement(stanza))
    ev.on('messages.upsert', ({ messages }) => this.#withoutRow(messages))
    ev.on('messaging-history.set', (history) => this.#history(history))
    ev.on('contacts.upsert', (contacts) => this.#contacts(contacts))
    // Without a name these repeat the push name that stands in every message anyway.
    ev.on('contacts.update', (contacts) => this.#contacts(contacts.filter((contact) => contact.name)))
    ev.on('call', (calls) => {
      for (const call of calls.map(readCall)) {
        this.#options.queue.push(async () => ({ type: 'call', call: { ...call, from: await this.#completed(call.from) } }))
      }
    })
  }

  /** Rows that are on disk. */
  rows(rows: readonly InboxRow[]): void {
    for (const row of rows) {
      const message = readInbox(row, this.#options.self())
      if (message === null) this.#options.release(row)
      else this.#options.queue.push(async () => ({ type: 'message', message: await this.#withBothForms(message), inbox: row.hash }))
    }
  }

  #receipt(stanza: BinaryNode): void {
    const receipt = readReceipt(stanza, this.#options.self())
    if (receipt === null) return
    this.#options.queue.push(async () => {
      const sender = await this.#completed(receipt.sender)
      const chat = receipt.chat === receipt.sender ? sender : await this.#completed(receipt.chat)
      return { ...receipt, sender, chat }
    })
  }

  #acknowledgement(stanza: BinaryNode): void {
    const ack = readAck(stanza)
    if (ack === null) return
    // WhatsApp tells which devices it knows when it thinks we may be wrong about them.
    if (stanza.attrs.phash !== undefined) {
      const { jid, lid } = this.#options.self()
      for (const each of [ack.to.jid, ack.to.lid, jid, lid]) {
        if (each !== null) this.#options.devices.doubt(each.slice(0, each.indexOf('@')))
      }
    }
    this.#options.queue.push(async () => ({ ...ack, to: await this.#completed(ack.to) }))
  }

  /** Only what came without Signal, and so has no inbox row: newsletters. Everything else has been reported already. */
  #withoutRow(messages: proto.IWebMessageInfo[]): void {
    for (const stored of messages) {
      if (isJidNewsletter(stored.key?.remoteJid ?? '')) {
        const message = readWebMessage(stored, this.#options.self())
        if (message !== null) this.#options.queue.push({ type: 'message', message: { ...message, offline: false }, inbox: null })
      } else if (stored.messageStubType === proto.WebMessageInfo.StubType.CIPHERTEXT) {
        const reason = stored.messageStubParameters?.[0]
        this.#options.logger.warn({ messageId: stored.key?.id, reason }, 'a message arrived without readable content')
      }
    }
  }

  #history(history: BaileysEventMap['messaging-history.set']): void {
    this.#contacts(history.contacts)
    const days = this.#options.historyDays()
    if (days === null) return
    const since = Date.now() - days * DAY_MS
    const found = history.messages
      .flatMap((stored) => readWebMessage(stored, this.#options.self()) ?? [])
      .filter((message) => message.timestamp >= since)
    this.#options.queue.push(async () => {
      const messages: ReceivedMessage[] = []
      for (const message of found) messages.push(await this.#withBothForms(message))
      return { type: 'history', messages, progress: history.progress ?? null }
    })
  }

  #contacts(contacts: Partial<BaileysEventMap['contacts.upsert'][number]>[]): void {
    for (const contact of contacts) {
      const address = addressFrom(contact.id, contact.lid, contact.phoneNumber)
      const savedName = contact.name || null
      const pushName = contact.notify || null
      if ((address.jid === null && address.lid === null) || (savedName === null && pushName === null)) continue
      this.#options.queue.push(async () => ({ type: 'contact', address: await this.#completed(address), pushName, savedName }))
    }
  }

  async #withBothForms(message: ReceivedMessage): Promise<ReceivedMessage> {
    const chat = await this.#completed(message.chat)
    const sender = message.sender === message.chat ? chat : await this.#completed(message.sender)
    return chat === message.chat && sender === message.sender ? message : { ...message, chat, sender }
  }

  #completed(address: Address): Promise<Address> {
    return completed(address, this.#options.mappings)
  }
}
