import { expect, test } from 'vitest'
import { placedWords, wordsOf } from './words.ts'

test.each([
  ['', []],
  ['   …!? ', []],
  ['Hello, hello WORLD', ['hello', 'world']],
  ["João's café está à disposição", ['joao', 's', 'cafe', 'esta', 'a', 'disposicao']],
  ['Straße ﬁn Ⅳ', ['straße', 'fin', 'iv']],
  ['Ελλάδα Ёлка', ['ελλαδα', 'елка']],
  ['invoice-2026/04 no.17', ['invoice', '2026', '04', 'no', '17']],
  ['mail ana@example.org', ['mail', 'ana', 'example', 'org']],
  ['مَرْحَبًا بك', ['مَرْحَبًا', 'بك']],
  ['हिन्दी', ['हिन्दी']],
  ['東京タワー', ['東京', '京タ', 'タワ', 'ワー']],
  ['が', ['が']],
  ['สวัสดี', ['สว', 'วั', 'ัส', 'สด', 'ดี']],
  ['OK東京ok', ['ok', '東京']],
  ['한국어', ['한국어']],
  ['well done 👍🏽👍', ['well', 'done', '👍']],
  ['x"y\'z*', ['x', 'y', 'z']],
])('%j', (text, words) => {
  expect(wordsOf(text, 100)).toEqual(words)
})

test('of a long text no more than asked for, and no longer than forty characters each', () => {
  expect(wordsOf('a b c d e', 3)).toEqual(['a', 'b', 'c'])
  expect(wordsOf('東京'.repeat(50), 1)).toEqual(['東京'])
  expect(wordsOf('x'.repeat(100), 10)).toEqual(['x'.repeat(40)])
})

test('and where they stand, as the text itself is written', () => {
  const text = 'Olá, JOÃO: 東京へ'
  const placed = [...placedWords(text)].map(({ word, at, length }) => [word, text.slice(at, at + length)])
  expect(placed).toEqual([
    ['ola', 'Olá'],
    ['joao', 'JOÃO'],
    ['東京', '東京へ'],
    ['京へ', '東京へ'],
  ])
  expect([...placedWords('Joa\u0303o!')]).toEqual([{ word: 'joao', at: 0, length: 5 }])
})
