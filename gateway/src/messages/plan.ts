/** What an engine event means for storage and for those who listen. Pure: the recorder carries it out. */

import type { NewEvent } from '../events/event.ts'
import type { InstanceSettings } from '../instances/settings-values.ts'
import type { NewMedia } from '../media/media.ts'
import type { MessageStatus } from '../storage/schema.ts'
import type { ChatChange } from '../whatsapp/chat-changes.ts'
import type { Address, EngineEvent, ReceiptStatus, ReceivedMessage } from '../whatsapp/engine.ts'
import type { GroupNews } from '../whatsapp/groups.ts'
import type { ChannelReaction } from '../whatsapp/newsletters.ts'
import { encodeWireMessage } from '../whatsapp/wire.ts'
import type { Questions } from './answers.ts'
import { carriedMedia, type MediaNaming } from './carried-media.ts'
import { canonical } from './context.ts'
import { callData, chatTypeOf, exchangeData, type Person, statusData } from './exchange.ts'
import { groupFlowData, peopleIn } from './group-flow.ts'
import type { Reading } from './kinds/kind.ts'
import { readMessage } from './kinds/registry.ts'
import type { Change, NewMessage, StatusRaise } from './message-repository.ts'
import type { NameChange } from './people.ts'
import type { CastVote } from './poll-votes.ts'
import { unsealed } from './unsealed.ts'
import { verdictOf } from './verdicts.ts'

export interface Plan {
  /** Stored if it is not there yet. When it was, it came before: `change`, `vote` and `event` happened then. */
  message: NewMessage | null
  change: Change | null
  vote: CastVote | null
  status: StatusRaise | null
  /** Messages of others that another device of the account has read. */
  read: { chat: string; ids: readonly string[] } | null
  /** To be fetched; noted when `message` is stored. */
  media: NewMedia | null
  event: NewEvent | null
  /** Happened unless `inbox` had been dealt with before. */
  news: readonly NewEvent[]
  names: NameChange[]
  /** Inbox row that is dealt with. */
  inbox: string | null
}

export interface PlanContext {
  instanceId: string
  settings: Pick<InstanceSettings, 'ignoreGroupMessages' | 'ignoreStatus' | 'autoReadMessages'>
  /** The own account. */
  self: Address
  introduce(address: Address): Person
  /** What is answered by votes and answers in this batch. */
  questions: Questions
  media: MediaNaming
  now: number
}

export const nothing: Plan = {
  message: null,
  change: null,
  vote: null,
  status: null,
  read: null,
  media: null,
  event: null,
  news: [],
  names: [],
  inbox: null,
}

/** Null: nothing to be done. */
export const planOf = (event: EngineEvent, context: PlanContext): Plan | null => {
  switch (event.type) {
    case 'message':
      return planMessage(event.message, event.inbox, context)
    case 'group':
      return planGroupNews(event.news, event.inbox, context)
    case 'receipt':
      return planReceipt(event, context)
    case 'server-ack':
      return planAck(event, context)
    case 'call': {
      const from = context.introduce(event.call.from)
      return { ...nothing, event: eventOf(context, 'call.update', canonical(from), callData(event.call, from)) }
    }
    case 'channel-reaction':
      return planChannelReaction(event.reaction, context)
    case 'contact':
      return { ...nothing, names: [event] }
    case 'masked-numbers': {
      const names = event.people.map(({ address, maskedNumber }) => ({
        address,
        pushName: null,
        savedName: null,
        redactedPhone: maskedNumber,
      }))
      return { ...nothing, names }
    }
    case 'open':
      return event.name === null ? null : { ...nothing, names: [{ address: event.self, pushName: event.name, savedName: null }] }
    case 'profile':
      return event.name === null ? null : { ...nothing, names: [{ address: context.self, pushName: event.name, savedName: null }] }
    default:
      return null
  }
}

