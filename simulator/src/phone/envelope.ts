/** Reads the outside of a message stanza: who wrote it, in which conversation, for whom (engine.md §9.3). Pure. */
import { type BinaryNode, getBinaryNodeChildren } from 'baileys'
import { parseJid } from '../jid.ts'
import { sameUser, userJid } from './addresses.ts'
import { isBroadcast, STATUS_JID } from './sender-keys.ts'

export interface Envelope {
  id: string
  /** The device that wrote it. */
  author: string
  /** Written by a companion of this account. */
  own: boolean
  /** The conversation, as the stanza addresses it; without device. */
  chat: string
  group: boolean
  /** A post in a newsletter: nobody in particular wrote it, and nobody waits to hear that it came. */
  newsletter: boolean
  /** What the stanza changes, by WhatsApp's numbers: 1 and 3 an edit, 2 a pin, 7 and 8 a revocation. */
  edit?: string
  /** Between devices of one account, not part of a conversation. */
  peer: boolean
  /** Unix seconds. */
  timestamp: number
  pushName?: string
  /** Two addresses of one user, when the stanza tells them. */
  aliases: [string, string][]
  parts: { type: string; ciphertext: Uint8Array }[]
}

/** Type of a part that is not encrypted. */
export const PLAINTEXT = 'plaintext'

/** Undefined when the stanza lacks what a message must have. */
export function readEnvelope(stanza: BinaryNode, self: { jid: string; lid: string }): Envelope | undefined {
  const { id, from, participant, recipient, t, category, notify, edit } = stanza.attrs
  const source = parseJid(from)
  if (!id || !from || !source) return undefined
  const group = source.server === 'g.us' || source.server === 'broadcast'
  const newsletter = source.server === 'newsletter'
  const author = group ? participant : from
  if (!author || !parseJid(author)) return undefined
  const own = sameUser(author, self.jid) || sameUser(author, self.lid) || (newsletter && stanza.attrs.is_sender === 'true')
  // Somebody else's broadcast list is no conversation: it is with whoever wrote.
  const place = isBroadcast(from) && from !== STATUS_JID && !own ? author : from
  // Only one's own companions may say that a message belongs to another conversation than their own.
  const chat = userJid(!group && own && recipient && parseJid(recipient) ? recipient : place)
  return {
    id,
    author,
    own,
    chat,
    group,
    newsletter,
    edit,
    peer: own && category === 'peer',
    timestamp: Number(t) || 0,
    pushName: notify || undefined,
    aliases: aliasesOf(stanza, author, own ? chat : undefined),
    parts: getBinaryNodeChildren(stanza, newsletter ? PLAINTEXT : 'enc').flatMap(({ attrs, content }) =>
      content instanceof Uint8Array ? [{ type: newsletter ? PLAINTEXT : (attrs.type ?? ''), ciphertext: content }] : [],
    ),
  }
}

function aliasesOf({ attrs }: BinaryNode, author: string, ownChat: string | undefined): [string, string][] {
  const ofAuthor = attrs.participant_lid ?? attrs.participant_pn ?? attrs.sender_lid ?? attrs.sender_pn
  const ofRecipient = attrs.peer_recipient_lid ?? attrs.peer_recipient_pn ?? attrs.recipient_lid ?? attrs.recipient_pn
  const pairs: [string, string][] = []
  if (ofAuthor) pairs.push([userJid(author), userJid(ofAuthor)])
  if (ofRecipient && ownChat) pairs.push([ownChat, userJid(ofRecipient)])
  return pairs
}
