/** Curve25519 as Baileys' `Curve` calls it: public keys carry the type byte 05, private keys are 32 bytes. */
import * as bridge from 'whatsapp-rust-bridge'

export const generateKeyPair = () => bridge.generateKeyPair()

export const calculateAgreement = (publicKey, privateKey) => bridge.calculateAgreement(publicKey, privateKey)

export const calculateSignature = (privateKey, message) => bridge.calculateSignature(privateKey, message)

/** Throws on a bad signature: Baileys' `Curve.verify` ignores the result and only looks for an exception. */
export function verifySignature(publicKey, message, signature) {
  let good = false
  try {
    good = bridge.verifySignature(publicKey, message, signature)
  } catch (error) {
    // The bridge throws strings; Baileys reads `.message`.
    throw new Error(String(error))
  }
  if (!good) throw new Error('Invalid signature')
  return true
}
