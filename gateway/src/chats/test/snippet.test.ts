import { expect, it, test } from 'vitest'
import { snippetOf } from '../search/snippet.ts'
import { messageWords } from '../search/terms.ts'

const shown = (content: string, search: string) => {
  const { text, highlights } = snippetOf(content, messageWords(search))
  return { text, marked: highlights.map(({ start, length }) => text.slice(start, start + length)) }
}

test.each([
  ['Olá, João!', 'joao', 'Olá, João!', ['João']],
  ['one\ntwo\tthree', 'two thr', 'one two three', ['two', 'three']],
  ['thr three', 'thr', 'thr three', ['thr', 'three']],
  ['threads and two', 'two thr', 'threads and two', ['threads', 'two']],
  ['twofold', 'two x', 'twofold', []],
  ['東京タワー', '京タ', '東京タワー', ['東京タワー']],
])('of %j for %j', (content, search, text, marked) => {
  expect(shown(content, search)).toEqual({ text, marked })
})

it('of a long text is cut between words around the first of them', () => {
  const long = `${'before '.repeat(50)}needle ${'after '.repeat(50)}needle`
  const { text, marked } = shown(long, 'needle')
  expect(text).toMatch(/^…before (before )*needle (after )*after…$/)
  expect(text.length).toBeLessThan(165)
  expect(marked).toEqual(['needle'])
  expect(shown('👍'.repeat(500), 'x').text).not.toMatch(/[\ud800-\udbff](?![\udc00-\udfff])/)
})
