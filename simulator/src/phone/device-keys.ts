/**
 * The keys one device owns: identity, registration id, signed prekey, one-time prekeys; and how it offers them to others, as the
 * `encrypt` iq that uploads a batch and as the `keys` of a retry receipt.
 */
import { randomBytes } from 'node:crypto'
import { type BinaryNode, encodeBigEndian } from 'baileys'
import { calculateAgreement, calculateSignature } from 'whatsapp-rust-bridge'

/** Curve25519; `public` without the type byte. */
export interface CurveKeyPair {
  public: Uint8Array
  private: Uint8Array
}

export interface SignedPreKeyPair {
  id: number
  keyPair: CurveKeyPair
  signature: Uint8Array
}

/** What the Signal layer needs of a device's own keys. Prekeys may live anywhere. */
export interface OwnKeys {
  identity: CurveKeyPair
  registrationId: number
  signedPreKey: SignedPreKeyPair
  loadPreKey(id: number): CurveKeyPair | undefined | Promise<CurveKeyPair | undefined>
  removePreKey(id: number): void | Promise<void>
}

export type RandomBytes = (size: number) => Uint8Array

/** Prekeys uploaded at a time. A real phone uploads 812; fewer keep thousands of simulated phones small. */
export const PREKEY_BATCH = 100

/** One-time prekeys kept at most, uploaded ones whose use the server never told us about included. */
const PREKEY_LIMIT = 1_000

const KEY_TYPE = Uint8Array.of(5)
const BASE_POINT = new Uint8Array(32)
BASE_POINT[0] = 9

/** The public key as Signal writes it: type byte 05 in front. */
export const signalPublicKey = (key: Uint8Array): Uint8Array => (key.length === 33 ? key : Buffer.concat([KEY_TYPE, key]))

export function curveKeyPair(random: RandomBytes): CurveKeyPair {
  const secret = Uint8Array.from(random(32))
  // RFC 7748 clamping, so that XEdDSA signs with the scalar X25519 multiplies with.
  secret[0] = (secret[0] ?? 0) & 248
  secret[31] = ((secret[31] ?? 0) & 127) | 64
  return { private: secret, public: calculateAgreement(BASE_POINT, secret) }
}

export class DeviceKeys implements OwnKeys {
  readonly identity: CurveKeyPair
  readonly registrationId: number
  readonly signedPreKey: SignedPreKeyPair
  private readonly preKeys = new Map<number, CurveKeyPair>()
  private readonly random: RandomBytes
  private nextPreKeyId = 1

  constructor(random: RandomBytes = randomBytes) {
    this.random = random
    this.identity = curveKeyPair(random)
    // 14 bits, never 0, as other clients choose it.
    this.registrationId = Buffer.from(random(2)).readUInt16BE() & 0x3fff || 1
    const keyPair = curveKeyPair(random)
    this.signedPreKey = { id: 1, keyPair, signature: calculateSignature(this.identity.private, signalPublicKey(keyPair.public)) }
  }

  loadPreKey(id: number): CurveKeyPair | undefined {
    return this.preKeys.get(id)
  }

  removePreKey(id: number): void {
    this.preKeys.delete(id)
  }

  /** An `iq` that uploads a fresh batch of prekeys with the identity and the signed prekey. */
  uploadIq(): BinaryNode {
    const list = Array.from({ length: PREKEY_BATCH }, () => this.freshPreKeyNode())
    return {
      tag: 'iq',
      attrs: { xmlns: 'encrypt', type: 'set', to: 's.whatsapp.net' },
      content: [
        this.registrationNode(),
        node('type', KEY_TYPE),
        node('identity', this.identity.public),
        node('list', list),
        this.signedPreKeyNode(),
      ],
    }
  }

  /** `keys` of a retry receipt: a bundle with a prekey the server never had. */
  retryKeysNode(): BinaryNode {
    return node('keys', [node('type', KEY_TYPE), node('identity', this.identity.public), this.freshPreKeyNode(), this.signedPreKeyNode()])
  }

  registrationNode(): BinaryNode {
    return node('registration', encodeBigEndian(this.registrationId))
  }

  private freshPreKeyNode(): BinaryNode {
    const id = this.nextPreKeyId
    this.nextPreKeyId = id >= 0xfffffe ? 1 : id + 1
    const pair = curveKeyPair(this.random)
    this.preKeys.set(id, pair)
    if (this.preKeys.size > PREKEY_LIMIT) {
      const oldest = this.preKeys.keys().next()
      if (!oldest.done) this.preKeys.delete(oldest.value)
    }
    return node('key', [node('id', encodeBigEndian(id, 3)), node('value', pair.public)])
  }

  private signedPreKeyNode(): BinaryNode {
    const { id, keyPair, signature } = this.signedPreKey
    return node('skey', [node('id', encodeBigEndian(id, 3)), node('value', keyPair.public), node('signature', signature)])
  }
}

const node = (tag: string, content: BinaryNode['content']): BinaryNode => ({ tag, attrs: {}, content })