/** Everybody an event speaks of. */
export const addressesIn = (event: EngineEvent): Address[] => {
  switch (event.type) {
    case 'message':
      return [event.message.chat, event.message.sender]
    case 'group':
      return peopleIn(event.news)
    case 'history':
      return [...event.messages.flatMap(({ chat, sender }) => [chat, sender]), ...event.names.map(({ address }) => address)]
    case 'receipt':
      return [event.chat, event.sender]
    case 'server-ack':
      return [event.to]
    case 'call':
      return [event.call.from]
    case 'channel-reaction':
      return [{ jid: event.reaction.channel, lid: null }]
    case 'contact':
      return [event.address]
    case 'masked-numbers':
      return event.people.map(({ address }) => address)
    case 'chat':
      return event.changes.flatMap(addressesOfChange)
    case 'open':
      return [event.self]
    default:
      return []
  }
}

const addressesOfChange = (change: ChatChange): readonly Address[] => {
  switch (change.kind) {
    case 'favorites':
      return change.chats
    case 'blocklist':
      return change.people
    case 'block':
      return [change.person]
    case 'star':
    case 'delete-for-me':
      return [change.message.chat]
    default:
      return [change.chat]
  }
}

const planMessage = (arrived: ReceivedMessage, inbox: string | null, context: PlanContext): Plan => {
  const chat = context.introduce(arrived.chat)
  if (isIgnored(chat, context)) return { ...nothing, inbox }
  const received = { ...arrived, message: unsealed(arrived.message, context.questions.open(arrived, context.introduce)) }
  const message = rowOf(received, context)
  const sender = context.introduce(received.sender)
  const names: NameChange[] = received.pushName === null ? [] : [{ address: sender, pushName: received.pushName, savedName: null }]
  // The name that comes with the message is news to nobody but our table.
  const named = (person: Person): Person =>
    canonical(person) === canonical(sender) ? { ...person, name: person.name ?? received.pushName } : person
  const reading = readingOf(received, context)
  const change: Change | null =
    reading.changes === null
      ? null
      : {
          kind: reading.type === 'message_edit' ? 'edit' : 'revoke',
          chat: message.chat,
          sender: message.sender,
          messageId: reading.changes,
          content: reading.content,
        }
  const carried = carriedMedia(
    { instanceId: context.instanceId, messageId: received.id, chat, sender, fromMe: received.fromMe, message: received.message },
    context.media,
  )
  const data = exchangeData({
    id: received.id,
    fromMe: received.fromMe,
    timestamp: received.timestamp,
    chat: named(chat),
    sender: named(sender),
    message: received.message,
    reading,
    media: carried?.told ?? null,
    source: '',
  })
  const vote: CastVote | null =
    reading.vote === undefined
      ? null
      : { ...reading.vote, chat: message.chat, voter: message.sender, voterLid: sender.lid, voteId: message.message_id }
  const media = carried?.note ?? null
  return { ...nothing, message, change, vote, media, names, inbox, event: eventOf(context, 'message.exchange', message.chat, data) }
}

const readingOf = (received: ReceivedMessage, { questions, introduce }: PlanContext): Reading =>
  readMessage(received.message, questions.open(received, introduce))

/** Row of a message that arrived, from others or from our own phone. */
export const rowOf = (received: ReceivedMessage, context: PlanContext): NewMessage => {
  const { instanceId, introduce, now } = context
  const reading = readingOf(received, context)
  return {
    instance_id: instanceId,
    message_id: received.id,
    chat: canonical(introduce(received.chat)),
    sender: canonical(introduce(received.sender)),
    from_me: received.fromMe ? 1 : 0,
    type: reading.type,
    content: reading.content,
    source: '',
    // WhatsApp has it, or we would not have got it.
    status: received.fromMe ? 'sent' : 'delivered',
    push_name: received.pushName,
    refers_to: reading.changes ?? reading.about ?? null,
    edited_content: null,
    revoked: 0,
    media_type: reading.mediaType,
    wire: encodeWireMessage(received.message),
    sent_at: received.timestamp,
    stored_at: now,
    from_history: 0,
    starred: 0,
  }
}

