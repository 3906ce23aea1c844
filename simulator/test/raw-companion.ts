/** A companion without Signal: registers, gets linked, logs in, and exchanges stanzas as a test dictates. For tests of the network. */
import { createHmac, randomBytes } from 'node:crypto'
import { type BinaryNode, encodeBinaryNode, proto } from 'baileys'
import { WebSocket } from 'ws'
import { childOf, childrenNamed, node } from '../src/wire/nodes.ts'
import { decodeStanza } from '../src/wire/stanza.ts'
import { certificateProblem, NoiseInitiator, newKeyPair, type RawKeyPair, typed, xeddsaSign } from './noise-initiator.ts'

const PROLOGUE = Buffer.from([0x57, 0x41, 6, 3])
const WAIT_MS = 30_000

/** What a companion keeps from one connection to the next. */
export interface CompanionIdentity {
  noise: RawKeyPair
  identity: RawKeyPair
  signedPreKey: RawKeyPair
  advSecret: Buffer
  /** `number:device@s.whatsapp.net` once linked. */
  jid?: string
  lid?: string
  routingInfo?: Buffer
}

export function newCompanionIdentity(): CompanionIdentity {
  return { noise: newKeyPair(), identity: newKeyPair(), signedPreKey: newKeyPair(), advSecret: randomBytes(32) }
}

type Fits = (stanza: BinaryNode) => boolean

export class RawCompanion {
  readonly me: CompanionIdentity
  readonly received: BinaryNode[] = []
  /** Stanzas a test has already been given. */
  readonly #taken = new Set<BinaryNode>()
  readonly #waiters = new Set<() => void>()
  readonly closed: Promise<void>
  readonly #socket: WebSocket
  #cipher: ReturnType<NoiseInitiator['split']> | undefined
  #inbox = Buffer.alloc(0)
  #ids = 0
  /** Acknowledge what comes, as clients do. Tests of redelivery switch it off. */
  acknowledging = true

