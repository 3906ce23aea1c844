/**
 * A companion that is not linked yet: shows QR refs or a pairing code, is signed in by a phone, and is sent to log in.
 *
 *   pair-device (6 refs) → [scan | code] → pair-success → pair-device-sign → linked → stream:error 515
 */
import { randomBytes } from 'node:crypto'
import { type Account, Device } from '../accounts/account.ts'
import { type Clock, unixSeconds } from '../clock.ts'
import { errorAnswer } from '../iq/dispatcher.ts'
import { parseJid } from '../jid.ts'
import type { CompanionHello, CompanionKeys, PairingCodeExchange, PhonePort } from '../ports.ts'
import { type BinaryNode, bytesOf, childOf, childrenOf, node, SERVER_JID } from '../wire/nodes.ts'
import type { CompanionLine } from './companion-line.ts'
import { accountKeyOf, type CompanionRegistration, deviceSignatureHolds } from './companion-registration.ts'
import type { Session } from './connection.ts'
import type { LinkableCompanion, PairingDesk } from './pairing-desk.ts'
import { PairingError } from './pairing-error.ts'

/** How long each ref may be scanned after it was handed out: clients show the first for 60 s, each later one for 20 s. */
export const QR_LIFETIMES_MS = [60_000, 80_000, 100_000, 120_000, 140_000, 160_000] as const
/** A companion nobody has linked by then is sent away: its last ref is gone, and so is its code. */
const PATIENCE_MS = 180_000
/** How long the companion may take to answer. */
const ANSWER_MS = 20_000
const PAIR_DEVICE_ID = 'PAIRDEVICE'
const PAIR_SUCCESS_ID = 'PAIRSUCCESS'
const REFRESH_ID = 'REGREFRESH'

interface Waiting<T> {
  resolve(value: T): void
  reject(error: Error): void
}

interface KeyBundleAnswer {
  wrappedKeyBundle: Buffer
  companionIdentity: Buffer
  reply(accepted: boolean): void
}

export class RegistrationSession implements Session, LinkableCompanion {
  readonly #line: CompanionLine
  readonly #desk: PairingDesk
  readonly #clock: Clock
  readonly #registration: CompanionRegistration
  readonly #noiseKey: Buffer
  readonly #linked: (device: Device) => void
  readonly #refs = new Map<string, number>()
  readonly #codeRef = randomBytes(20).toString('base64url')
  #hello: { number: string; hello: CompanionHello } | undefined
  #waitsForSignature: Waiting<BinaryNode> | undefined
  #waitsForBundle: Waiting<KeyBundleAnswer> | undefined
  #waitsForRefresh: Waiting<BinaryNode> | undefined
  #busy = false
  readonly #patience: NodeJS.Timeout

  constructor(input: {
    line: CompanionLine
    desk: PairingDesk
    clock: Clock
    registration: CompanionRegistration
    noiseKey: Buffer
    linked: (device: Device) => void
  }) {
    this.#line = input.line
    this.#desk = input.desk
    this.#clock = input.clock
    this.#registration = input.registration
    this.#noiseKey = input.noiseKey
    this.#linked = input.linked
    this.#line.onStanza((stanza) => this.#handle(stanza))
    this.#patience = setTimeout(() => this.#line.end(node('xmlstreamend')), PATIENCE_MS)
  }

