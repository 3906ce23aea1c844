/** The signature of Standard Webhooks (standardwebhooks.com), symmetric form `v1`. */
import { createHmac, createSecretKey, type KeyObject, randomBytes } from 'node:crypto'

export interface Signer {
  /** The body, in pieces. */
  update(piece: string | Uint8Array): void
  /** Header values for one attempt, once the whole body was given. */
  headers(): Record<string, string>
}

/**
 * A secret is `whsec_` and the key in base64; what is signed is `<id>.<timestamp>.<body>` with the timestamp in whole seconds. With more
 * than one secret the header carries a signature of each, as receivers expect while a secret is being replaced. What is made of the secrets
 * is kept for the next time as long as `owner` is.
 */
export const createSigner = (secrets: readonly string[], id: string, now: number, owner: object = {}): Signer => {
  const timestamp = String(Math.floor(now / 1000))
  const macs = secrets.map((secret) => createHmac('sha256', keyOf(owner, secret)).update(`${id}.${timestamp}.`))
  return {
    update(piece) {
      for (const mac of macs) mac.update(piece)
    },
    headers: () => ({
      'webhook-id': id,
      'webhook-timestamp': timestamp,
      'webhook-signature': macs.map((mac) => `v1,${mac.digest('base64')}`).join(' '),
    }),
  }
}

/** 32 random bytes. */
export const newSigningSecret = (): string => `whsec_${randomBytes(32).toString('base64')}`

/** `whsec_` and 24 to 64 bytes in base64, as the specification asks. */
export const isSigningSecret = (text: string): boolean => {
  const [, base64] = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(text) ?? []
  if (base64 === undefined) return false
  const key = Buffer.from(base64, 'base64')
  return key.toString('base64') === base64 && key.length >= 24 && key.length <= 64
}

/** As key objects: Node takes four times as long for a MAC with bare bytes, and making the object costs as much as the MAC. */
const keys = new WeakMap<object, Map<string, KeyObject>>()

const keyOf = (owner: object, secret: string): KeyObject => {
  const ofOwner = keys.get(owner) ?? new Map<string, KeyObject>()
  keys.set(owner, ofOwner)
  const key = ofOwner.get(secret) ?? createSecretKey(secret.replace(/^whsec_/, ''), 'base64')
  ofOwner.set(secret, key)
  return key
}
