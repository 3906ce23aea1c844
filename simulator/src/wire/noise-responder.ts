/**
 * The server's half of `Noise_XX_25519_AESGCM_SHA256` as WhatsApp uses it (engine.md §9.3), on Node's crypto alone: the client
 * library under test brings its own half, and two independent halves cannot share a mistake.
 *
 *   → e
 *   ← e, ee, s, es      (payload: certificate chain)
 *   → s, se             (payload: ClientPayload)
 */
import { createCipheriv, createDecipheriv, createHash, createSecretKey, hkdfSync, type KeyObject } from 'node:crypto'
import { INTRO_HEADER } from './frames.ts'
import { agree, type KeyPair } from './x25519.ts'

const PROTOCOL_NAME = Buffer.from('Noise_XX_25519_AESGCM_SHA256\0\0\0\0', 'latin1')
const NO_BYTES = Buffer.alloc(0)
const TAG_LENGTH = 16

export interface ServerHello {
  ephemeral: Buffer
  static: Buffer
  payload: Buffer
}

export interface ClientFinish {
  /** The client's static public key, 32 bytes: what identifies a device from one connection to the next. */
  clientStatic: Buffer
  payload: Buffer
  transport: TransportCipher
}

export class NoiseResponder {
  readonly #static: KeyPair
  readonly #ephemeral: KeyPair
  #hash: Buffer = PROTOCOL_NAME
  #chainingKey: Buffer = PROTOCOL_NAME
  #key: Buffer = PROTOCOL_NAME
  #counter = 0

  constructor(own: { staticKey: KeyPair; ephemeralKey: KeyPair }) {
    this.#static = own.staticKey
    this.#ephemeral = own.ephemeralKey
    this.#mixHash(INTRO_HEADER)
  }

  /** Answers the client's ephemeral key. `certificate` travels encrypted. */
  hello(clientEphemeral: Uint8Array, certificate: Uint8Array): ServerHello {
    this.#mixHash(clientEphemeral)
    this.#mixHash(this.#ephemeral.publicKey)
    this.#mixKey(agree(this.#ephemeral, clientEphemeral))
    const encryptedStatic = this.#encrypt(this.#static.publicKey)
    this.#mixKey(agree(this.#static, clientEphemeral))
    return { ephemeral: this.#ephemeral.publicKey, static: encryptedStatic, payload: this.#encrypt(certificate) }
  }

  /** Opens the client's last message. Throws when it was made with other keys than the ones of {@link hello}. */
  finish(message: { static: Uint8Array; payload: Uint8Array }): ClientFinish {
    const clientStatic = this.#decrypt(message.static)
    this.#mixKey(agree(this.#ephemeral, clientStatic))
    const payload = this.#decrypt(message.payload)
    const [clientWrites, serverWrites] = expand(NO_BYTES, this.#chainingKey)
    return { clientStatic, payload, transport: new TransportCipher({ write: serverWrites, read: clientWrites }) }
  }

  #mixHash(data: Uint8Array): void {
    this.#hash = createHash('sha256').update(this.#hash).update(data).digest()
  }

  #mixKey(secret: Uint8Array): void {
    const [chainingKey, key] = expand(secret, this.#chainingKey)
    this.#chainingKey = chainingKey
    this.#key = key
    this.#counter = 0
  }

  #encrypt(plaintext: Uint8Array): Buffer {
    const sealed = seal(this.#key, this.#counter++, plaintext, this.#hash)
    this.#mixHash(sealed)
    return sealed
  }

  #decrypt(sealed: Uint8Array): Buffer {
    const plaintext = open(this.#key, this.#counter++, sealed, this.#hash)
    this.#mixHash(sealed)
    return plaintext
  }
}

/** Both directions after the handshake: one key and one counter each, no associated data. */
export class TransportCipher {
  // Node takes four times as long with raw bytes.
  readonly #write: KeyObject
  readonly #read: KeyObject
  #written = 0
  #readSoFar = 0

  constructor(keys: { write: Buffer; read: Buffer }) {
    this.#write = createSecretKey(keys.write)
    this.#read = createSecretKey(keys.read)
  }

  encrypt(plaintext: Uint8Array): Buffer {
    return seal(this.#write, this.#written++, plaintext, NO_BYTES)
  }

  /** Throws when the frame was damaged, repeated or out of order. */
  decrypt(sealed: Uint8Array): Buffer {
    return open(this.#read, this.#readSoFar++, sealed, NO_BYTES)
  }
}

function expand(secret: Uint8Array, salt: Uint8Array): [Buffer, Buffer] {
  const output = Buffer.from(hkdfSync('sha256', secret, salt, NO_BYTES, 64))
  return [output.subarray(0, 32), output.subarray(32)]
}

/** 12 bytes: eight zeros, then the counter as 32-bit big-endian. */
function nonce(counter: number): Buffer {
  const iv = Buffer.alloc(12)
  iv.writeUInt32BE(counter, 8)
  return iv
}

function seal(key: Uint8Array | KeyObject, counter: number, plaintext: Uint8Array, associated: Uint8Array): Buffer {
  const cipher = createCipheriv('aes-256-gcm', key, nonce(counter))
  cipher.setAAD(associated)
  return Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()])
}

function open(key: Uint8Array | KeyObject, counter: number, sealed: Uint8Array, associated: Uint8Array): Buffer {
  const end = sealed.length - TAG_LENGTH
  if (end < 0) throw new Error('a sealed message has at least 16 bytes')
  const decipher = createDecipheriv('aes-256-gcm', key, nonce(counter))
  decipher.setAAD(associated)
  decipher.setAuthTag(sealed.subarray(end))
  return Buffer.concat([decipher.update(sealed.subarray(0, end)), decipher.final()])
}
