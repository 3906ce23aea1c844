/**
 * A simulated phone: device 0 of an account. It owns its keys and its ratchets, and behaves by itself as phones do: takes stanzas in
 * order, answers with receipts, refills its prekeys, keeps its companions in the picture. See simulator/src/ports.ts for its two doors.
 */
import { randomBytes } from 'node:crypto'
import { type BinaryNode, getAllBinaryNodeChildren, getBinaryNodeChild, getBinaryNodeChildren, proto } from 'baileys'
import type { MediaTransfer, PastChat, PastWish, PhoneAnswer, PhoneIdentity, PhoneMessage, PhonePort, Uplink } from '../ports.ts'
import { AddressBook, signalAddress, userJid } from './addresses.ts'
import { readSealed, sealAnswer, sealedIn } from './answers.ts'
import { AppState, type KeySharing } from './app-state.ts'
import { attach } from './attaching.ts'
import { Calls } from './calls.ts'
import { CompanionSync } from './companion-sync.ts'
import { ContactsDirectory } from './contacts-directory.ts'
import { contentType, isPlainText, textOf } from './content.ts'
import { DeviceKeys, type RandomBytes } from './device-keys.ts'
import { GroupBook } from './group-book.ts'
import { History } from './history.ts'
import { Inbox, type Received } from './inbox.ts'
import { Lane } from './lane.ts'
import { signCompanion, startPairingCode } from './linking.ts'
import { decryptMedia, mediaPart } from './media.ts'
import { MediaAgain } from './media-again.ts'
import { type LogEntry, MessageLog } from './message-log.ts'
import { isNewsletter, Outbox } from './outbox.ts'
import { editOf, withSecret } from './outgoing.ts'
import { Past } from './past.ts'
import { ack, personalReceipt } from './receipts.ts'
import { renderProblem } from './rendering.ts'
import { isBroadcast, SenderKeys } from './sender-keys.ts'
import { Sessions } from './sessions.ts'

export interface PhoneOptions {
  identity: PhoneIdentity
  uplink: Uplink
  /** Milliseconds since 1970. */
  now?: () => number
  /** Answers every text it is sent in a 1:1 conversation with the same text. Default false. */
  echo?: boolean
  /** Sends a read receipt for everything it gets. Default false. */
  autoRead?: boolean
  /** Source of keys and ids; default the system's. A seeded one makes them repeatable. */
  random?: RandomBytes
  /** Without it the phone can neither send nor open media. */
  media?: MediaTransfer
  /** How long an answer of the network is waited for, in milliseconds. Default 20,000. */
  queryTimeoutMs?: number
  /** Hears of what went wrong where nobody waits for the outcome. */
  onTrouble?: (error: unknown, doing: string) => void
}

const ECHO_PREFIX = 'echo: '
/** The server names this count when prekeys run low (engine.md §9.3). */
const LOW_PREKEYS = 5
/** In the ack of a message: the members of the group name each other otherwise than it does. */
const STALE_ADDRESSING = '421'

export function createPhone(options: PhoneOptions): PhonePort {
  return new Phone(options)
}

class Phone implements PhonePort {
  readonly identity: PhoneIdentity
  private readonly uplink: Uplink
  private readonly now: () => number
  private readonly random: RandomBytes
  private readonly mediaTransfer: MediaTransfer | undefined
  private readonly queryTimeoutMs: number
  private readonly onTrouble: (error: unknown, doing: string) => void
  private readonly keys: DeviceKeys
  private readonly book: AddressBook
  private readonly sessions: Sessions
  private readonly directory: ContactsDirectory
  private readonly groups: GroupBook
  private readonly inbox: Inbox
  private readonly outbox: Outbox
  private readonly log = new MessageLog()
  private readonly appStates: AppState
  private readonly companions: CompanionSync
  private readonly pastSecret: Uint8Array
  private readonly callBook: Calls
  private readonly mediaAgain: MediaAgain
  private readonly mail = new Lane()
  private name: string
  private echo: boolean
  private autoRead: boolean
  private closed = false

