import type { BinaryNode } from 'baileys'
import { expect, it } from 'vitest'
import { readBusinessProfile } from '../business-profile.ts'

const node = (tag: string, content: string | BinaryNode[]): BinaryNode => ({
  tag,
  attrs: {},
  content: typeof content === 'string' ? Buffer.from(content) : content,
})
const answer = (...fields: BinaryNode[]) => node('iq', [node('business_profile', [node('profile', fields)])])

it('a business profile has all its websites, and what is left open is null', () => {
  const category = node('categories', [node('category', 'Bakery')])
  const fields = [node('description', 'Bread'), category, node('website', 'https://a.example'), node('website', 'https://b.example')]
  expect(readBusinessProfile(answer(...fields, node('email', ' ')))).toEqual({
    description: 'Bread',
    category: 'Bakery',
    address: null,
    email: null,
    websites: ['https://a.example', 'https://b.example'],
  })
})

it('who says nothing, or is none, has none', () => {
  expect(readBusinessProfile(answer())).toBeNull()
  expect(readBusinessProfile(answer(node('description', '')))).toBeNull()
  expect(readBusinessProfile(node('iq', [node('business_profile', [])]))).toBeNull()
  expect(readBusinessProfile(node('iq', []))).toBeNull()
})
