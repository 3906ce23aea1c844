/**
 * Which numbers are on WhatsApp. Baileys' `onWhatsApp` leaves unknown ones out and loses which answer belongs to which question, so the usync
 * request is our own: each `<contact>` of the answer repeats the number asked, and the LID comes in the same round trip.
 */
import type { BinaryNode } from 'baileys'
import type { NumberLookUp } from '../../engine.ts'
import { addressFrom } from './addresses.ts'

export const lookUpRequest = (numbers: readonly string[], sessionTag: string): BinaryNode => ({
  tag: 'iq',
  attrs: { to: '@s.whatsapp.net', type: 'get', xmlns: 'usync' },
  content: [
    {
      tag: 'usync',
      attrs: { context: 'interactive', mode: 'query', sid: sessionTag, last: 'true', index: '0' },
      content: [
        { tag: 'query', attrs: {}, content: [node('contact'), node('lid')] },
        {
          tag: 'list',
          attrs: {},
          content: numbers.map((number) => ({
            tag: 'user',
            attrs: {},
            content: [{ tag: 'contact', attrs: {}, content: Buffer.from(`+${number}`) }],
          })),
        },
      ],
    },
  ],
})

/** One answer per number, in the order asked; what WhatsApp left out does not exist. */
export const readLookUp = (numbers: readonly string[], answer: BinaryNode): NumberLookUp[] => {
  const users = children(children(answer, 'usync')[0], 'list').flatMap((list) => children(list, 'user'))
  const found = new Map<string, NumberLookUp>()
  for (const [index, user] of users.entries()) {
    const contact = children(user, 'contact')[0]
    const asked = contact === undefined ? '' : textOf(contact).replace(/\D/g, '')
    // Without the number in it an answer can only be told by its place, and only when none is missing.
    const number =
      asked !== '' ? asked : users.length === numbers.length ? numbers[index] : (addressFrom(user.attrs.jid).jid ?? '').split('@')[0]
    if (!number || contact?.attrs.type !== 'in') continue
    found.set(number, { number, exists: true, address: addressFrom(user.attrs.jid, children(user, 'lid')[0]?.attrs.val) })
  }
  return numbers.map((number) => found.get(number) ?? { number, exists: false, address: null })
}

const node = (tag: string): BinaryNode => ({ tag, attrs: {} })

const children = (parent: BinaryNode | undefined, tag: string): BinaryNode[] =>
  Array.isArray(parent?.content) ? parent.content.filter((child) => child.tag === tag) : []

const textOf = ({ content }: BinaryNode): string =>
  typeof content === 'string' ? content : content instanceof Uint8Array ? Buffer.from(content).toString() : ''
