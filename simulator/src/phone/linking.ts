/** Letting a companion into the account: the ADV signature and the primary device's half of the pairing-code exchange (engine.md §9.3). */
import { createDecipheriv, pbkdf2Sync, randomBytes } from 'node:crypto'
import { aesEncryptCTR, hmacSign, proto, WA_ADV_ACCOUNT_SIG_PREFIX } from 'baileys'
import { calculateAgreement, calculateSignature, hkdf } from 'whatsapp-rust-bridge'
import type { CompanionHello, CompanionKeys, PairingCodeExchange } from '../ports.ts'
import { type CurveKeyPair, curveKeyPair } from './device-keys.ts'

/** ADVSignedDeviceIdentityHMAC: only who knows the companion's ADV secret can make it, only this phone can sign what is inside. */
export function signCompanion(
  identity: CurveKeyPair,
  companion: CompanionKeys,
  device: { keyIndex: number; rawId: number; timestamp: number },
): Uint8Array {
  const details = proto.ADVDeviceIdentity.encode({
    rawId: device.rawId,
    timestamp: device.timestamp,
    keyIndex: device.keyIndex,
    accountType: proto.ADVEncryptionType.E2EE,
    deviceType: proto.ADVEncryptionType.E2EE,
  }).finish()
  const signed = proto.ADVSignedDeviceIdentity.encode({
    details,
    accountSignatureKey: identity.public,
    accountSignature: calculateSignature(identity.private, Buffer.concat([WA_ADV_ACCOUNT_SIG_PREFIX, details, companion.identity])),
  }).finish()
  return proto.ADVSignedDeviceIdentityHMAC.encode({
    details: signed,
    hmac: hmacSign(Buffer.from(signed), Buffer.from(companion.advSecret)),
    accountType: proto.ADVEncryptionType.E2EE,
  }).finish()
}

export function startPairingCode(identity: CurveKeyPair, code: string, hello: CompanionHello): PairingCodeExchange {
  const companionEphemeral = unwrapEphemeral(code, hello.wrappedEphemeral)
  const ephemeral = curveKeyPair(randomBytes)
  const shared = calculateAgreement(companionEphemeral, ephemeral.private)
  return {
    wrappedPrimaryEphemeral: wrapEphemeral(code, ephemeral.public),
    primaryIdentity: identity.public,
    finish({ wrappedKeyBundle, companionIdentity }) {
      const bundle = openBundle(shared, wrappedKeyBundle)
      const [companion, primary, random] = [bundle.subarray(0, 32), bundle.subarray(32, 64), bundle.subarray(64, 96)]
      if (bundle.length !== 96 || !companion.equals(companionIdentity) || !primary.equals(identity.public)) {
        throw new Error('the key bundle speaks of other identities')
      }
      const secret = Buffer.concat([shared, calculateAgreement(companion, identity.private), random])
      return { identity: companion, advSecret: hkdf(secret, 32, { info: 'adv_secret' }) }
    },
  }
}

/** salt 32 ‖ iv 16 ‖ AES-256-CTR under a key stretched from the code. */
function wrapEphemeral(code: string, key: Uint8Array): Uint8Array {
  const salt = randomBytes(32)
  const iv = randomBytes(16)
  return Buffer.concat([salt, iv, aesEncryptCTR(key, codeKey(code, salt), iv)])
}

function unwrapEphemeral(code: string, wrapped: Uint8Array): Uint8Array {
  if (wrapped.length !== 80) throw new Error('a wrapped ephemeral key has 80 bytes')
  const decipher = createDecipheriv('aes-256-ctr', codeKey(code, wrapped.subarray(0, 32)), wrapped.subarray(32, 48))
  return Buffer.concat([decipher.update(wrapped.subarray(48)), decipher.final()])
}

const codeKey = (code: string, salt: Uint8Array): Buffer => pbkdf2Sync(code, salt, 131_072, 32, 'sha256')

/** salt 32 ‖ iv 12 ‖ AES-256-GCM; a wrong code shows here, as a failed authentication. */
function openBundle(shared: Uint8Array, wrapped: Uint8Array): Buffer {
  const key = hkdf(shared, 32, { salt: wrapped.subarray(0, 32), info: 'link_code_pairing_key_bundle_encryption_key' })
  const decipher = createDecipheriv('aes-256-gcm', key, wrapped.subarray(32, 44))
  decipher.setAuthTag(wrapped.subarray(-16))
  return Buffer.concat([decipher.update(wrapped.subarray(44, -16)), decipher.final()])
}