  constructor(options: PhoneOptions) {
    this.identity = options.identity
    this.uplink = options.uplink
    this.now = options.now ?? Date.now
    this.random = options.random ?? randomBytes
    this.mediaTransfer = options.media
    this.mediaAgain = new MediaAgain(options.media)
    this.queryTimeoutMs = options.queryTimeoutMs ?? 20_000
    this.onTrouble = options.onTrouble ?? (() => undefined)
    this.name = options.identity.name
    this.echo = options.echo ?? false
    this.autoRead = options.autoRead ?? false

    const self = options.identity
    const transmit = (stanza: BinaryNode) => this.transmit(stanza)
    const query = (iq: BinaryNode) => this.query(iq)
    this.keys = new DeviceKeys(this.random)
    this.pastSecret = this.random(32)
    this.book = new AddressBook((number, lid) => {
      this.sessions.move(number, signalAddress(`${lid}@lid`).name)
    })
    this.sessions = new Sessions(this.keys, this.book)
    this.book.learn(self.jid, self.lid)
    this.directory = new ContactsDirectory({ query, book: this.book, sessions: this.sessions })
    this.inbox = new Inbox({ self, keys: this.keys, book: this.book, sessions: this.sessions, transmit })
    this.groups = new GroupBook({ query, book: this.book })
    const { book, sessions, directory, groups } = this
    const senderKeys = new SenderKeys({ self, book, sessions, directory, groups })
    this.outbox = new Outbox({ self, book, sessions, directory, senderKeys, transmit })
    this.appStates = new AppState({ query, random: this.random, now: this.now })
    this.companions = new CompanionSync({
      book: this.book,
      log: this.log,
      history: new History({ self, book: this.book, log: this.log }),
      appState: this.appStates,
      outbox: this.outbox,
      media: options.media,
    })
    this.callBook = new Calls({ self, book: this.book, outbox: this.outbox, transmit })
  }

  async start(): Promise<void> {
    await this.query(this.keys.uploadIq())
  }

  close(): void {
    this.closed = true
    this.log.releaseReaders()
  }

  receive(stanza: BinaryNode): void {
    if (this.closed) return
    this.inBackground(
      this.mail.run(() => this.handle(stanza)),
      `handling <${stanza.tag}>`,
    )
  }

  signCompanion(keys: { identity: Uint8Array; advSecret: Uint8Array }, keyIndex: number): Uint8Array {
    const rawId = Buffer.from(this.random(4)).readUInt32BE()
    return signCompanion(this.keys.identity, keys, { keyIndex, rawId, timestamp: this.seconds() })
  }

  startPairingCode(code: string, hello: Parameters<PhonePort['startPairingCode']>[1]): ReturnType<PhonePort['startPairingCode']> {
    return startPairingCode(this.keys.identity, code, hello)
  }

  async deviceLinked(deviceJid: string, { fullHistory } = { fullHistory: false }): Promise<void> {
    this.directory.forget(deviceJid)
    // A number given anew to another device: whatever was agreed with the former one is void.
    this.sessions.drop(deviceJid)
    // A network without app state still gets its companions linked.
    await this.appStates.writeName(this.name).catch((error) => this.onTrouble(error, 'writing the name to app state'))
    await this.companions.welcome(deviceJid, { ownName: this.name, full: fullHistory, now: this.seconds() })
  }

  remember(wish: PastWish): readonly PastChat[] {
    const past = new Past({ self: this.identity, secret: this.pastSecret, wish, now: this.seconds() })
    this.companions.history.past = past
    return past.chats
  }

  deviceUnlinked(deviceJid: string): void {
    this.directory.forget(deviceJid)
    this.sessions.drop(deviceJid)
  }

  async sendMessage(input: Parameters<PhonePort['sendMessage']>[0]): Promise<{ id: string; timestamp: number }> {
    const id = input.id ?? this.newId()
    const message = withSecret(proto.Message.toObject(proto.Message.fromObject(input.message)) as proto.IMessage, this.random)
    if (input.media)
      await attach(message, input.media, { transfer: this.mediaTransfer, sealed: !isNewsletter(input.to), now: this.seconds() })
    const to = userJid(input.to)
    const timestamp = this.seconds()
    const audience = isBroadcast(to) ? (input.audience ?? this.contacts()) : []
    await this.outbox.send({ id, to, message, edit: input.editAttribute ?? editOf(message), audience }, () => {
      this.record({ id, chat: to, from: this.identity.jid, fromMe: true, timestamp, message })
    })
    return { id, timestamp }
  }

  sealAnswer(to: string, answer: PhoneAnswer): Promise<proto.IMessage> {
    const { identity: self, log, groups, random, now, book } = this
    return sealAnswer(to, answer, { self, log, groups, random, now, person: (jid) => book.person(jid) })
  }

  ask(iq: BinaryNode): Promise<BinaryNode> {
    return this.query(iq)
  }

  sendReceipts({ chat, ids, type }: Parameters<PhonePort['sendReceipts']>[0]): void {
    const person = this.book.person(chat)
    // One receipt per address and author: in a group the server must know whose messages were read.
    const groups = new Map<string, { to: string; participant?: string; ids: string[] }>()
    for (const id of ids) {
      const target = this.log.find(person, id)?.receipt ?? { to: userJid(chat) }
      const key = `${target.to} ${target.participant ?? ''}`
      const group = groups.get(key) ?? { ...target, ids: [] }
      group.ids.push(id)
      groups.set(key, group)
    }
    for (const group of groups.values()) {
      const receipt = personalReceipt({ ...group, type, timestamp: this.seconds() })
      if (receipt) this.transmit(receipt)
    }
  }

