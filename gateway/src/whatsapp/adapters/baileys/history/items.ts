/**
 * What stands in a chunk of history (`HistorySync`), one conversation's message at a time: a chunk with a hundred thousand messages takes no
 * more memory than one with ten.
 */
import { proto } from 'baileys'
import { damaged, type Field, Fields } from './fields.ts'

export type HistoryItem =
  | { kind: 'message'; message: proto.IWebMessageInfo; bytes: number }
  /** After its messages, which it does not hold. */
  | { kind: 'chat'; chat: proto.IConversation }
  | { kind: 'push-name'; name: proto.IPushname }
  | { kind: 'mapping'; mapping: proto.IPhoneNumberToLIDMapping }

export type HistoryKind = HistoryItem['kind']

/** Field numbers, WAProto's. */
const IN_CHUNK = { conversation: 2, pushName: 7, mapping: 15 }
const MESSAGE_OF_CHAT = 2
/** Id, unread count, disappearing, time, name, archived, unread mark, token and its times, pin, mute, place in a community, the other names. */
const ofChat: ReadonlySet<number> = new Set([1, 6, 9, 12, 13, 16, 19, 21, 22, 24, 25, 28, 36, 38, 39, 42, 43, 49])

/** A message carries a thumbnail at most; what is larger is left out. */
const LARGEST_MESSAGE = 4 * 1024 * 1024
const LARGEST_FIELD = 64 * 1024

/** The items of these kinds; passing over the others costs next to nothing. Throws EngineError `damaged`. */
export async function* itemsOf(bytes: AsyncIterable<Uint8Array>, wanted: ReadonlySet<HistoryKind>): AsyncGenerator<HistoryItem> {
  const fields = new Fields(bytes)
  for (let field = await fields.next(); field !== null; field = await fields.next()) {
    const { number, length } = field
    if (number === IN_CHUNK.conversation && (wanted.has('chat') || wanted.has('message'))) {
      yield* conversation(fields, fields.position + length, wanted)
    } else if (number === IN_CHUNK.pushName && wanted.has('push-name') && length <= LARGEST_FIELD) {
      yield { kind: 'push-name', name: decode(proto.Pushname, await fields.content(field)) }
    } else if (number === IN_CHUNK.mapping && wanted.has('mapping') && length <= LARGEST_FIELD) {
      yield { kind: 'mapping', mapping: decode(proto.PhoneNumberToLIDMapping, await fields.content(field)) }
    } else await fields.skip(field)
  }
}

async function* conversation(fields: Fields, end: number, wanted: ReadonlySet<HistoryKind>): AsyncGenerator<HistoryItem> {
  const rest: Uint8Array[] = []
  for (let field = await fields.next(end); field !== null; field = await fields.next(end)) {
    if (field.number === MESSAGE_OF_CHAT) {
      const message = wanted.has('message') ? await messageIn(fields, field) : await fields.skip(field)
      if (message) yield { kind: 'message', message, bytes: field.length }
    } else if (ofChat.has(field.number) && field.length <= LARGEST_FIELD) rest.push(field.head, await fields.content(field))
    else await fields.skip(field)
  }
  if (wanted.has('chat')) yield { kind: 'chat', chat: decode(proto.Conversation, Buffer.concat(rest)) }
}

const messageIn = async (fields: Fields, field: Field): Promise<proto.IWebMessageInfo | null> => {
  if (field.length <= LARGEST_MESSAGE) return decode(proto.HistorySyncMsg, await fields.content(field)).message ?? null
  await fields.skip(field)
  return null
}

const decode = <T>(type: { decode(bytes: Uint8Array): T }, bytes: Uint8Array): T => {
  try {
    return type.decode(bytes)
  } catch {
    throw damaged('a part of it is no protobuf')
  }
}
