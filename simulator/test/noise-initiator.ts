/**
 * The client's half of the Noise handshake, written down a second time for the tests: HKDF by hand from HMAC, curve arithmetic from the
 * WASM bridge instead of Node. Shares nothing with `src/wire/noise-responder.ts`, so that a common mistake shows.
 */
import { createCipheriv, createDecipheriv, createHash, createHmac } from 'node:crypto'
import { proto } from 'baileys'
import { calculateAgreement, calculateSignature, generateKeyPair, verifySignature } from 'whatsapp-rust-bridge'

export interface RawKeyPair {
  publicKey: Buffer
  privateKey: Buffer
}

export function newKeyPair(): RawKeyPair {
  const { pubKey, privKey } = generateKeyPair()
  return { publicKey: Buffer.from(pubKey.slice(-32)), privateKey: Buffer.from(privKey) }
}

/** X25519 with the base point. The bridge's own `getPublicFromPrivateKey` gives another key than its `generateKeyPair` (0.5.4). */
export function keyPairOf(privateKey: Buffer): RawKeyPair {
  const basePoint = Buffer.alloc(32)
  basePoint[0] = 9
  return { publicKey: dh({ publicKey: basePoint, privateKey }, basePoint), privateKey }
}

export const typed = (key: Uint8Array) => Buffer.concat([Buffer.from([5]), key])
export const dh = (own: RawKeyPair, theirs: Uint8Array) => Buffer.from(calculateAgreement(typed(theirs), own.privateKey))
export const xeddsaSign = (own: RawKeyPair, message: Uint8Array) => Buffer.from(calculateSignature(own.privateKey, message))

export function xeddsaHolds(key: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  try {
    return verifySignature(typed(key), message, signature)
  } catch {
    return false
  }
}

/** RFC 5869 with SHA-256 and no info, two blocks. */
export function hkdf2(salt: Uint8Array, secret: Uint8Array): [Buffer, Buffer] {
  const extracted = createHmac('sha256', salt).update(secret).digest()
  const first = createHmac('sha256', extracted)
    .update(Buffer.from([1]))
    .digest()
  const second = createHmac('sha256', extracted)
    .update(first)
    .update(Buffer.from([2]))
    .digest()
  return [first, second]
}

export class NoiseInitiator {
  readonly ephemeral: RawKeyPair
  readonly #static: RawKeyPair
  #h: Buffer = Buffer.from('Noise_XX_25519_AESGCM_SHA256\0\0\0\0')
  #ck: Buffer = this.#h
  #k: Buffer = this.#h
  #n = 0

  constructor(staticKey: RawKeyPair, ephemeral: RawKeyPair, prologue: Buffer) {
    this.#static = staticKey
    this.ephemeral = ephemeral
    this.#mix(prologue)
    this.#mix(ephemeral.publicKey)
  }

  /** Reads the server hello; gives the server's static key and its certificate chain. */
  readServerHello(hello: { ephemeral: Uint8Array; static: Uint8Array; payload: Uint8Array }): {
    serverStatic: Buffer
    certificate: Buffer
  } {
    this.#mix(hello.ephemeral)
    this.#mixKey(dh(this.ephemeral, hello.ephemeral))
    const serverStatic = this.#open(hello.static)
    this.#mixKey(dh(this.ephemeral, serverStatic))
    this.#serverEphemeral = Buffer.from(hello.ephemeral)
    return { serverStatic, certificate: this.#open(hello.payload) }
  }

  #serverEphemeral: Buffer = Buffer.alloc(0)

  finish(payload: Uint8Array): { static: Buffer; payload: Buffer } {
    const sealedStatic = this.#seal(this.#static.publicKey)
    this.#mixKey(dh(this.#static, this.#serverEphemeral))
    return { static: sealedStatic, payload: this.#seal(payload) }
  }

  split(): { encrypt: (plaintext: Uint8Array) => Buffer; decrypt: (sealed: Uint8Array) => Buffer } {
    const [write, read] = hkdf2(this.#ck, Buffer.alloc(0))
    let written = 0
    let readSoFar = 0
    return {
      encrypt: (plaintext) => gcmSeal(write, written++, plaintext, Buffer.alloc(0)),
      decrypt: (sealed) => gcmOpen(read, readSoFar++, sealed, Buffer.alloc(0)),
    }
  }

  #mix(data: Uint8Array): void {
    this.#h = createHash('sha256')
      .update(Buffer.concat([this.#h, data]))
      .digest()
  }

  #mixKey(secret: Buffer): void {
    const [ck, k] = hkdf2(this.#ck, secret)
    this.#ck = ck
    this.#k = k
    this.#n = 0
  }

  #seal(plaintext: Uint8Array): Buffer {
    const sealed = gcmSeal(this.#k, this.#n++, plaintext, this.#h)
    this.#mix(sealed)
    return sealed
  }

  #open(sealed: Uint8Array): Buffer {
    const plaintext = gcmOpen(this.#k, this.#n++, sealed, this.#h)
    this.#mix(sealed)
    return plaintext
  }
}

/** What a careful client checks about the chain; the reason when it is not to be trusted. */
export function certificateProblem(chain: Uint8Array, root: Uint8Array, serverStatic: Uint8Array, now: number): string | undefined {
  const { intermediate, leaf } = proto.CertChain.decode(chain)
  if (!intermediate?.details || !intermediate.signature || !leaf?.details || !leaf.signature) return 'incomplete'
  const upper = proto.CertChain.NoiseCertificate.Details.decode(intermediate.details)
  const lower = proto.CertChain.NoiseCertificate.Details.decode(leaf.details)
  if (upper.issuerSerial !== 0) return 'not issued by the root'
  if (!xeddsaHolds(root, intermediate.details, intermediate.signature)) return 'intermediate signature'
  if (!upper.key || !xeddsaHolds(upper.key, leaf.details, leaf.signature)) return 'leaf signature'
  if (lower.issuerSerial !== upper.serial) return 'chain is broken'
  if (!lower.key || !Buffer.from(lower.key).equals(serverStatic)) return 'leaf is for another key'
  if ([upper, lower].some((d) => Number(d.notBefore) > now || Number(d.notAfter) < now)) return 'not valid now'
  return undefined
}

function gcmSeal(key: Buffer, counter: number, plaintext: Uint8Array, aad: Buffer): Buffer {
  const cipher = createCipheriv('aes-256-gcm', key, iv(counter)).setAAD(aad)
  const body = Buffer.concat([cipher.update(plaintext), cipher.final()])
  return Buffer.concat([body, cipher.getAuthTag()])
}

function gcmOpen(key: Buffer, counter: number, sealed: Uint8Array, aad: Buffer): Buffer {
  const decipher = createDecipheriv('aes-256-gcm', key, iv(counter)).setAAD(aad)
  decipher.setAuthTag(sealed.subarray(-16))
  return Buffer.concat([decipher.update(sealed.subarray(0, -16)), decipher.final()])
}

const iv = (counter: number) => Buffer.from(counter.toString(16).padStart(24, '0'), 'hex')
