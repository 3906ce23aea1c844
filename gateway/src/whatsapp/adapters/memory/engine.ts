/** The engine port on a {@link MemoryNetwork}. Same rules as on the wire: rows before events, one `closed`, both forms of an address. */
import { randomBytes, randomUUID } from 'node:crypto'
import { z } from 'zod'
import type { Ringing } from '../../calls.ts'
import type { ChatAction } from '../../chat-actions.ts'
import {
  type Address,
  type Capability,
  type CloseReason,
  EngineError,
  type EngineFactory,
  type EngineSession,
  type InboxRow,
  type IncomingCall,
  type MessageKey,
  type NumberLookUp,
  type ReceivedMessage,
  type SendOptions,
  type SessionOptions,
} from '../../engine.ts'
import { isUserJid } from '../../jid.ts'
import type { MediaReference, UploadedMedia } from '../../media.ts'
import type { StoryPrivacy } from '../../stories.ts'
import { decodeWireMessage, encodeWireMessage, type WireMessage } from '../../wire.ts'
import { EventQueue } from '../event-queue.ts'
import { changeOf, MemoryChatReader } from './chats.ts'
import { noCommunities } from './communities.ts'
import { noGroups } from './groups.ts'
import { MemoryLabelReader } from './labels.ts'
import type { CompanionLine, MemoryDevice, MemoryMessage, MemoryNetwork, MemoryPerson, MemoryReceipt } from './network.ts'
import { noNewsletters } from './newsletters.ts'
import { memoryProfile } from './profile.ts'

const capabilities: ReadonlySet<Capability> = new Set([
  'pairing-code',
  'presence',
  'chat-state',
  'read-receipts',
  'number-lookup',
  'history-request',
  'text',
  'media',
  'location',
  'contact',
  'reaction',
  'poll',
  'event',
  'interactive',
  'edit',
  'revoke',
  'message-pin',
  'chat-actions',
  'labels',
  'blocking',
  'profile',
  'privacy',
  'call',
  'call-reject',
])

export const createMemoryEngine = (network: MemoryNetwork): EngineFactory => ({
  capabilities,
  readInbox,
  withoutContent: (row, self) => readInbox({ hash: '', plaintext: new Uint8Array(), ...row }, self),
  readGroupNews: () => null,
  open: (options) => new MemorySession(network, options),
  forget: () => {},
})

const QR_MS = 60_000
const DAY_MS = 24 * 3_600_000

const credentialsSchema = z.object({ number: z.string(), device: z.number(), secret: z.string() })

class MemorySession implements EngineSession, CompanionLine {
  readonly groups = noGroups
  readonly communities = noCommunities
  readonly profile = memoryProfile({
    person: () => this.#open().person,
    find: (of) => this.#network.find(of),
    report: (event) => this.#queue.push(event),
  })
  readonly newsletters = noNewsletters

  async storyPrivacy(): Promise<StoryPrivacy> {
    throw new EngineError('unsupported', 'the in-memory network has no stories')
  }

  async ring(to: Address): Promise<Ringing> {
    const { person } = this.#open()
    const other = this.#network.find(to)
    if (other === null) throw new EngineError('not-registered', 'WhatsApp knows no device of this person')
    const id = person.call(other)
    const hangUp = async () => {
      if (other.calls.get(id) === 'ringing') for (const one of [person, other]) one.calls.set(id, 'terminated')
    }
    return { id, hangUp }
  }

  readonly #network: MemoryNetwork
  readonly #options: SessionOptions
  readonly #queue: EventQueue
  readonly #chats: MemoryChatReader
  readonly #labels: MemoryLabelReader
  readonly labels: EngineSession['labels']
  #state: 'new' | 'connecting' | 'open' | 'ended' = 'new'
  #person: MemoryPerson | null = null
  #device: MemoryDevice | null = null
  #shown: string | null = null
  /** Stanzas are taken one after the other, as from a socket. */
  #incoming: Promise<void> = Promise.resolve()
  #ending: Promise<void> | null = null

