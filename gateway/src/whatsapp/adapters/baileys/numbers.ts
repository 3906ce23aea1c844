/**
 * Which numbers are on WhatsApp. Baileys' `onWhatsApp` leaves unknown ones out and loses which answer belongs to which question, so the usync
 * request is our own: each `<contact>` of the answer repeats the number asked, and the LID comes in the same round trip. So do the devices when
 * somebody is about to be written to, which saves asking for them by themselves.
 */
import { type BinaryNode, type Contact, extractDeviceJids, USyncDeviceProtocol } from 'baileys'
import type { NumberLookUp } from '../../engine.ts'
import { addressFrom } from './addresses.ts'
import type { ToldDevices } from './device-lists.ts'

export const lookUpRequest = (numbers: readonly string[], sessionTag: string, { devices }: { devices: boolean }): BinaryNode => ({
  tag: 'iq',
  attrs: { to: '@s.whatsapp.net', type: 'get', xmlns: 'usync' },
  content: [
    {
      tag: 'usync',
      attrs: { context: 'interactive', mode: 'query', sid: sessionTag, last: 'true', index: '0' },
      content: [
        { tag: 'query', attrs: {}, content: [node('contact'), node('lid'), ...(devices ? [devicesProtocol.getQueryElement()] : [])] },
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

/** What an answer tells of the devices of those who are on WhatsApp, as Baileys keeps it. Nothing of whoever WhatsApp told nothing of. */
export const readDevices = (answer: BinaryNode, me: Pick<Contact, 'id' | 'lid'>): ToldDevices[] => {
  const users = children(children(answer, 'usync')[0], 'list').flatMap((list) => children(list, 'user'))
  return users.flatMap((user) => {
    const told = children(user, 'devices')[0]
    const { jid, lid } = addressFrom(user.attrs.jid, children(user, 'lid')[0]?.attrs.val)
    if (told === undefined || jid === null || children(user, 'contact')[0]?.attrs.type !== 'in' || children(told, 'error').length > 0)
      return []
    const devices = extractDeviceJids([{ id: jid, devices: devicesProtocol.parser(told) }], me.id, me.lid ?? '', false)
    const number = userOf(jid)
    return devices.length === 0 ? [] : [{ user: number, alias: lid === null ? null : userOf(lid), devices }]
  })
}

const devicesProtocol = new USyncDeviceProtocol()

const userOf = (jid: string): string => jid.slice(0, jid.indexOf('@'))

const node = (tag: string): BinaryNode => ({ tag, attrs: {} })

const children = (parent: BinaryNode | undefined, tag: string): BinaryNode[] =>
  Array.isArray(parent?.content) ? parent.content.filter((child) => child.tag === tag) : []

const textOf = ({ content }: BinaryNode): string =>
  typeof content === 'string' ? content : content instanceof Uint8Array ? Buffer.from(content).toString() : ''
