/** The stanzas of app state: what is asked of WhatsApp, and what it answers (engine.md §4). */
import { type BinaryNode, proto } from 'baileys'
import { childOf, childrenNamed, numberOf } from '../nodes.ts'
import { Damaged } from './records.ts'

/** `version` null: everything from the beginning, as a snapshot where there is one. */
export const readRequest = (collections: readonly { name: string; version: number | null }[]): BinaryNode =>
  syncRequest(
    collections.map(({ name, version }) => ({
      tag: 'collection',
      attrs: { name, version: String(version ?? 0), return_snapshot: String(version === null) },
    })),
  )

export const writeRequest = (name: string, version: number, patch: Uint8Array): BinaryNode =>
  syncRequest([
    {
      tag: 'collection',
      attrs: { name, version: String(version), return_snapshot: 'false' },
      content: [{ tag: 'patch', attrs: {}, content: patch }],
    },
  ])

const syncRequest = (content: BinaryNode[]): BinaryNode => ({
  tag: 'iq',
  attrs: { to: 's.whatsapp.net', type: 'set', xmlns: 'w:sync:app:state' },
  content: [{ tag: 'sync', attrs: {}, content }],
})

export const CONFLICT = 409

/** What WhatsApp says of one collection. */
export interface CollectionAnswer {
  /** WhatsApp's code when it refused, null when it did not. */
  refusal: number | null
  /** Where the snapshot lies. */
  snapshot: proto.IExternalBlobReference | null
  patches: proto.ISyncdPatch[]
  more: boolean
}

/** Null: it says nothing of this collection. Throws {@link Damaged} for what is no answer. */
export const answerAbout = (name: string, answer: BinaryNode): CollectionAnswer | null => {
  const collection = childrenNamed(childOf(answer, 'sync'), 'collection').find(({ attrs }) => attrs.name === name)
  if (collection === undefined) return null
  const refusal = collection.attrs.type === 'error' ? (numberOf(childOf(collection, 'error')?.attrs.code) ?? CONFLICT) : null
  const snapshot = bytesIn(childOf(collection, 'snapshot'))
  const patches = childrenNamed(childOf(collection, 'patches') ?? collection, 'patch').flatMap((node) => bytesIn(node) ?? [])
  return {
    refusal,
    snapshot: snapshot === null ? null : decoded(() => proto.ExternalBlobReference.decode(snapshot)),
    patches: patches.map((bytes) => decoded(() => proto.SyncdPatch.decode(bytes))),
    more: collection.attrs.has_more_patches === 'true',
  }
}

const bytesIn = (node: BinaryNode | undefined): Uint8Array | null =>
  node?.content instanceof Uint8Array && node.content.length > 0 ? node.content : null

/** Throws {@link Damaged}. */
export const decoded = <T>(decode: () => T): T => {
  try {
    return decode()
  } catch {
    throw new Damaged('WhatsApp answered with something else than app state')
  }
}

/** Names of collections in a notification that says they have changed. */
export const changedIn = (notification: BinaryNode): string[] =>
  childrenNamed(notification, 'collection').flatMap(({ attrs }) => attrs.name ?? [])