  constructor(network: MemoryNetwork, options: SessionOptions) {
    this.#network = network
    this.#options = options
    this.#queue = new EventQueue({ deliver: options.onEvent, logger: options.logger, onPressure: () => {} })
    this.#labels = new MemoryLabelReader({
      labels: () => this.#open().person.labels,
      store: options.store,
      report: (event) => this.#queue.push(event),
      reported: () => this.#queue.passed(),
    })
    this.labels = this.#labels.session
    this.#chats = new MemoryChatReader({
      device: () => this.#open().device,
      chats: () => this.#open().person.chats,
      report: (event) => this.#queue.push(event),
      reported: () => this.#queue.passed(),
    })
  }

  start(): void {
    if (this.#state !== 'new') throw new Error('a session starts once')
    this.#state = 'connecting'
    void this.#connect()
  }

  stop(): Promise<void> {
    return this.#end('stopped')
  }

  async logout(): Promise<void> {
    if (this.#state !== 'open') {
      await this.#end('stopped')
      throw new EngineError('not-connected', 'the session is not connected')
    }
    if (this.#device !== null) this.#person?.devices.delete(this.#device.id)
    await this.#end('logged-out')
  }

  async act(action: ChatAction): Promise<void> {
    const { person } = this.#open()
    const change = changeOf(action)
    if (change === null) throw new EngineError('unsupported', 'names are not changed in memory')
    person.chats.change(change)
    await this.#chats.changed()
  }

  async setFavorites(decide: () => Promise<readonly Address[]>): Promise<void> {
    await this.#chats.changed()
    const chats = await decide()
    this.#open().person.chats.change({ kind: 'favorites', chats, at: Date.now() })
    await this.#chats.changed()
  }

  async setBlocked(person: Address, blocked: boolean): Promise<number> {
    const count = this.#open().person.chats.setBlocked(person, blocked)
    await this.#chats.changed()
    return count
  }

  async requestPairingCode(number: string): Promise<string> {
    if (this.#person !== null) throw new EngineError('rejected', 'the instance is already linked')
    if (this.#state !== 'connecting') throw new EngineError('not-connected', 'the session is not connected')
    const code = randomBytes(4).toString('hex').toUpperCase()
    this.#network.offer(`${code}/${number}`, (person) => void this.#paired(person))
    return code
  }

  async send(to: Address, message: WireMessage, { id }: SendOptions): Promise<{ timestamp: number }> {
    const { person, device } = this.#open()
    if (to.jid !== null && !isUserJid(to.jid)) throw new EngineError('unsupported', 'the in-memory network has only people to write to')
    const other = this.#network.find(to)
    if (other === null) throw new EngineError('not-registered', 'WhatsApp knows no device of this person')
    const error = this.#network.rejections.shift() ?? null
    this.#queue.push({ type: 'server-ack', id, to: other.address, error })
    const timestamp = Date.now()
    if (error === null) this.#network.deliver({ id, from: person, to: other, message: copyOf(message), timestamp }, device)
    return { timestamp }
  }

  async markRead(messages: readonly MessageKey[]): Promise<void> {
    const { person } = this.#open()
    for (const { id, chat } of messages) {
      const other = this.#network.find(chat)
      if (other !== null) person.acknowledge(other, [id], 'read')
    }
  }

  async setPresence(presence: 'available' | 'unavailable'): Promise<void> {
    this.#open().person.presence = presence
  }

  async setChatState(to: Address, state: 'composing' | 'recording' | 'paused'): Promise<void> {
    const { person } = this.#open()
    if (this.#network.find(to) !== null) person.chatStates.unshift(state)
  }

  async rejectCall({ id, from }: { id: string; from: Address }): Promise<void> {
    this.#open()
    this.#network.find(from)?.calls.set(id, 'rejected')
  }

  async lookUpNumbers(numbers: readonly string[]): Promise<NumberLookUp[]> {
    this.#open()
    if (numbers.length > 50) throw new RangeError('at most 50 numbers at once')
    return numbers.map((number) => {
      const exists = this.#network.has(number)
      return { number, exists, address: exists ? this.#network.person(number).address : null }
    })
  }

  async requestHistory(days: number): Promise<void> {
    this.#sendHistory(this.#open().person, days)
  }

  async requestOlder(before: MessageKey & { timestamp: number }, count: number): Promise<{ requestId: string }> {
    const { person } = this.#open()
    const other = this.#network.find(before.chat)
    const chat = person.received.filter(({ from, to }) => from === other || to === other)
    const end = chat.findIndex(({ id }) => id === before.id)
    this.#tell(person, chat.slice(0, Math.max(end, 0)).slice(-count))
    return { requestId: randomUUID() }
  }

  async profilePicture(of: Address): Promise<string | null> {
    this.#open()
    const other = this.#network.find(of)
    return other === null || other.picture === null ? null : `memory:picture/${other.number}`
  }

  async uploadMedia(file: Parameters<EngineSession['uploadMedia']>[0]): Promise<UploadedMedia> {
    this.#open()
    return this.#network.media.upload(file)
  }

  async downloadMedia(media: MediaReference, to: Parameters<EngineSession['downloadMedia']>[1]): Promise<{ size: number }> {
    this.#open()
    return this.#network.media.download(media, to)
  }

  async requestMediaAgain(message: MessageKey, media: MediaReference): Promise<MediaReference> {
    this.#open()
    return this.#network.media.uploadAgain(message.id, media)
  }

  // ── the network's side ─────────────────────────────────────────────────────────────────────────────────────────────

  message(message: MemoryMessage, offline: boolean): void {
    this.#incoming = this.#incoming.then(() => this.#record(message, offline))
  }

  receipt({ ids, status, from }: MemoryReceipt): void {
    this.#queue.push({ type: 'receipt', ids, chat: from.address, sender: from.address, fromMe: false, status, timestamp: Date.now() })
  }

  call(call: IncomingCall): void {
    this.#queue.push({ type: 'call', call })
  }

  labelsChanged(): void {
    this.#labels.changed()
  }

  chatsChanged(): void {
    void this.#chats.changed()
  }

  saved(address: Address, savedName: string): void {
    this.#queue.push({ type: 'contact', address, pushName: null, savedName })
  }

  hangUp(reason: CloseReason): void {
    void this.#end(reason)
  }

  async #connect(): Promise<void> {
    if (this.#network.refuse !== null) return this.#end(this.#network.refuse)
    let stored: Uint8Array | null
    try {
      stored = await this.#options.store.loadCredentials()
    } catch {
      return this.#end('storage')
    }
    if (this.#state !== 'connecting') return
    if (stored === null) {
      this.#shown = `memory:${randomUUID()}`
      this.#network.offer(this.#shown, (person) => void this.#paired(person))
      this.#queue.push({ type: 'qr', text: this.#shown, expiresAt: Date.now() + QR_MS })
      return
    }
    const { number, device, secret } = credentialsSchema.parse(JSON.parse(Buffer.from(stored).toString()))
    const person = this.#network.person(number)
    const linked = person.devices.get(device)
    if (linked?.secret !== secret) return this.#end('logged-out')
    this.#login(person, linked)
  }

  async #paired(person: MemoryPerson): Promise<void> {
    if (this.#state !== 'connecting') return
    const device = person.link()
    this.#person = person
    const credentials = { number: person.number, device: device.id, secret: device.secret }
    try {
      await this.#options.store.saveCredentials(Buffer.from(JSON.stringify(credentials)))
    } catch {
      return this.#end('storage')
    }
    this.#queue.push({ type: 'paired', self: person.address, platform: 'memory', businessName: null })
    this.#login(person, device)
    if (this.#options.historyDays !== null) this.#sendHistory(person, this.#options.historyDays)
  }

  #login(person: MemoryPerson, device: MemoryDevice): void {
    if (this.#state !== 'connecting') return
    device.line?.hangUp('replaced')
    device.line = this
    this.#person = person
    this.#device = device
    this.#state = 'open'
    if (this.#options.keepOnline) person.presence = 'available'
    this.#queue.push({ type: 'open', self: person.address, name: person.name })
    for (const message of device.waiting.splice(0)) this.message(message, true)
    this.#labels.changed()
    void this.#chats.changed()
  }

  async #record(message: MemoryMessage, offline: boolean): Promise<void> {
    const person = this.#person
    const device = this.#device
    if (person === null || device === null) return
    if (this.#state !== 'open') {
      device.waiting.push(message)
      return
    }
    const row = rowOf(message, person, offline)
    try {
      await this.#options.store.commit({ put: [], remove: [], inbox: [row] })
      await this.#options.identities.learn([message.from, message.to].map(({ number, address }) => ({ number, lid: userOf(address.lid) })))
    } catch {
      device.waiting.push(message)
      void this.#end('storage')
      return
    }
    const read = readInbox(row, person.address)
    if (read !== null) this.#queue.push({ type: 'message', message: read, inbox: row.hash })
  }

  #sendHistory(person: MemoryPerson, days: number): void {
    const since = Date.now() - days * DAY_MS
    this.#tell(
      person,
      person.received.filter(({ timestamp }) => timestamp >= since),
    )
  }

  #tell(person: MemoryPerson, past: readonly MemoryMessage[]): void {
    const messages = past.flatMap((message) => {
      const read = readInbox(rowOf(message, person, true), person.address)
      return read === null ? [] : [{ ...read, status: read.fromMe ? ('delivered' as const) : null, starred: false }]
    })
    const others = [...new Set(past.map(({ from, to }) => (from === person ? to : from)))]
    const quiet = { unread: 0, markedUnread: false, archived: false, pinnedAt: null, mutedUntil: null, lastMessageAt: null }
    const chats = others.map(({ address }) => ({ chat: address, ...quiet }))
    this.#queue.push({ type: 'history', messages, chats, names: [], progress: 100, inbox: null, stored: () => {} })
  }

  #open(): { person: MemoryPerson; device: MemoryDevice } {
    if (this.#state !== 'open' || this.#person === null || this.#device === null) {
      throw new EngineError('not-connected', 'the session is not connected')
    }
    return { person: this.#person, device: this.#device }
  }

  #end(reason: CloseReason): Promise<void> {
    this.#ending ??= this.#finish(reason)
    return this.#ending
  }

  async #finish(reason: CloseReason): Promise<void> {
    this.#state = 'ended'
    if (this.#shown !== null) this.#network.withdraw(this.#shown)
    if (this.#device?.line === this) this.#device.line = null
    await this.#incoming
    await this.#queue.close({ type: 'closed', reason, detail: reason })
  }
}

const copyOf = (message: WireMessage): WireMessage => decodeWireMessage(encodeWireMessage(message))

const userOf = (jid: string | null): string => jid?.split('@')[0] ?? ''

const rowOf = (message: MemoryMessage, reader: MemoryPerson, offline: boolean): InboxRow => {
  const fromMe = message.from === reader
  const other = fromMe ? message.to : message.from
  return {
    hash: `${message.id}/${reader.number}`,
    attributes: {
      id: message.id,
      chat: other.address.jid ?? '',
      chat_lid: other.address.lid ?? '',
      from_me: String(fromMe),
      t: String(message.timestamp),
      notify: message.from.name,
      ...(offline ? { offline: '1' } : {}),
    },
    plaintext: encodeWireMessage(message.message),
    receivedAt: Date.now(),
  }
}

const readInbox = ({ attributes, plaintext, receivedAt }: InboxRow, self: Address): ReceivedMessage | null => {
  if (!attributes.id || !attributes.chat) return null
  const chat: Address = { jid: attributes.chat, lid: attributes.chat_lid || null }
  const fromMe = attributes.from_me === 'true'
  return {
    id: attributes.id,
    chat,
    sender: fromMe ? self : chat,
    fromMe,
    timestamp: Number(attributes.t) || receivedAt,
    pushName: attributes.notify ?? null,
    message: decodeWireMessage(plaintext),
    viewOnce: false,
    offline: attributes.offline !== undefined,
  }
}
