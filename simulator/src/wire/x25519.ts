/** Curve25519 key pairs as raw 32-byte values on Node's own crypto. */
import { createPrivateKey, createPublicKey, diffieHellman, type KeyObject } from 'node:crypto'

export interface KeyPair {
  readonly publicKey: Buffer
  readonly privateKey: Buffer
  /** The private key in Node's form, made once. */
  readonly handle: KeyObject
}

// RFC 8410: a PKCS#8 / SubjectPublicKeyInfo of X25519 is this constant followed by the 32 raw bytes.
const PKCS8_PREFIX = Buffer.from('302e020100300506032b656e04220420', 'hex')
const SPKI_PREFIX = Buffer.from('302a300506032b656e032100', 'hex')

/** The key pair of 32 secret bytes; the scalar is clamped, so that signing libraries that don't clamp agree with Node. */
export function keyPairFrom(secret: Uint8Array): KeyPair {
  const privateKey = Buffer.from(secret)
  if (privateKey.length !== 32) throw new Error('a Curve25519 private key has 32 bytes')
  privateKey[0] = (privateKey[0] ?? 0) & 248
  privateKey[31] = ((privateKey[31] ?? 0) & 127) | 64
  const handle = createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, privateKey]), format: 'der', type: 'pkcs8' })
  const publicKey = createPublicKey(handle).export({ format: 'der', type: 'spki' }).subarray(SPKI_PREFIX.length)
  return { publicKey: Buffer.from(publicKey), privateKey, handle }
}

/** X25519 of our private and their raw public key. Throws when the public key is not 32 bytes or of low order. */
export function agree(own: KeyPair, theirPublicKey: Uint8Array): Buffer {
  if (theirPublicKey.length !== 32) throw new Error('a Curve25519 public key has 32 bytes')
  const theirs = createPublicKey({ key: Buffer.concat([SPKI_PREFIX, theirPublicKey]), format: 'der', type: 'spki' })
  return diffieHellman({ privateKey: own.handle, publicKey: theirs })
}
