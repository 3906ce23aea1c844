/** Prekey bundles as they stand in stanzas: an answer's `<user>`, or a retry receipt with `<keys>`. */
import { type BinaryNode, getBinaryNodeChild, getBinaryNodeChildBuffer, getBinaryNodeChildUInt } from 'baileys'

export interface PreKeyBundle {
  registrationId: number
  /** 32 bytes. */
  identity: Uint8Array
  signedPreKey: { id: number; public: Uint8Array; signature: Uint8Array }
  preKey?: { id: number; public: Uint8Array }
}

/** Undefined when the node holds no complete bundle. */
export function bundleOfUser(user: BinaryNode): PreKeyBundle | undefined {
  return readBundle(user, getBinaryNodeChildUInt(user, 'registration', 4))
}

export function bundleOfRetryReceipt(receipt: BinaryNode): PreKeyBundle | undefined {
  const keys = getBinaryNodeChild(receipt, 'keys')
  return keys && readBundle(keys, registrationOf(receipt))
}

export function registrationOf(receipt: BinaryNode): number | undefined {
  return getBinaryNodeChildUInt(receipt, 'registration', 4)
}

function readBundle(node: BinaryNode, registrationId: number | undefined): PreKeyBundle | undefined {
  const identity = getBinaryNodeChildBuffer(node, 'identity')
  const signed = readKey(getBinaryNodeChild(node, 'skey'))
  const signature = getBinaryNodeChildBuffer(getBinaryNodeChild(node, 'skey'), 'signature')
  if (registrationId === undefined || identity?.length !== 32 || !signed || signature?.length !== 64) return undefined
  return { registrationId, identity, signedPreKey: { ...signed, signature }, preKey: readKey(getBinaryNodeChild(node, 'key')) }
}

function readKey(node: BinaryNode | undefined): { id: number; public: Uint8Array } | undefined {
  if (!node) return undefined
  const id = getBinaryNodeChildUInt(node, 'id', 3)
  const key = getBinaryNodeChildBuffer(node, 'value')
  return id === undefined || key?.length !== 32 ? undefined : { id, public: key }
}
