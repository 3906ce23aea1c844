/**
 * Chats by what they are called and by their numbers: by the beginning of every word, by the first or the last digits. Few candidates are
 * all looked at; where there are very many, the newest chats are gone through instead.
 */
import { sql } from 'kysely'
import type { Reader } from '../../storage/database.ts'
import { isUserJid } from '../../whatsapp/jid.ts'
import { calledLike, nameWords } from '../name-words.ts'
import {
  type ChatColumns,
  type ChatPage,
  type ChatQuery,
  columns,
  inOrder,
  isWanted,
  type ListedChat,
  positionOf,
  readPage,
  toListed,
} from './chat-page.ts'

export interface ChatSearch {
  /** Beginnings of words, all of which a name must have; none: no name fits. */
  words: readonly string[]
  /** Spellings of the same digits; none: no number fits. */
  digits: readonly string[]
}

/** Candidates that are all looked at. */
const FEW = 1_000

/** `spellings` gives the forms a number may be registered under. Null: there is nothing to look for. */
export const parseSearch = async (text: string, spellings: (digits: string) => Promise<readonly string[]>): Promise<ChatSearch | null> => {
  const digits = /^[\d\s()+.-]+$/.test(text) ? text.replace(/\D/g, '') : ''
  const words = nameWords(text)
  if (digits.length < 3 && words.length === 0) return null
  return { words, digits: digits.length < 3 ? [] : [...new Set([digits, ...(await spellings(digits))])] }
}

export const searchPage = async (reader: Reader, query: ChatQuery, search: ChatSearch): Promise<ChatPage> => {
  const candidates = await candidatesFor(reader, query.instanceId, search)
  if (candidates === null) return readPage(reader, query, (chats) => fitting(reader, query.instanceId, chats, search))
  const chats = await chatsNamed(reader, query.instanceId, candidates)
  const fit = (await fitting(reader, query.instanceId, chats, search)).filter((row) => isWanted(row, query)).sort(inOrder)
  const { after } = query
  const behind = after === null ? fit : fit.filter((row) => inOrder(after, row) < 0)
  const page = behind.slice(0, query.limit)
  return { chats: page, next: behind.length > page.length ? positionOf(page.at(-1)) : null }
}

/** All chats that may fit; null: too many. */
const candidatesFor = async (reader: Reader, instanceId: string, { words, digits }: ChatSearch): Promise<string[] | null> => {
  const found: string[] = []
  for (const one of digits) {
    const numbers = await numbersLike(reader, instanceId, one)
    if (numbers.length > FEW) return null
    found.push(...numbers)
  }
  // A longer word has fewer bearers.
  for (const word of [...words].sort((a, b) => b.length - a.length)) {
    const called = await calledLike(reader, instanceId, word, FEW + 1)
    if (called.length <= FEW) return [...new Set([...found, ...called])]
  }
  return words.length === 0 ? found : null
}

const numbersLike = async (reader: Reader, instanceId: string, digits: string): Promise<string[]> => {
  const backwards = [...digits].reverse().join('')
  const [first, last] = await Promise.all([
    // `:` is the character behind `9`.
    sql<{ chat: string }>`
      select chat from chats where instance_id = ${instanceId} and chat >= ${digits} and chat < ${`${digits}:`} limit ${FEW + 1}
    `.execute(reader),
    sql<{ chat: string }>`
      select chat from chats where instance_id = ${instanceId} and backwards >= ${backwards} and backwards < ${`${backwards}:`} limit ${FEW + 1}
    `.execute(reader),
  ])
  return [...first.rows, ...last.rows].map(({ chat }) => chat)
}

const chatsNamed = async (reader: Reader, instanceId: string, names: readonly string[]): Promise<ListedChat[]> => {
  const chats: ListedChat[] = []
  for (let start = 0; start < names.length; start += FEW) {
    const some = names.slice(start, start + FEW)
    const { rows } = await sql<ChatColumns>`
      select ${columns} from chats where instance_id = ${instanceId} and chat in (${sql.join(some)})
    `.execute(reader)
    chats.push(...rows.map(toListed))
  }
  return chats
}

const fitting = async (
  reader: Reader,
  instanceId: string,
  chats: readonly ListedChat[],
  { words, digits }: ChatSearch,
): Promise<ListedChat[]> => {
  const names = words.length === 0 ? new Map<string, string>() : await namesOf(reader, instanceId, chats)
  return chats.filter(({ chat }) => {
    const number = isUserJid(chat) ? chat.slice(0, chat.indexOf('@')) : ''
    if (digits.some((one) => number.startsWith(one) || number.endsWith(one))) return true
    const called = nameWords(names.get(chat) ?? '')
    return words.length > 0 && words.every((word) => called.some((one) => one.startsWith(word)))
  })
}

const namesOf = async (reader: Reader, instanceId: string, chats: readonly ListedChat[]): Promise<Map<string, string>> => {
  if (chats.length === 0) return new Map()
  const rows = await reader
    .selectFrom('contacts')
    .select(['jid', 'push_name', 'saved_name', 'business_name'])
    .where('instance_id', '=', instanceId)
    .where(
      'jid',
      'in',
      chats.map(({ chat }) => chat),
    )
    .execute()
  return new Map(rows.map(({ jid, push_name, saved_name, business_name }) => [jid, [saved_name, push_name, business_name].join(' ')]))
}