  sendPresence({ to, state }: Parameters<PhonePort['sendPresence']>[0]): void {
    if (state === 'available' || state === 'unavailable') {
      this.transmit({ tag: 'presence', attrs: { type: state, name: this.name } })
      return
    }
    if (!to) throw new Error(`${state} needs the conversation it is shown in`)
    const content: BinaryNode = state === 'recording' ? { tag: 'composing', attrs: { media: 'audio' } } : { tag: state, attrs: {} }
    this.transmit({ tag: 'chatstate', attrs: { to: userJid(to) }, content: [content] })
  }

  messages(after: number, waitMs: number): Promise<{ messages: PhoneMessage[]; cursor: number }> {
    return this.log.read(after, this.closed ? 0 : waitMs)
  }

  async media(cursor: number): Promise<{ bytes: Uint8Array; mimetype: string }> {
    const found = mediaPart(this.log.at(cursor)?.content ?? {})
    if (!found) throw new Error(`message ${cursor} carries no media`)
    if (!this.mediaTransfer) throw new Error('this phone has no media host')
    const { url, directPath, mimetype } = found.part
    const ciphertext = await this.mediaTransfer.download({ url: url ?? undefined, directPath: directPath ?? undefined })
    return { bytes: decryptMedia(ciphertext, found.kind, found.part), mimetype: mimetype ?? 'application/octet-stream' }
  }

  configure(patch: { name?: string; echo?: boolean; autoRead?: boolean }): void {
    this.echo = patch.echo ?? this.echo
    this.autoRead = patch.autoRead ?? this.autoRead
    if (patch.name !== undefined && patch.name !== this.name) {
      this.name = patch.name
      this.inBackground(this.appStates.writeName(patch.name), 'writing the name to app state')
      this.transmit({ tag: 'presence', attrs: { name: patch.name } })
    }
  }

  async call({ to, video = false }: { to: string; video?: boolean }): Promise<{ callId: string }> {
    return { callId: await this.callBook.ring(to, video) }
  }

  acceptCall(callId: string): void {
    this.callBook.accept(callId)
  }

  endCall(callId: string): void {
    this.callBook.end(callId)
  }

  get calls(): PhonePort['calls'] {
    return this.callBook.list()
  }

  forgetMedia(): void {
    this.mediaAgain.forgetAll()
  }

  appState(): Record<string, unknown> {
    return this.appStates.known()
  }

  async changeAppState({ collection, index, action }: Parameters<PhonePort['changeAppState']>[0]): Promise<void> {
    await this.appStates.write(collection, index, action === null ? null : proto.SyncActionValue.fromObject(action))
  }

  async renewAppStateKey(sharing: KeySharing): Promise<void> {
    this.appStates.renewKey(sharing)
    if (sharing !== 'now') return
    for (const device of await this.directory.devicesOf([this.identity.jid])) {
      if (device !== this.identity.jid) await this.companions.shareKeys(device, this.appStates.sharedKeys())
    }
  }

  private async handle(stanza: BinaryNode): Promise<void> {
    switch (stanza.tag) {
      case 'message':
        return this.handleMessage(stanza)
      case 'receipt':
        this.transmit(ack(stanza))
        // Needs the network: in the background, so that the mail behind it does not wait for an answer that may be part of it.
        if (stanza.attrs.type === 'retry') this.inBackground(this.outbox.answerRetry(stanza), 'answering a retry receipt')
        if (stanza.attrs.type === 'server-error') {
          this.inBackground(
            this.mediaAgain.answer(stanza).then((answer) => this.transmit(answer)),
            'uploading media again',
          )
        }
        return
      case 'notification':
        this.transmit(ack(stanza))
        return this.handleNotification(stanza)
      case 'call':
        return this.callBook.receive(stanza)
      case 'ack':
        // A hash of devices other than ours: somebody came in, or has a device we don't know of.
        if (stanza.attrs.phash && stanza.attrs.from) await this.relearn(stanza.attrs.from)
        if (stanza.attrs.error === STALE_ADDRESSING && stanza.attrs.from) this.groups.forget(stanza.attrs.from)
        if (stanza.attrs.error) this.onTrouble(`refused with ${stanza.attrs.error}`, `sending ${stanza.attrs.class} ${stanza.attrs.id}`)
    }
  }

