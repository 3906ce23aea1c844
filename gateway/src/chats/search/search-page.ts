/**
 * A page of what was found, newest first. The index says where to look; whether a message is meant says the message itself, as it reads now:
 * so nobody sees another instance's, nor one that was changed or taken back a moment ago. A page costs a bounded number of steps, whatever is
 * looked for; one that came to the bound is short, and says where to go on.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Database } from '../../storage/database.ts'
import { type ShownMessage, showMessages } from '../shown-message.ts'
import { endOfTime, momentOf, nextCandidates, type Position, startOfTime } from './index-table.ts'
import { messageWords, termsOfSearch } from './terms.ts'

export interface MessageQuery {
  instanceId: string
  /** All of them, the last one as the beginning of a word. None: nothing fits. */
  words: readonly string[]
  /** Names of the chat; null: any chat. */
  chats: readonly string[] | null
  /** Milliseconds, both inclusive. */
  from: number | null
  to: number | null
  type: string | null
  fromMe: boolean | null
  limit: number
  /** Where the page before ended. */
  before: Position | null
}

export interface MessagePage {
  messages: ShownMessage[]
  /** Null: there are no more. */
  next: Position | null
}

/** Steps of one page, and messages looked at in each. */
const MOST_STEPS = 40
const STEP = 250

export const searchPage = async (db: Database, query: MessageQuery): Promise<MessagePage> => {
  const { instanceId, words, chats, from, to, limit } = query
  const messages: ShownMessage[] = []
  if (words.length === 0) return { messages, next: null }
  const terms = termsOfSearch(instanceId, words, chats)
  const oldest = from === null ? startOfTime : { moment: momentOf(from), seq: 0 }
  const newest = to === null ? endOfTime : { moment: momentOf(to) + 1, seq: 0 }
  const isSieve = query.type !== null || query.fromMe !== null
  let before = query.before === null || newest.moment < query.before.moment ? newest : query.before
  let last: Position | null = null
  for (let step = 0; step < MOST_STEPS; step += 1) {
    const wanted = isSieve ? STEP : limit + 1 - messages.length
    const { found, rest } = await nextCandidates(db, { instanceId, terms, before, from: oldest }, wanted)
    const shown = new Map((await showMessages(db.read, instanceId, seqsOf(found))).map((one) => [one.seq, one]))
    for (const position of found) {
      const message = shown.get(position.seq)
      if (message === undefined || !isWanted(message, query)) continue
      if (messages.length === limit) return { messages, next: last }
      messages.push(message.shown)
      last = position
    }
    if (rest === null) return { messages, next: null }
    before = rest
    await nextTurn()
  }
  return { messages, next: before }
}

const seqsOf = (positions: readonly Position[]): number[] => positions.map(({ seq }) => seq)

const isWanted = (
  { sentAt, shown }: { sentAt: number; shown: ShownMessage },
  { words, chats, from, to, type, fromMe }: MessageQuery,
): boolean =>
  !shown.revoked &&
  (chats === null || chats.includes(shown.chatJid)) &&
  (from === null || sentAt >= from) &&
  (to === null || sentAt <= to) &&
  (type === null || shown.type === type) &&
  (fromMe === null || shown.fromMe === fromMe) &&
  hasAll(messageWords(shown.content), words)

const hasAll = (ones: readonly string[], words: readonly string[]): boolean => {
  const there = new Set(ones)
  const beginning = words.at(-1) ?? ''
  return words.slice(0, -1).every((word) => there.has(word)) && ones.some((word) => word.startsWith(beginning))
}
