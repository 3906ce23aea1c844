/**
 * Stanzas as bytes. The codec is the client library's (shared on purpose, engine.md §9.2); golden frames in the tests, written down
 * from the token table by hand, keep a mistake from hiding in both ends.
 */
import { inflateSync } from 'node:zlib'
import { type BinaryNode, decodeDecompressedBinaryNode, encodeBinaryNode } from 'baileys'
import * as tokens from 'baileys/lib/WABinary/constants.js'

const COMPRESSED = 2
/** A stanza that inflates to more than this is an attack, not a message. */
const MAX_INFLATED = 16 * 1024 * 1024

/** Flag byte ‖ node. We never compress. */
export function encodeStanza(stanza: BinaryNode): Buffer {
  return encodeBinaryNode(stanza)
}

/** The node behind the flag byte. Throws on anything that is not one. Synchronous, so that frames keep their order. */
export function decodeStanza(bytes: Buffer): BinaryNode {
  const flags = bytes[0]
  if (flags === undefined) throw new Error('an empty stanza')
  const body = bytes.subarray(1)
  return decodeDecompressedBinaryNode(flags & COMPRESSED ? inflateSync(body, { maxOutputLength: MAX_INFLATED }) : body, tokens)
}
