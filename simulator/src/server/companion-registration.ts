/** What a companion that wants to be linked says about itself in its `ClientPayload`: checked once, then trusted. */
import { proto } from 'baileys'
import { verifySignature } from 'whatsapp-rust-bridge'
import type { DeviceKeys } from '../accounts/key-bundle.ts'

export interface CompanionRegistration {
  /** Its first keys: identity, registration id and signed prekey. */
  keys: DeviceKeys
  /** `CHROME`, `DESKTOP`, … */
  platform: string
  /** It wants all the history there is, not only the last months. */
  fullHistory: boolean
}

const KEY_TYPE = Buffer.from([5])
/** Prefix of what the companion signs: its half of the ADV exchange. */
const DEVICE_SIGNATURE_PREFIX = Buffer.from([6, 1])

/** Undefined when a key has the wrong size or the signed prekey is not signed by the identity. */
export function readRegistration(data: proto.ClientPayload.IDevicePairingRegistrationData): CompanionRegistration | undefined {
  const registration = sized(data.eRegid, 4)
  const identity = sized(data.eIdent, 32)
  const id = sized(data.eSkeyId, 3)
  const value = sized(data.eSkeyVal, 32)
  const signature = sized(data.eSkeySig, 64)
  if (!registration || !identity || !id || !value || !signature) return undefined
  if (!verifies(identity, Buffer.concat([KEY_TYPE, value]), signature)) return undefined
  return { keys: { registration, identity, signedPreKey: { id, value, signature } }, ...readProps(data.deviceProps) }
}

/** Whether the companion's answer to pair-success carries its signature over what the phone has signed. */
export function deviceSignatureHolds(input: { answer: Uint8Array; accountKey: Uint8Array; companionIdentity: Uint8Array }): boolean {
  const { details, deviceSignature } = proto.ADVSignedDeviceIdentity.decode(input.answer)
  if (!details || !deviceSignature) return false
  const signed = Buffer.concat([DEVICE_SIGNATURE_PREFIX, details, input.companionIdentity, input.accountKey])
  return verifies(input.companionIdentity, signed, deviceSignature)
}

/** The account's identity key inside what the phone has signed. */
export function accountKeyOf(signedIdentity: Uint8Array): Uint8Array {
  const { details } = proto.ADVSignedDeviceIdentityHMAC.decode(signedIdentity)
  return proto.ADVSignedDeviceIdentity.decode(details ?? new Uint8Array()).accountSignatureKey ?? new Uint8Array()
}

function verifies(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  try {
    return verifySignature(Buffer.concat([KEY_TYPE, publicKey]), message, signature)
  } catch {
    return false
  }
}

function readProps(deviceProps: Uint8Array | null | undefined): { platform: string; fullHistory: boolean } {
  const { platformType, requireFullSync } = proto.DeviceProps.decode(deviceProps ?? new Uint8Array())
  const platform = proto.DeviceProps.PlatformType[platformType ?? proto.DeviceProps.PlatformType.UNKNOWN] ?? 'UNKNOWN'
  return { platform, fullHistory: requireFullSync ?? false }
}

function sized(bytes: Uint8Array | null | undefined, length: number): Buffer | undefined {
  return bytes?.length === length ? Buffer.from(bytes) : undefined
}