export const isIgnored = (chat: Address, { settings }: PlanContext): boolean => {
  const type = chatTypeOf(canonical(chat))
  return (type === 'group' && settings.ignoreGroupMessages) || (type === 'status' && settings.ignoreStatus)
}

/** It is nobody's message, so nothing is stored; `count` is how many react so now. */
const planChannelReaction = ({ id, channel, post, emoji, count, timestamp }: ChannelReaction, context: PlanContext): Plan => {
  const chat = context.introduce({ jid: channel, lid: null })
  const content = count === 0 ? '' : emoji
  const reaction = { emoji, text: content, messageId: post, message_id: post, count }
  const reading: Reading = { type: 'reaction', content, changes: null, mediaType: null, about: post, details: { reaction } }
  const data = exchangeData({ id, fromMe: false, timestamp, chat, sender: chat, message: {}, reading, media: null, source: '' })
  return { ...nothing, event: eventOf(context, 'message.exchange', channel, data) }
}

/** Told whatever `ignoreGroupMessages` says: that is about what people write. */
const planGroupNews = (news: GroupNews, inbox: string, context: PlanContext): Plan => {
  const names: NameChange[] = []
  const { name: savedName, isAnnouncementGroup } = news
  if (savedName !== null) names.push({ address: { jid: news.group, lid: null }, pushName: null, savedName, isAnnouncementGroup })
  if (news.actor !== null && news.actorName !== null)
    names.push({ address: context.introduce(news.actor), pushName: news.actorName, savedName: null })
  const told = groupFlowData(news, context.introduce).map((data) => eventOf(context, 'group.flow', news.group, data))
  return { ...nothing, names, inbox, news: told }
}

/** What a receipt makes of the stored message; others say something about one device or one attempt only. */
const storedStatus: Partial<Record<ReceiptStatus, MessageStatus>> = {
  server: 'sent',
  delivered: 'delivered',
  read: 'read',
  played: 'played',
  read_self: 'read',
  played_self: 'played',
  server_error: 'failed',
}

const planReceipt = (receipt: EngineEvent & { type: 'receipt' }, context: PlanContext): Plan | null => {
  const chat = context.introduce(receipt.chat)
  if (isIgnored(chat, context)) return null
  const sender = context.introduce(receipt.sender)
  const status = storedStatus[receipt.status]
  // A receipt of others speaks of our messages; one of our own devices says that we have read theirs.
  const ours = !receipt.fromMe
  const raise = status === undefined ? null : { ids: receipt.ids, status, fromMe: ours }
  if (receipt.status === 'server') return { ...nothing, status: raise }
  const author = ours ? canonical(context.self) : chatTypeOf(canonical(chat)) === 'private' ? canonical(chat) : null
  const data = statusData({ ...receipt, chat, sender, author })
  const read = !ours && (status === 'read' || status === 'played') ? { chat: canonical(chat), ids: receipt.ids } : null
  return { ...nothing, status: raise, read, event: eventOf(context, 'message.status', canonical(chat), data) }
}

/** The answer to the request said `sent`, so that WhatsApp took it is no news; that it refused is. */
const planAck = (ack: EngineEvent & { type: 'server-ack' }, context: PlanContext): Plan => {
  const status: StatusRaise = { ids: [ack.id], status: ack.error === null ? 'sent' : 'failed', fromMe: true }
  if (ack.error === null) return { ...nothing, status }
  const chat = context.introduce(ack.to)
  const self = context.introduce(context.self)
  const data = statusData({
    ids: [ack.id],
    status: 'server_error',
    timestamp: context.now,
    chat,
    sender: self,
    author: canonical(self),
    fromMe: true,
  })
  const refused = { ...data, error: verdictOf(ack.error) }
  return { ...nothing, status, event: eventOf(context, 'message.status', canonical(chat), refused) }
}

const eventOf = ({ instanceId }: PlanContext, name: NewEvent['name'], lane: string, data: Record<string, unknown>): NewEvent => ({
  instanceId,
  name,
  lane,
  data,
})
