/** What a result shows of a long text: the surroundings of the first word that was looked for. */
import { placedWords } from '../../runtime/words.ts'

export interface Snippet {
  /** In one line; `…` stands for what was left out. */
  text: string
  /** Where in it the words stand, in UTF-16 units. */
  highlights: { start: number; length: number }[]
}

/** Characters before the first word, and of the whole. */
const BEFORE = 40
const LONGEST = 160
const MOST_HIGHLIGHTS = 20

/** `words` as `runtime/words.ts` cuts them, the last one as the beginning of a word. */
export const snippetOf = (content: string, words: readonly string[]): Snippet => {
  const text = content.replace(/\s/g, ' ')
  const exact = new Set(words.slice(0, -1))
  const beginning = words.at(-1) ?? ''
  const fits = (word: string) => exact.has(word) || (beginning !== '' && word.startsWith(beginning))
  const places: { at: number; length: number }[] = []
  for (const { word, at, length } of placedWords(text)) {
    if (places.at(-1)?.at === at || !fits(word)) continue
    places.push({ at, length })
    if (places.length === MOST_HIGHLIGHTS || at > (places[0]?.at ?? 0) + LONGEST) break
  }
  const start = text.length <= LONGEST ? 0 : wordStart(text, (places[0]?.at ?? 0) - BEFORE)
  const end = text.length - start <= LONGEST ? text.length : wordEnd(text, start + LONGEST)
  const before = start > 0 ? '…' : ''
  const highlights = places
    .filter(({ at, length }) => at + length <= end)
    .map(({ at, length }) => ({ start: at - start + before.length, length }))
  return { text: `${before}${text.slice(start, end)}${end < text.length ? '…' : ''}`, highlights }
}

/** Not in the middle of a word, nor of a character of two units. */
const wordStart = (text: string, from: number): number => {
  if (from <= 0) return 0
  const space = text.indexOf(' ', from)
  if (space >= 0 && space - from < BEFORE / 2) return space + 1
  return isSecondHalf(text, from) ? from - 1 : from
}

const wordEnd = (text: string, to: number): number => {
  const space = text.lastIndexOf(' ', to)
  if (to - space < BEFORE / 2) return space
  return isSecondHalf(text, to) ? to - 1 : to
}

const isSecondHalf = (text: string, at: number): boolean => /^[\udc00-\udfff]/.test(text.slice(at, at + 1))
