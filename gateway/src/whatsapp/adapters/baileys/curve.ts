/**
 * Curve25519 that really checks. Baileys' own `Curve.verify` asks libsignal for a boolean and ignores it, so every certificate, account
 * signature and signed prekey would pass (engine.md §2.2). `Curve` is one object for the whole process and is used by property, so replacing its
 * functions reaches every place. `curve.test.ts` fails when Baileys starts to check by itself and this file can go.
 */
import { Curve, generateSignalPubKey } from 'baileys'
import * as bridge from 'whatsapp-rust-bridge'

/** Replaces Baileys' curve functions. Safe to call again. */
export const installCurve = (): void => {
  Object.assign(Curve, curve)
}

export const curve: typeof Curve = {
  generateKeyPair: () => {
    const { pubKey, privKey } = bridge.generateKeyPair()
    return { private: Buffer.from(privKey), public: Buffer.from(pubKey.subarray(1)) }
  },
  sharedKey: (privateKey, publicKey) => Buffer.from(bridge.calculateAgreement(generateSignalPubKey(publicKey), privateKey)),
  sign: (privateKey, message) => Buffer.from(bridge.calculateSignature(privateKey, message)),
  verify: (publicKey, message, signature) => {
    try {
      return bridge.verifySignature(generateSignalPubKey(publicKey), message, signature)
    } catch {
      // The bridge throws on input that is no key or no signature at all.
      return false
    }
  },
}
