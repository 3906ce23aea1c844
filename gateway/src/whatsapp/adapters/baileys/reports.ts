/** What a socket says, as events of the port. The life of the connection itself (QR, open, closed) is told by `connection.ts`. */
import type { BaileysEventMap, BinaryNode, WASocket } from 'baileys'
import { milestones } from '../../../runtime/milestones.ts'
import type { Address, InboxRow, ReceivedMessage } from '../../engine.ts'
import type { GroupChange, GroupNews } from '../../groups.ts'
import type { EventQueue } from '../event-queue.ts'
import { addressFrom, completed } from './addresses.ts'
import { Calls } from './calls.ts'
import type { DeviceLists } from './device-lists.ts'
import { groupNewsRow, readGroupNews } from './group-news.ts'
import { readInbox } from './inbox.ts'
import type { MovedGroups } from './moved-groups.ts'
import type { NewsletterReactions } from './newsletter-reactions.ts'
import { nameInNotification } from './newsletters.ts'
import type { NamedPlace } from './place-names.ts'
import { readAck, readReceipt } from './receipts.ts'
import type { LidMappings } from './signal/lid-mapping.ts'
import { plainRow, type StanzaNotes } from './stanzas.ts'
import type { Unreadable } from './unreadable.ts'

export interface ReportsOptions {
  queue: EventQueue
  stanzas: StanzaNotes
  mappings: LidMappings
  devices: DeviceLists
  unreadable: Unreadable
  /** The own account, as far as it is known. */
  self(): Address
  /** Stores a row that came without Signal, before anything made later leaves. Throws when the store has failed. */
  keep(row: InboxRow): void
  /** A row that holds nothing a person would see. */
  release(row: InboxRow): void
  /** Resolves when what was sent so far has left. */
  flushed(): Promise<void>
  onNamed(place: NamedPlace): void
  reactions: NewsletterReactions
  /** Before anything is sent to the group again. */
  onGroupNews(news: GroupNews): void
  movedGroups: MovedGroups
  /** The message that is meant when WhatsApp acknowledges this id. */
  acknowledged(id: string): string
}

/** Of a refused message: it was written for devices that are gone, among other things (engine.md §6.2 no. 4). */
const STALE_DEVICES = 479

export class Reports {
  readonly #options: ReportsOptions
  readonly #calls = new Calls()

  constructor(options: ReportsOptions) {
    this.#options = options
  }