  private constructor(url: string, me: CompanionIdentity) {
    this.me = me
    this.#socket = new WebSocket(url, { perMessageDeflate: false })
    this.closed = new Promise((resolve) => this.#socket.once('close', () => resolve()))
    this.#socket.on('error', () => {})
  }

  /** Connects and says who it is: registration while unlinked, login afterwards. */
  static async connect(network: { whatsappUrl: string; rootKey: string }, me = newCompanionIdentity()): Promise<RawCompanion> {
    const companion = new RawCompanion(network.whatsappUrl, me)
    await companion.#handshake(Buffer.from(network.rootKey, 'base64'))
    return companion
  }

  /** The first QR text of an unlinked companion. */
  async qr(index = 0): Promise<string> {
    const stanza = await this.next((s) => childOf(s, 'pair-device') !== undefined)
    const ref = childrenNamed(childOf(stanza, 'pair-device'), 'ref')[index]?.content
    const parts = [
      Buffer.from(ref as Uint8Array).toString(),
      ...[this.me.noise.publicKey, this.me.identity.publicKey, this.me.advSecret].map(b64),
    ]
    return `https://wa.me/settings/linked_devices#${parts.join(',')},1`
  }

  /** Plays the companion's part of the pairing and waits for the 515. Gives the pair-success stanza. */
  async acceptPairing(): Promise<BinaryNode> {
    const stanza = await this.next((s) => childOf(s, 'pair-success') !== undefined)
    const success = childOf(stanza, 'pair-success')
    const signed = proto.ADVSignedDeviceIdentityHMAC.decode(bytes(childOf(success, 'device-identity')))
    const hmac = createHmac('sha256', this.me.advSecret)
      .update(Buffer.from(signed.details ?? []))
      .digest()
    if (!hmac.equals(Buffer.from(signed.hmac ?? []))) throw new Error('the ADV HMAC is wrong')
    const account = proto.ADVSignedDeviceIdentity.decode(signed.details ?? new Uint8Array())
    const details = Buffer.from(account.details ?? [])
    const message = Buffer.concat([
      Buffer.from([6, 1]),
      details,
      this.me.identity.publicKey,
      Buffer.from(account.accountSignatureKey ?? []),
    ])
    const answer = proto.ADVSignedDeviceIdentity.encode({
      details,
      accountSignature: account.accountSignature,
      deviceSignature: xeddsaSign(this.me.identity, message),
    })
    const { keyIndex } = proto.ADVDeviceIdentity.decode(details)
    this.send(
      node('iq', { id: stanza.attrs.id, to: 's.whatsapp.net', type: 'result' }, [
        node('pair-device-sign', {}, [node('device-identity', { 'key-index': String(keyIndex) }, answer.finish())]),
      ]),
    )
    Object.assign(this.me, childOf(success, 'device')?.attrs)
    await this.next((s) => s.tag === 'stream:error' && s.attrs.code === '515')
    await this.closed
    return stanza
  }

  /** Uploads keys, goes active and waits until the queue is through. Gives how many stanzas had waited. */
  async goActive(preKeys = 10): Promise<number> {
    await this.next((s) => s.tag === 'success')
    await this.query('encrypt', 'set', this.keyUpload(preKeys))
    await this.query('passive', 'set', [node('active')])
    const end = await this.next((s) => s.tag === 'ib' && childOf(s, 'offline') !== undefined)
    return Number(childOf(end, 'offline')?.attrs.count)
  }

  keyUpload(count: number, firstId = 1): BinaryNode[] {
    const list = Array.from({ length: count }, (_, index) =>
      node('key', {}, [node('id', {}, threeBytes(firstId + index)), node('value', {}, newKeyPair().publicKey)]),
    )
    return [
      node('registration', {}, Buffer.from([0, 0, 0x12, 0x34])),
      node('type', {}, Buffer.from([5])),
      node('identity', {}, this.me.identity.publicKey),
      node('list', {}, list),
      node('skey', {}, [
        node('id', {}, threeBytes(1)),
        node('value', {}, this.me.signedPreKey.publicKey),
        node('signature', {}, this.#signature()),
      ]),
    ]
  }

  send(stanza: BinaryNode): void {
    if (this.#cipher === undefined) throw new Error('not connected')
    this.#write(this.#cipher.encrypt(encodeBinaryNode(stanza)))
  }

  /** Answer of an iq, also when it is an error. */
  async query(xmlns: string, type: string, content?: BinaryNode[], attrs: Record<string, string> = {}): Promise<BinaryNode> {
    return this.request(node('iq', { to: 's.whatsapp.net', xmlns, type, ...attrs }, content))
  }

  async request(stanza: BinaryNode): Promise<BinaryNode> {
    this.#ids += 1
    const id = `Q-${this.#ids}`
    this.send({ ...stanza, attrs: { ...stanza.attrs, id } })
    return this.next((s) => s.attrs.id === id)
  }

  /** The oldest stanza not yet given out that fits, past or to come. */
  async next(fits: Fits): Promise<BinaryNode> {
    const deadline = Date.now() + WAIT_MS
    for (;;) {
      const found = this.received.find((stanza) => !this.#taken.has(stanza) && fits(stanza))
      if (found !== undefined) {
        this.#taken.add(found)
        return found
      }
      const left = deadline - Date.now()
      if (left <= 0) throw new Error(`nothing fitting came; got ${this.received.map(show).join(' ')}`)
      await this.#change(left)
    }
  }

  close(): Promise<void> {
    this.#socket.close()
    return this.closed
  }

  /** The process dies: no goodbye. */
  kill(): Promise<void> {
    this.#socket.terminate()
    return this.closed
  }

  /** Reads nothing any more, as a hung client. */
  hang(): void {
    this.#socket.pause()
  }

  /** Puts bytes on the wire that are no frame of ours. */
  sendGarbage(): void {
    this.#socket.send(Buffer.from([0, 0, 20, ...randomBytes(20)]))
  }

  #change(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer)
        this.#waiters.delete(done)
        resolve()
      }
      const timer = setTimeout(done, ms)
      this.#waiters.add(done)
    })
  }

