/**
 * A companion device for the simulator's own tests: a real Baileys client with its keys in memory. It comes back by itself when the
 * network tells it to restart (515), as every client does.
 */
import type { IncomingMessage } from 'node:http'
import { Agent, get } from 'node:https'
import {
  type AuthenticationCreds,
  type BaileysEventMap,
  DEFAULT_CONNECTION_CONFIG,
  initAuthCreds,
  makeWASocket,
  type proto,
  type SignalDataTypeMap,
  type SignalKeyStore,
  WA_CERT_DETAILS,
  type WAMessage,
  type WASocket,
} from 'baileys'
import { decryptMedia, mediaPart } from '../src/phone/media.ts'
import { CompanionSignal } from './companion-signal.ts'

export interface CompanionOptions {
  /** `whatsappUrl` of the ready line. */
  whatsappUrl: string
  /** `rootKey` of the ready line, base64. The trust root is one per process (engine.md §2.1). */
  rootKey: string
  /** `mediaCa` of the ready line, PEM; without it there is no media. */
  mediaCa?: string
  /** Milliseconds until a helper gives up waiting. Default 15,000. */
  patienceMs?: number
}

type Connection = Partial<BaileysEventMap['connection.update']>

const RESTART = 515

export class Companion {
  readonly creds: AuthenticationCreds = initAuthCreds()
  readonly signal = new CompanionSignal()
  /** Everything the client told, newest last. */
  readonly messages: WAMessage[] = []
  readonly updates: BaileysEventMap['messages.update'] = []
  readonly history: BaileysEventMap['messaging-history.set'][] = []
  readonly chats: BaileysEventMap['chats.update'] = []
  readonly calls: BaileysEventMap['call'] = []
  readonly presences: BaileysEventMap['presence.update'][] = []
  /** Status codes of closed connections. */
  readonly closes: number[] = []
  private readonly options: CompanionOptions
  private readonly keys = new Map<string, unknown>()
  private readonly sent = new Map<string, proto.IMessage>()
  private readonly watchers = new Set<() => void>()
  private readonly taken = new Set<WAMessage>()
  private current: WASocket | undefined
  private lastQr: string | undefined
  private isOpen = false
  private ended = false

  constructor(options: CompanionOptions) {
    this.options = options
    WA_CERT_DETAILS.PUBLIC_KEY = Buffer.from(options.rootKey, 'base64')
    this.connect()
  }

  get sock(): WASocket {
    if (!this.current) throw new Error('not connected')
    return this.current
  }

  /** `number:device@s.whatsapp.net`, once linked. */
  get jid(): string {
    const id = this.creds.me?.id
    if (!id) throw new Error('not linked')
    return id
  }

  /** The QR text now on the screen. */
  qr(): Promise<string> {
    return this.until('a QR text', () => this.lastQr)
  }

  /** A pairing code for this number, as shown on the companion's screen. */
  async pairingCode(number: string): Promise<string> {
    await this.qr()
    return this.sock.requestPairingCode(number)
  }

  /** Linked, logged in and ready. */
  async open(): Promise<void> {
    await this.until('the connection to open', () => this.isOpen || undefined)
  }

  async closed(): Promise<number> {
    const before = this.closes.length
    return this.until('the connection to close', () => this.closes[before])
  }

  async sendText(to: string, text: string): Promise<string> {
    const message = await this.sock.sendMessage(to, { text })
    if (!message?.key.id) throw new Error('nothing was sent')
    if (message.message) this.remember(message.key.id, message.message)
    return message.key.id
  }

  /** The oldest message not taken yet that fits, past or to come. Each is given once. */
  async nextMessage(fits: (message: WAMessage) => boolean = (message) => Boolean(message.message)): Promise<WAMessage> {
    const found = await this.until('a message', () => this.messages.find((message) => !this.taken.has(message) && fits(message)))
    this.taken.add(found)
    return found
  }

  /** Fetches and decrypts the media of a message. */
  async download({ message }: WAMessage): Promise<Uint8Array> {
    const found = mediaPart(message ?? {})
    if (!found?.part.url) throw new Error('no media in this message')
    return decryptMedia(await fetchBytes(found.part.url, this.options.mediaCa), found.kind, found.part)
  }

