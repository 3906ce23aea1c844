/**
 * One record of app state: an action under an index, sealed with keys that WhatsApp does not have. The shapes are WhatsApp's (`SyncdRecord`,
 * `SyncActionData` of WAProto). Everything is checked before it is believed.
 */
import { createCipheriv, createDecipheriv, createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { proto } from 'baileys'
import type { AppStateKeys } from './keys.ts'

export type Operation = 'set' | 'remove'

/** An action as it was sealed. */
export interface Change {
  operation: Operation
  /** What it is about, e.g. `['archive', jid]`. */
  index: readonly string[]
  value: proto.ISyncActionValue
}

export interface OpenedRecord extends Change {
  indexMac: Uint8Array
  valueMac: Uint8Array
}

/** It is not what the account's devices wrote. */
export class Damaged extends Error {
  override readonly name = 'Damaged'
}

const MAC_LENGTH = 32
const IV_LENGTH = 16

/** Throws {@link Damaged}. */
export const openRecord = (operation: Operation, record: proto.ISyncdRecord, keys: AppStateKeys): OpenedRecord => {
  const indexMac = record.index?.blob
  const blob = record.value?.blob
  const keyId = record.keyId?.id
  if (!indexMac || !blob || !keyId || blob.length < MAC_LENGTH + 2 * IV_LENGTH) throw new Damaged('a record is incomplete')
  const sealed = blob.subarray(0, -MAC_LENGTH)
  const valueMac = blob.subarray(-MAC_LENGTH)
  if (!sameBytes(valueMac, valueMacOf(operation, keyId, sealed, keys))) throw new Damaged('the MAC of a value is wrong')
  const action = decode(decrypt(sealed, keys.cipher))
  if (!action.index || !sameBytes(indexMac, indexMacOf(action.index, keys))) throw new Damaged('the MAC of an index is wrong')
  return { operation, index: parseIndex(action.index), value: action.value ?? {}, indexMac, valueMac }
}

/** `version` is the action's own, as WhatsApp's clients write it. */
export const sealRecord = (
  { operation, index, value, version }: Change & { version: number },
  keyId: Uint8Array,
  keys: AppStateKeys,
): { record: proto.ISyncdRecord; indexMac: Uint8Array; valueMac: Uint8Array } => {
  const plainIndex = Buffer.from(JSON.stringify(index))
  const action = proto.SyncActionData.encode({ index: plainIndex, value, padding: new Uint8Array(0), version }).finish()
  const iv = randomBytes(IV_LENGTH)
  const cipher = createCipheriv('aes-256-cbc', keys.cipher, iv)
  const sealed = Buffer.concat([iv, cipher.update(action), cipher.final()])
  const valueMac = valueMacOf(operation, keyId, sealed, keys)
  const indexMac = indexMacOf(plainIndex, keys)
  const record = { index: { blob: indexMac }, value: { blob: Buffer.concat([sealed, valueMac]) }, keyId: { id: keyId } }
  return { record, indexMac, valueMac }
}

export const indexMacOf = (index: Uint8Array, { index: key }: AppStateKeys): Uint8Array => createHmac('sha256', key).update(index).digest()

/** Over the whole collection. */
export const snapshotMacOf = (hash: Uint8Array, version: number, collection: string, { snapshotMac }: AppStateKeys): Uint8Array =>
  createHmac('sha256', snapshotMac).update(hash).update(bigEndian(version)).update(collection).digest()

/** Over a patch and what comes of it. */
export const patchMacOf = (
  snapshotMac: Uint8Array,
  valueMacs: readonly Uint8Array[],
  version: number,
  collection: string,
  { patchMac }: AppStateKeys,
): Uint8Array => {
  const mac = createHmac('sha256', patchMac).update(snapshotMac)
  for (const valueMac of valueMacs) mac.update(valueMac)
  return mac.update(bigEndian(version)).update(collection).digest()
}

export const sameBytes = (one: Uint8Array, other: Uint8Array): boolean => one.length === other.length && timingSafeEqual(one, other)

const valueMacOf = (operation: Operation, keyId: Uint8Array, sealed: Uint8Array, { valueMac }: AppStateKeys): Uint8Array => {
  const associated = Buffer.concat([Buffer.of(operation === 'set' ? 1 : 2), keyId])
  const mac = createHmac('sha512', valueMac).update(associated).update(sealed).update(bigEndian(associated.length))
  return mac.digest().subarray(0, MAC_LENGTH)
}

const bigEndian = (value: number): Buffer => {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(BigInt(value))
  return bytes
}

const decrypt = (sealed: Uint8Array, key: Uint8Array): Uint8Array => {
  try {
    const decipher = createDecipheriv('aes-256-cbc', key, sealed.subarray(0, IV_LENGTH))
    return Buffer.concat([decipher.update(sealed.subarray(IV_LENGTH)), decipher.final()])
  } catch {
    throw new Damaged('a value cannot be decrypted')
  }
}

const decode = (bytes: Uint8Array): proto.ISyncActionData => {
  try {
    return proto.SyncActionData.decode(bytes)
  } catch {
    throw new Damaged('a value is no action')
  }
}

const parseIndex = (bytes: Uint8Array): string[] => {
  try {
    const index: unknown = JSON.parse(Buffer.from(bytes).toString())
    if (Array.isArray(index) && index.every((part) => typeof part === 'string')) return index
  } catch {}
  throw new Damaged('an index is no list of texts')
}
