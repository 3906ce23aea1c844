/**
 * Text as words that can be looked up: without case and accents, `João's` and `joao s` being the same two. Scripts that put no spaces
 * between words are cut into pairs of characters. Of numbers and symbols the digits and the emoji count.
 */

/** Longer ones are cut; nobody looks for the end of them. */
const LONGEST = 40

/** Distinct words, in the order they first stand in, at most `limit`. None of them holds a space or a quote. */
export const wordsOf = (text: string, limit: number): string[] => {
  const words = new Set<string>()
  for (const [word] of plain(text).matchAll(anyWord)) {
    if (unspaced.test(word)) for (const part of parts(word)) words.add(part)
    else words.add(cut(word))
    if (words.size >= limit) break
  }
  return [...words].slice(0, limit)
}

/** The same one by one, with where in the text each was read; words of one run of letters share their place. */
export function* placedWords(text: string): Generator<{ word: string; at: number; length: number }> {
  for (const found of text.matchAll(anyWord)) {
    const [run] = found
    for (const word of wordsOf(run, run.length + 1)) yield { word, at: found.index, length: run.length }
  }
}

/** Only Latin, Greek and Cyrillic letters carry accents that people leave out; in other scripts a mark is a letter of its own. */
const plain = (text: string): string =>
  isPlain.test(text) ? text.toLowerCase() : text.normalize('NFKD').replace(accents, '').normalize('NFC').toLowerCase()

// biome-ignore lint/suspicious/noControlCharactersInRegex: everything of ASCII.
const isPlain = /^[\x00-\x7f]*$/
const accents = /[\u0300-\u036f]/g

/** With the long mark of Katakana, which Unicode counts to no script. */
const noSpaces =
  '\\p{Script=Han}\\p{Script=Hiragana}\\p{Script=Katakana}\\p{Script=Thai}\\p{Script=Lao}\\p{Script=Khmer}\\p{Script=Myanmar}\\u30fc'
const unspaced = new RegExp(`^[${noSpaces}]`, 'u')
const anyWord = new RegExp(`[${noSpaces}]+|(?:(?![${noSpaces}])[\\p{L}\\p{N}\\p{M}])+|\\p{Extended_Pictographic}`, 'gu')

const parts = (run: string): string[] => {
  const characters = [...run]
  return characters.length === 1 ? characters : characters.slice(1).map((character, index) => `${characters[index]}${character}`)
}

const cut = (word: string): string => (word.length <= LONGEST ? word : [...word].slice(0, LONGEST).join(''))
