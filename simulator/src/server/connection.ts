/** One WebSocket from its first byte: intro, Noise handshake, then sealed stanzas both ways. Knows nothing of what they mean. */
import type { Duplex } from 'node:stream'
import { proto } from 'baileys'
import type { RawData, WebSocket } from 'ws'
import { encodeFrame, FrameReader } from '../wire/frames.ts'
import type { BinaryNode } from '../wire/nodes.ts'
import { NoiseResponder, type TransportCipher } from '../wire/noise-responder.ts'
import { decodeStanza, encodeStanza } from '../wire/stanza.ts'
import type { KeyPair } from '../wire/x25519.ts'

/** What takes over once the client has said who it is. */
export interface Session {
  receive(stanza: BinaryNode): void
  /** Called exactly once, however the connection ended. */
  closed(): void
}

export interface ServerIdentity {
  staticKey: KeyPair
  /** Encoded `CertChain`. */
  certificate: Uint8Array
  /** A fresh key pair for each connection. */
  ephemeralKey(): KeyPair
}

export interface Hello {
  /** Decoded `ClientPayload`: registration or login. */
  payload: proto.ClientPayload
  /** The client's Noise static public key. */
  clientStatic: Buffer
}

const MAX_FRAME = 8 * 1024 * 1024
/** A client that takes nothing while this much waits for it is cut off; what it missed stays in its mailbox. */
const MAX_BACKLOG = 32 * 1024 * 1024
const HANDSHAKE_MS = 20_000
const CLOSE_GRACE_MS = 2_000

export class Connection {
  readonly #socket: WebSocket
  readonly #stream: Duplex
  readonly #identity: ServerIdentity
  readonly #noise: NoiseResponder
  readonly #reader = new FrameReader(MAX_FRAME)
  readonly #opened: (connection: Connection, hello: Hello) => Session | undefined
  readonly #handshakeTimer: NodeJS.Timeout
  #greeted = false
  #transport: TransportCipher | undefined
  #session: Session | undefined
  #ended = false
  /** Milliseconds since 1970 of the last sign of life. */
  lastHeard = Date.now()

  #corked = false

  /** `stream` is what the socket writes to. `opened` is called when the handshake is through; without a session the connection only waits to be ended. */
  constructor(
    socket: WebSocket,
    stream: Duplex,
    identity: ServerIdentity,
    opened: (connection: Connection, hello: Hello) => Session | undefined,
  ) {
    this.#socket = socket
    this.#stream = stream
    this.#identity = identity
    this.#opened = opened
    this.#noise = new NoiseResponder({ staticKey: identity.staticKey, ephemeralKey: identity.ephemeralKey() })
    this.#handshakeTimer = setTimeout(() => this.terminate(), HANDSHAKE_MS)
    socket.on('message', (data) => this.#read(data))
    socket.on('close', () => this.#close())
    // A reset peer is no event of ours; `close` follows.
    socket.on('error', () => {})
  }

  /** Bytes the client has not taken yet. */
  get backlog(): number {
    return this.#socket.bufferedAmount
  }

  transmit(stanza: BinaryNode): void {
    this.#write(encodeStanza(stanza))
  }

  /** Sends a frame the client cannot open. */
  transmitDamaged(stanza: BinaryNode): void {
    if (this.#transport === undefined || this.#ended) return
    const sealed = this.#transport.encrypt(encodeStanza(stanza))
    sealed[0] = (sealed[0] ?? 0) ^ 0xff
    this.#socket.send(encodeFrame(sealed))
  }

  /** Says goodbye with these stanzas and closes. */
  end(...last: BinaryNode[]): void {
    if (this.#ended) return
    for (const stanza of last) this.transmit(stanza)
    this.#ended = true
    this.#socket.close(1000)
    const impatience = setTimeout(() => this.#socket.terminate(), CLOSE_GRACE_MS)
    impatience.unref()
    this.#socket.once('close', () => clearTimeout(impatience))
    this.#close()
  }

  /** Cuts the line. */
  terminate(): void {
    this.#ended = true
    this.#uncork()
    this.#socket.terminate()
    this.#close()
  }

  #read(data: RawData): void {
    if (this.#ended) return
    this.lastHeard = Date.now()
    try {
      for (const body of this.#reader.push(asBuffer(data))) {
        if (this.#ended) return
        this.#frame(body)
      }
    } catch {
      // Not a WhatsApp client, or a damaged line. Its own fault, nobody else's.
      this.terminate()
    }
  }

  #frame(body: Buffer): void {
    if (this.#transport !== undefined) this.#session?.receive(decodeStanza(this.#transport.decrypt(body)))
    else if (!this.#greeted) this.#greet(proto.HandshakeMessage.decode(body))
    else this.#finish(proto.HandshakeMessage.decode(body))
  }

  #greet(message: proto.HandshakeMessage): void {
    const ephemeral = message.clientHello?.ephemeral
    if (!ephemeral) throw new Error('no client hello')
    const serverHello = this.#noise.hello(ephemeral, this.#identity.certificate)
    this.#greeted = true
    this.#socket.send(encodeFrame(proto.HandshakeMessage.encode({ serverHello }).finish()))
  }

  #finish(message: proto.HandshakeMessage): void {
    const { static: clientStatic, payload } = message.clientFinish ?? {}
    if (!clientStatic || !payload) throw new Error('no client finish')
    const finish = this.#noise.finish({ static: clientStatic, payload })
    this.#transport = finish.transport
    clearTimeout(this.#handshakeTimer)
    const session = this.#opened(this, { payload: proto.ClientPayload.decode(finish.payload), clientStatic: finish.clientStatic })
    if (this.#ended) session?.closed()
    else this.#session = session
  }

  #write(plaintext: Uint8Array): void {
    if (this.#transport === undefined || this.#ended) return
    this.#cork()
    this.#socket.send(encodeFrame(this.#transport.encrypt(plaintext)))
    if (this.#socket.bufferedAmount > MAX_BACKLOG) this.terminate()
  }

  /** What is written in one turn of the event loop leaves in one piece: each piece costs a call to the kernel, here and at the other end. */
  #cork(): void {
    if (this.#corked) return
    this.#corked = true
    this.#stream.cork()
    setImmediate(() => this.#uncork())
  }

  #uncork(): void {
    if (!this.#corked) return
    this.#corked = false
    this.#stream.uncork()
  }

  #close(): void {
    this.#ended = true
    clearTimeout(this.#handshakeTimer)
    const session = this.#session
    this.#session = undefined
    session?.closed()
  }
}

function asBuffer(data: RawData): Buffer {
  if (Buffer.isBuffer(data)) return data
  return Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data)
}
