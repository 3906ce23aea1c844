/**
 * What a message stanza brings, looked at before Baileys sees it. Baileys hands its Signal repository the very bytes that stand in the stanza's
 * `enc` node (engine.md §10), so noting each content object lets the repository store message and attributes together. What never comes to the
 * repository is found here: a channel's plain text, and stanzas nobody can read.
 */
import { createHash } from 'node:crypto'
import type { BinaryNode } from 'baileys'
import type { InboxRow } from '../../engine.ts'
import { isNewsletterJid } from '../../jid.ts'

export type StanzaAttributes = Record<string, string>

/** Encryptions our repository knows. */
const readable: ReadonlySet<string | undefined> = new Set(['pkmsg', 'msg', 'skmsg'])

/** Why a stanza has nothing to decrypt, WhatsApp's own words where it says. WhatsApp Web does not ask the phone for these three either. */
const keptByPhone = /^(view_once|bot|hosted)_unavailable|^view_once$/

export interface Contents {
  /** Not encrypted at all: messages of channels. */
  plain: Uint8Array[]
  /** Null: there is something to decrypt or to read. */
  unreadable: { reason: string; phoneMayHelp: boolean } | null
}

export class StanzaNotes {
  readonly #byContent = new WeakMap<Uint8Array, StanzaAttributes>()

  note(stanza: BinaryNode): Contents {
    const children = Array.isArray(stanza.content) ? stanza.content : []
    const attributes = { ...stanza.attrs }
    const plain: Uint8Array[] = []
    let noted = 0
    for (const { tag, attrs, content } of children) {
      if (!(content instanceof Uint8Array)) continue
      if (tag === 'plaintext' && isNewsletterJid(attributes.from ?? '')) plain.push(content)
      if (tag !== 'enc' || !readable.has(attrs.type)) continue
      this.#byContent.set(content, attributes)
      noted += 1
    }
    // A post that is taken back has nothing to say any more.
    if (plain.length === 0 && changeOf(attributes) === 'revoke') plain.push(new Uint8Array())
    // Channels also send what is no message: reactions, counts.
    if (noted > 0 || isNewsletterJid(attributes.from ?? '')) return { plain, unreadable: null }
    const encryption = children.find(({ tag }) => tag === 'enc')?.attrs.type
    const unavailable = children.find(({ tag }) => tag === 'unavailable')?.attrs.type ?? ''
    const reason = encryption === undefined ? unavailable || 'no content' : `unknown encryption ${encryption}`
    return { plain, unreadable: { reason, phoneMayHelp: !keptByPhone.test(unavailable) } }
  }

  find(content: Uint8Array): StanzaAttributes | null {
    return this.#byContent.get(content) ?? null
  }
}

/** A change of a post in a channel goes by the post's id, with its new content. Null: the stanza is no change. */
export const changeOf = ({ from = '', edit }: StanzaAttributes): 'edit' | 'revoke' | null => {
  if (edit === undefined || !isNewsletterJid(from)) return null
  if (edit === '7' || edit === '8') return 'revoke'
  return edit === '1' || edit === '3' ? 'edit' : null
}

/** Row of a message that came without encryption. The same words twice are two messages: the id counts too, and of a change its time. */
export const plainRow = (attributes: StanzaAttributes, plaintext: Uint8Array): InboxRow => ({
  hash: hashOf(changeOf(attributes) === null ? 'plain' : `changed ${attributes.t}`, attributes, plaintext),
  attributes: { ...attributes },
  plaintext,
  receivedAt: Date.now(),
})

/** Row of a message that cannot be read: one however often it is sent again. */
export const awaitedRow = (attributes: StanzaAttributes): InboxRow => ({
  hash: awaitedHash(attributes),
  attributes: { ...attributes },
  plaintext: new Uint8Array(),
  receivedAt: Date.now(),
})

export const awaitedHash = (attributes: StanzaAttributes): string => hashOf('awaited', attributes)

const hashOf = (kind: string, { from = '', participant = '', id = '' }: StanzaAttributes, content: Uint8Array = new Uint8Array()): string =>
  createHash('sha256')
    .update(JSON.stringify([kind, from, participant, id]))
    .update(content)
    .digest('hex')