  async #handshake(root: Buffer): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#socket.once('open', resolve)
      this.#socket.once('error', reject)
    })
    const noise = new NoiseInitiator(this.me.noise, newKeyPair(), PROLOGUE)
    const hello = proto.HandshakeMessage.encode({ clientHello: { ephemeral: noise.ephemeral.publicKey } }).finish()
    const answer = new Promise<Buffer>((resolve) => this.#socket.once('message', (data) => resolve(data as Buffer)))
    this.#socket.send(Buffer.concat([intro(this.me.routingInfo), frame(hello)]))
    const { serverHello } = proto.HandshakeMessage.decode((await answer).subarray(3))
    const { ephemeral, static: sealedStatic, payload } = serverHello ?? {}
    if (!ephemeral || !sealedStatic || !payload) throw new Error('no server hello')
    const { serverStatic, certificate } = noise.readServerHello({ ephemeral, static: sealedStatic, payload })
    const problem = certificateProblem(certificate, root, serverStatic, Date.now() / 1000)
    if (problem !== undefined) throw new Error(`certificate: ${problem}`)
    const finish = noise.finish(proto.ClientPayload.encode(this.#payload()).finish())
    this.#cipher = noise.split()
    this.#socket.on('message', (data) => this.#read(data as Buffer))
    this.#write(proto.HandshakeMessage.encode({ clientFinish: finish }).finish())
  }

  #payload(): proto.IClientPayload {
    if (this.me.jid !== undefined) {
      const [, user, device] = /^(\d+):(\d+)@/.exec(this.me.jid) ?? []
      return { username: Number(user), device: Number(device), passive: true, pull: true }
    }
    return {
      passive: false,
      devicePairingData: {
        buildHash: randomBytes(16),
        deviceProps: proto.DeviceProps.encode({ os: 'Test', platformType: proto.DeviceProps.PlatformType.CHROME }).finish(),
        eRegid: Buffer.from([0, 0, 0x12, 0x34]),
        eKeytype: Buffer.from([5]),
        eIdent: this.me.identity.publicKey,
        eSkeyId: threeBytes(1),
        eSkeyVal: this.me.signedPreKey.publicKey,
        eSkeySig: this.#signature(),
      },
    }
  }

  #signature(): Buffer {
    return xeddsaSign(this.me.identity, typed(this.me.signedPreKey.publicKey))
  }

  #write(body: Uint8Array): void {
    this.#socket.send(frame(body))
  }

  #read(data: Buffer): void {
    this.#inbox = Buffer.concat([this.#inbox, data])
    while (this.#inbox.length >= 3 && this.#inbox.length >= 3 + this.#inbox.readUIntBE(0, 3)) {
      const length = this.#inbox.readUIntBE(0, 3)
      const body = this.#inbox.subarray(3, 3 + length)
      this.#inbox = this.#inbox.subarray(3 + length)
      if (this.#cipher === undefined) continue
      const stanza = decodeStanza(this.#cipher.decrypt(body))
      this.received.push(stanza)
      this.#acknowledge(stanza)
    }
    for (const wake of [...this.#waiters]) wake()
  }

  #acknowledge(stanza: BinaryNode): void {
    const { id, from, type, participant } = stanza.attrs
    if (!this.acknowledging || !['message', 'receipt', 'notification', 'call'].includes(stanza.tag)) return
    this.send(node('ack', { class: stanza.tag, id, to: from, type, participant }))
  }
}

export function intro(routingInfo: Buffer | undefined): Buffer {
  if (routingInfo === undefined) return PROLOGUE
  const length = Buffer.alloc(3)
  length.writeUIntBE(routingInfo.length, 0, 3)
  return Buffer.concat([Buffer.from('ED'), Buffer.from([0, 1]), length, routingInfo, PROLOGUE])
}

function frame(body: Uint8Array): Buffer {
  const length = Buffer.alloc(3)
  length.writeUIntBE(body.length, 0, 3)
  return Buffer.concat([length, body])
}

function threeBytes(value: number): Buffer {
  const bytesOfId = Buffer.alloc(3)
  bytesOfId.writeUIntBE(value, 0, 3)
  return bytesOfId
}

const b64 = (value: Buffer) => value.toString('base64')
const bytes = (owner: BinaryNode | undefined) =>
  owner?.content instanceof Uint8Array ? owner.content : Buffer.from(String(owner?.content ?? ''))
const show = (stanza: BinaryNode) => `<${stanza.tag} ${JSON.stringify(stanza.attrs)}>`
