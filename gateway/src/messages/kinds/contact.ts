/** Contact cards: one, or several in one message. */
import { z } from 'zod'
import { ApiError } from '../../http/errors.ts'
import type { Composed, Composing, IncomingKind, OutgoingKind } from './kind.ts'
import { readVcard, writeVcard } from './vcard.ts'

const MAX_CONTACTS = 100

const card = z.object({
  fullName: z.string().max(256).nullish().meta({ example: 'Ana Prado', description: 'Required' }),
  phone: z.string().max(64).nullish().meta({ example: '5521977776666', description: 'With country code. Required' }),
  organization: z.string().max(256).nullish().meta({ example: 'Acme' }),
  email: z.string().max(320).nullish().meta({ example: 'ana@example.org' }),
  url: z.string().max(2048).nullish().meta({ example: 'https://example.org' }),
})

const body = z.object({
  vcard: z
    .union([z.array(card), card])
    .nullish()
    .meta({
      example: [{ fullName: 'Ana Prado', phone: '5521977776666', organization: 'Acme' }],
      description: `Up to ${MAX_CONTACTS} contacts; a single one may stand without the list. Required`,
    }),
})

type Body = z.infer<typeof body>

export const outgoingContact = {
  id: 'message.contact',
  needs: ['contact'],
  path: '/api/message/contact/:instance',
  summary: 'Send contacts',
  description: 'One card, or several in one message.',
  body,
  answer: { vcard: z.array(card) },
  errors: [
    { status: 400, message: 'At least one contact is required' },
    { status: 400, message: `At most ${MAX_CONTACTS} contacts are allowed` },
    { status: 400, message: 'FullName is required' },
    { status: 400, message: 'Phone is required' },
    { status: 400, message: 'Invalid phone: <phone>' },
  ],
  check(body: Body) {
    const cards = cardsOf(body)
    if (cards.length === 0) throw new ApiError(400, 'At least one contact is required')
    if (cards.length > MAX_CONTACTS) throw new ApiError(400, `At most ${MAX_CONTACTS} contacts are allowed`)
    for (const { fullName, phone } of cards) {
      if (!fullName?.trim()) throw new ApiError(400, 'FullName is required')
      if (!phone?.trim()) throw new ApiError(400, 'Phone is required')
      if (!/^\d{5,15}$/.test(digitsOf(phone))) throw new ApiError(400, `Invalid phone: ${phone}`)
    }
  },
  confirmation(body: Body) {
    const { length } = cardsOf(body)
    return length > 1 ? `${length} contacts sent successfully in one message` : undefined
  },
  async compose(body: Body, { contextInfo }: Pick<Composing, 'contextInfo'>): Promise<Composed> {
    const cards = cardsOf(body)
    const contacts = cards.map(({ fullName, phone, organization, email, url }) => {
      const displayName = fullName?.trim() ?? ''
      return { displayName, vcard: writeVcard({ name: displayName, phone: digitsOf(phone ?? ''), organization, email, url }) }
    })
    const context = contextInfo === null ? {} : { contextInfo }
    const [first] = contacts
    return {
      messageType: 'contact',
      content: contacts.map(({ displayName }) => displayName).join('\n'),
      message:
        contacts.length === 1
          ? { contactMessage: { ...first, ...context } }
          : { contactsArrayMessage: { displayName: `${contacts.length} contacts`, contacts, ...context } },
      answer: { vcard: cards },
    }
  },
} satisfies OutgoingKind<typeof body>

export const incomingContact: IncomingKind = {
  read({ contactMessage, contactsArrayMessage }) {
    if (!contactMessage && !contactsArrayMessage) return null
    const contacts = (contactMessage ? [contactMessage] : (contactsArrayMessage?.contacts ?? [])).map(({ displayName, vcard }) => {
      const { name, phone } = readVcard(vcard ?? '')
      return { display_name: displayName || name, phone_number: phone, vcard: vcard ?? '' }
    })
    return {
      type: 'contact',
      content: contacts.map(({ display_name }) => display_name).join('\n'),
      changes: null,
      mediaType: null,
      details: { contact: { display_name: '', phone_number: null, vcard: '', ...contacts[0], contacts } },
    }
  },
}

const cardsOf = ({ vcard }: Body): z.infer<typeof card>[] => (Array.isArray(vcard) ? vcard : vcard ? [vcard] : [])

const digitsOf = (phone: string): string => phone.replace(/[\s+().-]/g, '')