  listenTo({ ev, ws }: WASocket): void {
    // Before Baileys' own listener: its Signal repository, ours, looks the stanzas up.
    ws.prependListener('CB:message', (stanza: BinaryNode) => this.#stanza(stanza))
    // What is new in a channel that is being looked at comes as a notification.
    ws.prependListener('CB:notification,type:newsletter', (notification: BinaryNode) => this.#channelNews(notification))
    // What channels are called.
    ws.prependListener('CB:notification,type:mex', (notification: BinaryNode) => {
      const named = nameInNotification(notification)
      if (named !== null) this.#options.onNamed(named)
    })
    // Groups: who is in them, what they are called, what is allowed. The same rules as for messages.
    ws.prependListener('CB:notification,type:w:gp2', (notification: BinaryNode) => this.#groupNews(notification))
    ws.prependListener('CB:notification,type:picture', (notification: BinaryNode) => this.#groupNews(notification))
    // Before Baileys' own listener, which changes the lists.
    ws.prependListener('CB:notification,type:devices', (notification: BinaryNode) => this.#devicesChanged(notification))
    // Baileys turns receipts into several events and leaves some out; the stanza has them all.
    ws.on('CB:receipt', (stanza: BinaryNode) => this.#receipt(stanza))
    // "The server has it" is no event of Baileys' at all (engine.md §6.2 no. 4).
    ws.on('CB:ack,class:message', (stanza: BinaryNode) => this.#acknowledgement(stanza))
    ev.on('messages.upsert', ({ messages }) => this.#receiptSent(messages.map(({ key }) => key?.id)))
    ev.on('contacts.upsert', (contacts) => this.#contacts(contacts))
    // Without a name these repeat the push name that stands in every message anyway.
    ev.on('contacts.update', (contacts) => this.#contacts(contacts.filter(({ name, verifiedName }) => name || verifiedName)))
    ws.on('CB:call', (stanza: BinaryNode) => this.#call(stanza))
  }

  /** Rows that are on disk. */
  rows(rows: readonly InboxRow[]): void {
    for (const row of rows) {
      if (this.#reportGroupNews(row)) continue
      const message = readInbox(row, this.#options.self())
      const awaited = this.#options.unreadable.came(row.attributes)
      if (message === null) {
        this.#options.release(row)
        // The repetition shows that there was nothing for people in it.
        if (awaited !== null) this.#options.release(awaited)
      } else this.#options.queue.push(async () => ({ type: 'message', message: await this.#withBothForms(message), inbox: row.hash }))
    }
  }

  #call(stanza: BinaryNode): void {
    const call = this.#calls.read(stanza)
    if (call === null) return
    this.#options.queue.push(async () => ({ type: 'call', call: { ...call, from: await this.#completed(call.from) } }))
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
    // Only a post that a channel took has a number in it.
    if (ack.error === null && ack.to.jid !== null && stanza.attrs.server_id) this.#options.reactions.posted(ack.to.jid)
    // WhatsApp tells which devices it knows when it thinks we may be wrong about them.
    if (stanza.attrs.phash !== undefined || ack.error === STALE_DEVICES) {
      const { jid, lid } = this.#options.self()
      for (const each of [ack.to.jid, ack.to.lid, jid, lid]) {
        if (each !== null) this.#options.devices.doubt(each.slice(0, each.indexOf('@')))
      }
    }
    this.#options.movedGroups.heed(stanza)
    const id = this.#options.acknowledged(ack.id)
    const tell = (): void => this.#options.queue.push(async () => ({ ...ack, id, to: await this.#completed(ack.to) }))
    const mended = this.#options.movedGroups.mend(stanza)
    if (mended === null) tell()
    else mended.then((written) => written || tell())
  }

  #stanza(stanza: BinaryNode): void {
    this.#options.movedGroups.heed(stanza)
    const { plain, unreadable } = this.#options.stanzas.note(stanza)
    for (const content of plain) this.#keep(stanza.attrs, content)
    // The own phone posted it.
    if (plain.length > 0 && stanza.attrs.is_sender === 'true' && stanza.attrs.from) this.#options.reactions.posted(stanza.attrs.from)
    if (unreadable === null) return
    unlessFailed(() => this.#options.unreadable.note(stanza.attrs, unreadable.reason, unreadable.phoneMayHelp))
  }

  #channelNews(notification: BinaryNode): void {
    this.#options.reactions.news(notification)
    const { attrs, content } = notification
    for (const { tag, attrs: of, content: inside } of Array.isArray(content) ? content : []) {
      const id = of.message_id ?? of.server_id
      if (tag !== 'message' || id === undefined || !attrs.from) continue
      for (const { tag: form, content: bytes } of Array.isArray(inside) ? inside : []) {
        if (form === 'plaintext' && bytes instanceof Uint8Array)
          this.#keep({ ...of, id, from: attrs.from, t: of.t ?? attrs.t ?? '' }, bytes)
      }
    }
  }

  #devicesChanged(notification: BinaryNode): void {
    const { from, lid } = notification.attrs
    const users = [from, lid].flatMap((jid) => (jid === undefined ? [] : Object.values(addressFrom(jid)))).filter((jid) => jid !== null)
    this.#options.devices.changed(users.map((jid) => jid.slice(0, jid.indexOf('@'))))
  }

  #groupNews(notification: BinaryNode): void {
    const row = groupNewsRow(notification)
    if (row === null) return
    const news = readGroupNews(row, this.#options.self())
    if (news === null) return
    unlessFailed(() => {
      this.#options.onGroupNews(news)
      this.#options.keep(row)
    })
  }

  /** False when the row is no news of a group. */
  #reportGroupNews(row: InboxRow): boolean {
    const news = readGroupNews(row, this.#options.self())
    if (news === null) return false
    this.#options.queue.push(async () => ({ type: 'group', news: await this.#withAllForms(news), inbox: row.hash }))
    return true
  }

  async #withAllForms(news: GroupNews): Promise<GroupNews> {
    const changes: GroupChange[] = []
    for (const change of news.changes) {
      if (!('people' in change)) changes.push(change)
      else {
        const people: Address[] = []
        for (const person of change.people) people.push(await this.#completed(person))
        changes.push({ ...change, people })
      }
    }
    return { ...news, actor: news.actor === null ? null : await this.#completed(news.actor), changes }
  }

  #keep(attributes: BinaryNode['attrs'], content: Uint8Array): void {
    unlessFailed(() => this.#options.keep(plainRow(attributes, content)))
  }

  /** Baileys tells of a message after it has written the receipt. What it tells is known already, from the inbox. */
  #receiptSent(ids: (string | null | undefined)[]): void {
    if (!milestones.receiptSent.hasSubscribers) return
    this.#options.flushed().then(
      () => milestones.receiptSent.publish({ ids }),
      () => {},
    )
  }

  #contacts(contacts: Partial<BaileysEventMap['contacts.upsert'][number]>[]): void {
    for (const contact of contacts) {
      const address = addressFrom(contact.id, contact.lid, contact.phoneNumber)
      const savedName = contact.name || null
      const pushName = contact.notify || null
      const businessName = contact.verifiedName || null
      if ((address.jid === null && address.lid === null) || (savedName ?? pushName ?? businessName) === null) continue
      this.#options.queue.push(async () => ({
        type: 'contact',
        address: await this.#completed(address),
        pushName,
        savedName,
        businessName,
      }))
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

/** A store that has failed has ended the connection already; nothing may be thrown at whoever read the frame. */
const unlessFailed = (work: () => void): void => {
  try {
    work()
  } catch {}
}