  /** Waits until something the client told makes `look` give a value. */
  async until<T>(what: string, look: () => T | undefined): Promise<T> {
    const deadline = AbortSignal.timeout(this.options.patienceMs ?? 30_000)
    for (;;) {
      const found = look()
      if (found !== undefined) return found
      await new Promise<void>((resolve, reject) => {
        const stop = () => reject(new Error(`waited too long for ${what}`))
        const wake = () => {
          this.watchers.delete(wake)
          deadline.removeEventListener('abort', stop)
          resolve()
        }
        deadline.addEventListener('abort', stop, { once: true })
        this.watchers.add(wake)
      })
    }
  }

  /** Drops the connection and stays offline until {@link reconnect}. */
  async disconnect(): Promise<void> {
    this.ended = true
    this.isOpen = false
    await this.current?.end(undefined)
  }

  reconnect(): void {
    this.ended = false
    this.connect()
  }

  async close(): Promise<void> {
    await this.disconnect()
    this.notify()
  }

  private connect(): void {
    this.lastQr = undefined
    const sock = makeWASocket({
      ...DEFAULT_CONNECTION_CONFIG,
      waWebSocketUrl: this.options.whatsappUrl,
      auth: { creds: this.creds, keys: this.keyStore },
      logger: silent,
      makeSignalRepository: this.signal.makeRepository,
      getMessage: async ({ id }) => this.sent.get(id ?? ''),
      fetchAgent: new Agent({ ca: this.options.mediaCa }),
      emitOwnEvents: false,
      appStateMacVerification: { patch: true, snapshot: true },
    })
    this.current = sock
    sock.ev.on('connection.update', (update) => this.onConnection(sock, update))
    const keep = <K extends keyof BaileysEventMap>(event: K, take: (data: BaileysEventMap[K]) => void) =>
      sock.ev.on(event, (data) => {
        take(data)
        this.notify()
      })
    keep('creds.update', (update) => Object.assign(this.creds, update))
    keep('messages.upsert', ({ messages }) => this.messages.push(...messages))
    keep('messages.update', (updates) => this.updates.push(...updates))
    keep('messaging-history.set', (set) => this.history.push(set))
    keep('chats.update', (chats) => this.chats.push(...chats))
    keep('call', (calls) => this.calls.push(...calls))
    keep('presence.update', (presence) => this.presences.push(presence))
  }

  private onConnection(sock: WASocket, { connection, qr, lastDisconnect }: Connection): void {
    if (sock !== this.current) return
    if (qr) this.lastQr = qr
    if (connection === 'open') this.isOpen = true
    if (connection === 'close') {
      this.isOpen = false
      const code = statusOf(lastDisconnect?.error)
      this.closes.push(code)
      if (code === RESTART && !this.ended) this.connect()
    }
    this.notify()
  }

  private remember(id: string, message: proto.IMessage): void {
    this.sent.set(id, message)
  }

  private notify(): void {
    for (const wake of [...this.watchers]) wake()
  }

  private readonly keyStore: SignalKeyStore = {
    get: async (type, ids) => {
      const found: Record<string, SignalDataTypeMap[typeof type]> = {}
      for (const id of ids) {
        const value = this.keys.get(`${type} ${id}`)
        if (value !== undefined) found[id] = value as SignalDataTypeMap[typeof type]
      }
      return found
    },
    set: async (data) => {
      for (const [type, entries] of Object.entries(data)) {
        for (const [id, value] of Object.entries(entries ?? {})) {
          if (value === null || value === undefined) this.keys.delete(`${type} ${id}`)
          else this.keys.set(`${type} ${id}`, value)
        }
      }
    },
  }
}

async function fetchBytes(url: string, ca: string | undefined): Promise<Uint8Array> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    get(url, { ca, agent: false }, resolve).on('error', reject)
  })
  const chunks: Uint8Array[] = []
  for await (const chunk of response) chunks.push(chunk)
  if (response.statusCode !== 200) throw new Error(`${url} answers ${response.statusCode}`)
  return Buffer.concat(chunks)
}

/** Baileys wraps the status in a Boom. */
function statusOf(error: unknown): number {
  const output = error instanceof Error && 'output' in error ? error.output : undefined
  const code = typeof output === 'object' && output !== null && 'statusCode' in output ? output.statusCode : undefined
  return typeof code === 'number' ? code : 0
}

const nothing = () => undefined
const silent = {
  level: 'silent',
  child: () => silent,
  trace: nothing,
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: nothing,
}
