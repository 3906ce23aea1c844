/** Chats as other features need them: which one a caller means, and what is stored of it. */
import { markReadByMessages } from '../chats/changes.ts'
import { ApiError } from '../http/errors.ts'
import type { Database } from '../storage/database.ts'
import { addressOf } from '../whatsapp/address.ts'
import type { Address, IdentityStore, MessageKey } from '../whatsapp/engine.ts'
import { lidJid, numberJid } from '../whatsapp/jid.ts'
import { canonical } from './context.ts'
import type { Person } from './exchange.ts'
import { findMessage, type MessageRow, messagesOf, raiseStatus } from './message-repository.ts'
import { numberCandidates } from './number-candidates.ts'
import type { People } from './people.ts'
import { parseRecipient, type Recipients } from './recipient.ts'
import { refusalOf } from './refusals.ts'
import type { SendingInstances } from './send.ts'

/** Read receipts sent at once. */
const MOST_UNREAD = 100

interface Collaborators {
  db: Database
  instances: SendingInstances
  recipients: Recipients
  people: People
  identitiesOf(instanceId: string): IdentityStore
}

export interface StoredChats {
  /** The chat a caller means by a number or a JID. Throws the ApiErrors of the send routes; 503 when the instance is not connected. */
  chatOf(instanceId: string, number: string): Promise<Address>
  /** A stored message by its id; null when there is none. */
  find(instanceId: string, messageId: string): Promise<ChatMessage | null>
  /** The newest message of a chat; null when none is stored. */
  lastOf(instanceId: string, chat: Address): Promise<ChatMessage | null>
  /** Received messages of a chat that were not marked as read, newest first, at most a hundred. */
  unreadOf(instanceId: string, chat: Address): Promise<ChatMessage[]>
  /** Both names of a person, and what they are called. */
  personOf(instanceId: string, address: Address): Promise<Person>
  /** The same for many at once: the answer introduces each of them. */
  peopleOf(instanceId: string, addresses: readonly Address[]): Promise<(address: Address) => Person>
  /**
   * Names the chat a caller means may be stored under, the likeliest first. WhatsApp is not asked, so both forms of a number with an optional digit are
   * among them. Throws 400 `Invalid number`.
   */
  namesOfChat(instanceId: string, number: string): Promise<string[]>
  /** Under which spellings a number may be registered, digits only. */
  spellings(digits: string): Promise<readonly string[]>
  /** Messages of others have been marked as read. */
  noteRead(instanceId: string, messages: readonly MessageKey[]): Promise<void>
}

/** A stored message as other features see it. */
export interface ChatMessage {
  key: MessageKey
  /** Milliseconds. */
  timestamp: number
}

export const createStoredChats = ({ db, instances, recipients, people, identitiesOf }: Collaborators): StoredChats => ({
  async chatOf(instanceId, number) {
    const recipient = parseRecipient(number)
    if (recipient === null) throw new ApiError(400, 'Invalid number')
    return recipients.resolve(instanceId, instances.session(instanceId), recipient).catch((error: unknown) => {
      throw refusalOf(error, number, 'Failed to look up number')
    })
  },
  async find(instanceId, messageId) {
    const row = await findMessage(db.read, instanceId, messageId)
    return row === null ? null : toMessage(row)
  },
  async lastOf(instanceId, chat) {
    const [row] = await messagesOf(db.read, instanceId, canonical(chat), { from: 0, to: Number.MAX_SAFE_INTEGER, limit: 1 })
    return row === undefined ? null : toMessage(row)
  },
  async unreadOf(instanceId, chat) {
    const rows = await messagesOf(db.read, instanceId, canonical(chat), { from: 0, to: Number.MAX_SAFE_INTEGER, limit: MOST_UNREAD })
    return rows.filter(({ fromMe, status }) => !fromMe && status !== 'read' && status !== 'played').map(toMessage)
  },
  async personOf(instanceId, address) {
    return (await people.meet(instanceId, [address]))(address)
  },
  peopleOf: people.meet,
  async namesOfChat(instanceId, text) {
    const recipient = parseRecipient(text)
    if (recipient === null) throw new ApiError(400, 'Invalid number')
    if (recipient.kind === 'place') return [recipient.jid]
    if (recipient.kind === 'number') return (await numberCandidates(recipient.digits)).map(numberJid)
    const number = (await identitiesOf(instanceId).numbersOf([recipient.digits])).get(recipient.digits)
    const lid = lidJid(recipient.digits)
    return number === undefined ? [lid] : [canonical({ jid: numberJid(number), lid }), lid]
  },
  spellings: numberCandidates,
  async noteRead(instanceId, messages) {
    const chats = Map.groupBy(messages, ({ chat }) => canonical(chat))
    await db.write(async (tx) => {
      for (const [chat, keys] of chats) {
        const ids = keys.map(({ id }) => id)
        await raiseStatus(tx, instanceId, { ids, status: 'read', fromMe: false })
        await markReadByMessages(tx, instanceId, chat, ids)
      }
    })
  },
})

const toMessage = ({ messageId, chat, sender, fromMe, sentAt }: MessageRow): ChatMessage => ({
  key: { id: messageId, chat: addressOf(chat), sender: addressOf(sender), fromMe },
  timestamp: sentAt,
})