  /** Hands out the refs. */
  start(): void {
    const now = this.#clock.now()
    for (const lifetime of QR_LIFETIMES_MS) {
      const ref = `2@${randomBytes(96).toString('base64url')}`
      this.#refs.set(ref, now + lifetime)
      this.#desk.offer(ref, this)
    }
    const refs = [...this.#refs.keys()].map((ref) => node('ref', {}, Buffer.from(ref)))
    this.#line.send(node('iq', { from: SERVER_JID, type: 'set', xmlns: 'md', id: PAIR_DEVICE_ID }, [node('pair-device', {}, refs)]))
  }

  receive(stanza: BinaryNode): void {
    this.#line.receive(stanza)
  }

  closed(): void {
    clearTimeout(this.#patience)
    this.#line.closed()
    for (const ref of this.#refs.keys()) this.#desk.withdraw(ref)
    if (this.#hello !== undefined) this.#desk.withdrawHello(this.#hello.number, this)
    const gone = new PairingError('the companion went away')
    this.#waitsForSignature?.reject(gone)
    this.#waitsForBundle?.reject(gone)
    this.#waitsForRefresh?.reject(gone)
  }

  /** Links by QR. Throws {@link PairingError} when the ref is too old or the companion does not play along. */
  async scanned(ref: string, noiseKey: Buffer, keys: CompanionKeys, account: Account, phone: PhonePort): Promise<Device> {
    const expiry = this.#refs.get(ref)
    if (expiry === undefined || expiry < this.#clock.now()) throw new PairingError('the QR has expired')
    if (!noiseKey.equals(this.#noiseKey)) throw new PairingError('the QR belongs to another connection')
    return this.#exclusively(() => this.#signIn(keys, account, phone))
  }

  /**
   * As since July 2026: the companion is to show a code with another secret before it can be linked. Resolves when it has acknowledged that. Throws
   * {@link PairingError} when it has not, or the ref is too old.
   */
  async refresh(ref: string): Promise<void> {
    const expiry = this.#refs.get(ref)
    if (expiry === undefined || expiry < this.#clock.now()) throw new PairingError('the QR has expired')
    const acknowledged = awaitAnswer<BinaryNode>('the companion did not acknowledge the refresh', (waiting) => {
      this.#waitsForRefresh = waiting
    })
    const attrs = { id: REFRESH_ID, type: 'companion_reg_refresh', from: SERVER_JID, t: String(unixSeconds(this.#clock)) }
    this.#line.send(node('notification', attrs, [node('companion_reg_refresh')]))
    await acknowledged
  }

  /** Links by the code the companion shows. Throws {@link PairingError} when it was another one. */
  async codeTyped(code: string, account: Account, phone: PhonePort): Promise<Device> {
    const { hello } = this.#hello ?? {}
    if (hello === undefined) throw new PairingError('no companion waits for a code')
    return this.#exclusively(async () => {
      const exchange = phone.startPairingCode(code, hello)
      const answer = this.#awaitBundle()
      this.#line.send(this.#codeNotification(exchange))
      const bundle = await answer
      const keys = openBundle(exchange, bundle)
      bundle.reply(keys !== undefined)
      if (keys === undefined) throw new PairingError('the code is wrong')
      return this.#signIn(keys, account, phone)
    })
  }

  async #exclusively<T>(act: () => Promise<T>): Promise<T> {
    if (this.#busy) throw new PairingError('the companion is being linked already')
    this.#busy = true
    try {
      return await act()
    } finally {
      this.#busy = false
    }
  }

  async #signIn(keys: CompanionKeys, account: Account, phone: PhonePort): Promise<Device> {
    const { identity } = this.#registration.keys
    if (!identity.equals(keys.identity)) throw new PairingError('the companion shows another identity than it registered')
    const { id, keyIndex } = account.reserveDevice()
    const linkedAt = unixSeconds(this.#clock)
    const { platform, fullHistory } = this.#registration
    const device = new Device({ account, id, keyIndex, platform, linkedAt, noiseKey: this.#noiseKey, fullHistory })
    device.keys.register(this.#registration.keys)
    const signedIdentity = phone.signCompanion(keys, keyIndex)
    const answered = this.#awaitSignature()
    this.#line.send(pairSuccess(device, signedIdentity))
    const signature = bytesOf(childOf(childOf(await answered, 'pair-device-sign'), 'device-identity'))
    const accountKey = accountKeyOf(signedIdentity)
    if (signature === undefined || !deviceSignatureHolds({ answer: signature, accountKey, companionIdentity: identity })) {
      this.#line.end(node('failure', { reason: '401', location: 'sim' }))
      throw new PairingError('the companion did not sign')
    }
    this.#linked(device)
    this.#line.end(node('stream:error', { code: '515' }))
    return device
  }

  #handle(stanza: BinaryNode): void {
    const { type, id, xmlns } = stanza.attrs
    if (stanza.tag === 'ack' && id === REFRESH_ID && type === 'companion_reg_refresh') this.#waitsForRefresh?.resolve(stanza)
    if (stanza.tag !== 'iq') return
    if (type === 'result' || type === 'error') {
      if (id === PAIR_SUCCESS_ID) this.#waitsForSignature?.resolve(stanza)
      return
    }
    const child = childrenOf(stanza)[0]
    if (xmlns === 'w:p') this.#result(stanza)
    else if (xmlns === 'md' && child?.tag === 'link_code_companion_reg') this.#codeStage(stanza, child)
    else this.#line.send(errorAnswer(stanza, 401, 'not-authorized'))
  }

  #codeStage(stanza: BinaryNode, child: BinaryNode): void {
    if (child.attrs.stage === 'companion_hello') this.#companionHello(stanza, child)
    else if (child.attrs.stage === 'companion_finish') this.#companionFinish(stanza, child)
    else this.#line.send(errorAnswer(stanza, 400, 'bad-request'))
  }

  #companionHello(stanza: BinaryNode, child: BinaryNode): void {
    const number = parseJid(child.attrs.jid)?.user
    const wrappedEphemeral = bytesOf(childOf(child, 'link_code_pairing_wrapped_companion_ephemeral_pub'))
    const serverAuthKey = bytesOf(childOf(child, 'companion_server_auth_key_pub'))
    if (!number || wrappedEphemeral?.length !== 80 || serverAuthKey?.length !== 32) {
      this.#line.send(errorAnswer(stanza, 400, 'bad-request'))
      return
    }
    this.#hello = { number, hello: { wrappedEphemeral, serverAuthKey } }
    this.#desk.offerHello(number, this)
    this.#result(stanza, [node('link_code_companion_reg', {}, [node('link_code_pairing_ref', {}, Buffer.from(this.#codeRef))])])
  }

  #companionFinish(stanza: BinaryNode, child: BinaryNode): void {
    const wrappedKeyBundle = bytesOf(childOf(child, 'link_code_pairing_wrapped_key_bundle'))
    const companionIdentity = bytesOf(childOf(child, 'companion_identity_public'))
    const ref = bytesOf(childOf(child, 'link_code_pairing_ref'))?.toString()
    const waiting = this.#waitsForBundle
    if (waiting === undefined || ref !== this.#codeRef || !wrappedKeyBundle || companionIdentity?.length !== 32) {
      this.#line.send(errorAnswer(stanza, 400, 'bad-request'))
      return
    }
    const reply = (accepted: boolean) => (accepted ? this.#result(stanza) : this.#line.send(errorAnswer(stanza, 400, 'bad-request')))
    waiting.resolve({ wrappedKeyBundle, companionIdentity, reply })
  }

  #codeNotification(exchange: PairingCodeExchange): BinaryNode {
    const t = String(unixSeconds(this.#clock))
    return node(
      'notification',
      { id: randomBytes(8).toString('hex').toUpperCase(), type: 'link_code_companion_reg', from: SERVER_JID, t },
      [
        node('link_code_companion_reg', { stage: 'primary_hello' }, [
          node('link_code_pairing_wrapped_primary_ephemeral_pub', {}, exchange.wrappedPrimaryEphemeral),
          node('primary_identity_pub', {}, exchange.primaryIdentity),
          node('link_code_pairing_ref', {}, Buffer.from(this.#codeRef)),
        ]),
      ],
    )
  }

  #result(stanza: BinaryNode, content?: BinaryNode[]): void {
    this.#line.send(node('iq', { id: stanza.attrs.id, from: stanza.attrs.to, type: 'result' }, content))
  }

  #awaitSignature(): Promise<BinaryNode> {
    return awaitAnswer<BinaryNode>('the companion did not answer', (waiting) => {
      this.#waitsForSignature = waiting
    })
  }

  #awaitBundle(): Promise<KeyBundleAnswer> {
    return awaitAnswer<KeyBundleAnswer>('the companion did not answer the code', (waiting) => {
      this.#waitsForBundle = waiting
    })
  }
}

function openBundle(exchange: PairingCodeExchange, answer: KeyBundleAnswer): CompanionKeys | undefined {
  try {
    return exchange.finish(answer)
  } catch {
    return undefined
  }
}

function pairSuccess(device: Device, signedIdentity: Uint8Array): BinaryNode {
  const { account } = device
  return node('iq', { from: SERVER_JID, type: 'set', xmlns: 'md', id: PAIR_SUCCESS_ID }, [
    node('pair-success', {}, [
      node('device-identity', {}, signedIdentity),
      node('device', { jid: device.jid(), lid: device.jid('lid') }),
      node('platform', { name: account.business ? 'smba' : 'android' }),
      ...(account.business ? [node('biz', { name: account.name })] : []),
    ]),
  ])
}

function awaitAnswer<T>(complaint: string, register: (waiting: Waiting<T> | undefined) => void): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const timer = setTimeout(() => settle(() => reject(new PairingError(complaint))), ANSWER_MS)
    const settle = (act: () => void) => {
      clearTimeout(timer)
      register(undefined)
      act()
    }
    register({ resolve: (value) => settle(() => resolve(value)), reject: (error) => settle(() => reject(error)) })
  })
}
