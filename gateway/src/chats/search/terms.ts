/**
 * What stands in the index in place of words. All instances share one index, so each word carries eight characters of its instance before it,
 * and what is found in an instance costs nothing for the messages of others. A chat is a term of its own, of eight characters: no word is so
 * short. The eight characters are a hash: a match says where to look, and the message itself whether it is one.
 */
import { hash } from 'node:crypto'
import { wordsOf } from '../../runtime/words.ts'

/** Different words of one message. */
const MOST_WORDS = 1_000

/** Any one of these. None holds a space or a quote. */
export interface Term {
  any: readonly string[]
  /** Words that begin like this. */
  beginning: boolean
}

export const messageWords = (text: string): string[] => wordsOf(text, MOST_WORDS)

/** Of a message that is stored. */
export const termsOfMessage = ({ instanceId, chat, text }: { instanceId: string; chat: string; text: string }): string[] => {
  const instance = eightOf(instanceId)
  return [chatTerm(instanceId, chat), ...messageWords(text).map((word) => `${instance}${word}`)]
}

/** Of a search: all words, the last one as a beginning, and one of the chats if there are any. */
export const termsOfSearch = (instanceId: string, words: readonly string[], chats: readonly string[] | null): Term[] => {
  const instance = eightOf(instanceId)
  const wanted = words.map((word, index) => ({ any: [`${instance}${word}`], beginning: index === words.length - 1 }))
  return chats === null ? wanted : [...wanted, { any: chats.map((chat) => chatTerm(instanceId, chat)), beginning: false }]
}

const chatTerm = (instanceId: string, chat: string): string => eightOf(`${instanceId} ${chat}`)

const eightOf = (text: string): string => hash('sha256', text).slice(0, 8)
