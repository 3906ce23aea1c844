import { expect, it } from 'vitest'
import { type BinaryNode, node } from '../wire/nodes.ts'
import { bizRefusal } from './biz-node.ts'

const interactive = (...content: BinaryNode[]) => node('interactive', { type: 'native_flow', v: '1' }, content)

it.each<[string, BinaryNode[], string | undefined]>([
  ['no biz node', [], undefined],
  ['the old buttons', [node('biz', {}, [node('buttons')])], '405'],
  ['interactive alone', [node('biz', {}, [interactive()])], '479'],
  ['a native flow', [node('biz', {}, [interactive(node('native_flow', { name: 'mixed' }))])], undefined],
])('%s', (_what, content, error) => {
  expect(bizRefusal(node('message', {}, content))?.error).toBe(error)
})