  private async handleMessage(stanza: BinaryNode): Promise<void> {
    const received = await this.inbox.accept(stanza)
    if (!received) return
    const { envelope, message } = received
    if (envelope.peer) {
      this.inBackground(this.companions.answer(envelope.author, envelope.id, message), 'answering a companion')
      return
    }
    const entry = this.record({
      id: envelope.id,
      chat: envelope.chat,
      from: envelope.author,
      fromMe: envelope.own,
      timestamp: envelope.timestamp || this.seconds(),
      message,
      pushName: envelope.pushName,
      receipt: envelope.group ? { to: envelope.chat, participant: envelope.author } : { to: envelope.chat },
      marks: { edit: envelope.edit, unrendered: renderProblem(message, stanza) },
    })
    if (!entry || envelope.own) return
    if (this.autoRead) this.sendReceipts({ chat: envelope.chat, ids: [envelope.id], type: 'read' })
    if (this.echo) this.answerWithEcho(received)
  }

  private answerWithEcho({ envelope, message }: Received): void {
    const text = textOf(message)
    if (envelope.group || !isPlainText(message) || text.startsWith(ECHO_PREFIX)) return
    this.inBackground(this.sendMessage({ to: envelope.chat, message: { conversation: ECHO_PREFIX + text } }), 'echoing')
  }

  /** Whom the phone knows by number: who wrote to it, or was written to. */
  private contacts(): string[] {
    return this.book.pairs().flatMap(({ pnJid }) => (pnJid === this.identity.jid ? [] : [pnJid]))
  }

  private async relearn(group: string): Promise<void> {
    if (isBroadcast(group)) return
    for (const person of (await this.groups.find(group)).people) this.directory.forget(person)
    this.groups.forget(group)
  }

  private handleNotification(stanza: BinaryNode): void {
    const { type, from } = stanza.attrs
    if (type === 'encrypt') {
      const count = getBinaryNodeChild(stanza, 'count')?.attrs.value
      if (count !== undefined && Number(count) < LOW_PREKEYS) this.inBackground(this.start(), 'uploading prekeys')
      if (from && getBinaryNodeChild(stanza, 'identity')) {
        this.sessions.dropUser(from)
        this.directory.forget(from)
      }
    } else if (type === 'devices' && from) {
      this.directory.forget(from)
      if (stanza.attrs.lid) this.directory.forget(stanza.attrs.lid)
      const [change] = getAllBinaryNodeChildren(stanza)
      if (change?.tag === 'remove') {
        for (const { attrs } of getBinaryNodeChildren(change, 'device')) if (attrs.jid) this.sessions.drop(attrs.jid)
      }
    } else if (type === 'w:gp2' && from) {
      this.groups.forget(from)
    } else if (type === 'server_sync') {
      for (const { attrs } of getBinaryNodeChildren(stanza, 'collection')) {
        if (attrs.name) this.inBackground(this.appStates.refresh(attrs.name), 'reading app state')
      }
    }
  }

  /** Undefined for a message without content. */
  private record(input: {
    id: string
    chat: string
    from: string
    fromMe: boolean
    timestamp: number
    message: proto.IMessage
    pushName?: string
    receipt?: LogEntry['receipt']
    marks?: Pick<PhoneMessage, 'edit' | 'unrendered'>
  }): LogEntry | undefined {
    const { id, fromMe, timestamp, message, pushName, receipt, marks } = input
    const type = contentType(message)
    if (!type) return undefined
    this.inBackground(this.mediaAgain.keep(id, message), 'keeping media')
    const chat = this.book.person(input.chat)
    const sealed = sealedIn(message)
    const question = this.log.find(chat, sealed?.key?.id ?? '')
    const unsealed = sealed ? readSealed(sealed, { ...input, question }, this.identity) : undefined
    const shown = {
      id,
      chat,
      from: this.book.person(input.from),
      fromMe,
      timestamp,
      type,
      text: unsealed ?? textOf(message),
      message: proto.Message.fromObject(message).toJSON(),
      ...marks,
      ...(sealed && unsealed === undefined && { unrendered: 'sealed, and nobody here can open it' }),
    }
    return this.log.add({ shown, content: message, pushName, receipt })
  }

  private newId(): string {
    return `3A${Buffer.from(this.random(9)).toString('hex').toUpperCase()}`
  }

  private seconds(): number {
    return Math.floor(this.now() / 1000)
  }

  private transmit(stanza: BinaryNode): void {
    if (!this.closed) this.uplink.send(stanza)
  }

  /** A network that falls silent must not hold a phone for ever. */
  private query(iq: BinaryNode): Promise<BinaryNode> {
    if (this.closed) return Promise.reject(new Error('the phone is closed'))
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no answer to <iq xmlns=${iq.attrs.xmlns}>`)), this.queryTimeoutMs)
      this.uplink
        .query(iq)
        .then(resolve, reject)
        .finally(() => clearTimeout(timer))
    })
  }

  private inBackground(work: Promise<unknown>, doing: string): void {
    work.catch((error) => this.onTrouble(error, doing))
  }
}
