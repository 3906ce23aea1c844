/** How messages read that can be tapped: our own, those of other businesses, and the older forms which some of them still send. */
import { readWireMedia, toldType } from '../../media/wire-media.ts'
import type { WireMessage } from '../../whatsapp/wire.ts'
import { listIn, type Params, readParams, textIn } from './interactive-params.ts'
import type { Interactive } from './interactive-wire.ts'
import type { IncomingKind, Reading } from './kind.ts'

/** The event's `interactive` of a message that can be tapped. Ours: the hosted service only describes answers. */
interface Tappable {
  header: string | null
  footer: string | null
  buttons: Button[]
  /** Of a list. */
  sections: Section[]
  /** Of a carousel. */
  cards: (Pick<Tappable, 'header' | 'footer' | 'buttons'> & { body: string })[]
}

interface Button {
  /** `REPLY`, `URL`, `CALL`, `COPY`, `LIST`, `FORM`, `PIX`; WhatsApp's own name for what we don't know. */
  type: string
  id: string
  displayText: string
}

interface Section {
  title: string
  rows: { id: string; title: string; description: string | null }[]
}

/** Comes before media: a picture above buttons is a part of them. */
export const incomingInteractive: IncomingKind = {
  read(message) {
    const reading = tappable(message)
    const media = reading === null ? null : readWireMedia(message)
    return reading === null || media === null ? reading : { ...reading, mediaType: toldType(media) }
  },
}

const tappable = ({ interactiveMessage, buttonsMessage, listMessage, templateMessage }: WireMessage): Reading | null => {
  if (interactiveMessage) return native(interactiveMessage)
  if (buttonsMessage) return oldButtons(buttonsMessage)
  if (listMessage) return oldList(listMessage)
  return templateMessage ? template(templateMessage) : null
}

/** `Rooms - Carousel with 3 card(s)` (messages.md §3.8). */
export const carouselText = (message: string, cards: number): string =>
  `${message === '' ? '' : `${message} - `}Carousel with ${cards} card(s)`

const native = (message: Interactive): Reading => {
  const cards = message.carouselMessage?.cards ?? []
  const { buttons, sections } = tapsOf(message)
  // A bare payment says no more than whom it is for.
  const text = message.body?.text || payeeOf(message)
  return reading(message.carouselMessage ? carouselText(text, cards.length) : text, {
    header: message.header?.title || null,
    footer: message.footer?.text || null,
    buttons,
    sections,
    cards: cards.map((card) => ({
      header: card.header?.title || null,
      body: card.body?.text ?? '',
      footer: card.footer?.text || null,
      buttons: tapsOf(card).buttons,
    })),
  })
}

const tapsOf = ({ nativeFlowMessage }: Interactive): Pick<Tappable, 'buttons' | 'sections'> => {
  const buttons: Button[] = []
  const sections: Section[] = []
  for (const { name, buttonParamsJson } of nativeFlowMessage?.buttons ?? []) {
    const params = readParams(buttonParamsJson)
    buttons.push(nativeButton(name ?? '', params))
    if (name === 'single_select') sections.push(...listIn(params, 'sections').map(sectionOf))
  }
  return { buttons, sections }
}

const nativeButton = (name: string, params: Params | null): Button => {
  const displayText = textIn(params, 'display_text', 'title', 'flow_cta')
  switch (name) {
    case 'quick_reply':
      return { type: 'REPLY', id: textIn(params, 'id'), displayText }
    case 'cta_url':
      return { type: 'URL', id: textIn(params, 'url'), displayText }
    case 'cta_call':
      return { type: 'CALL', id: textIn(params, 'phone_number', 'id'), displayText }
    case 'cta_copy':
      return { type: 'COPY', id: textIn(params, 'copy_code', 'id'), displayText }
    case 'single_select':
      return { type: 'LIST', id: '', displayText }
    case 'galaxy_message':
      return { type: 'FORM', id: textIn(params, 'flow_token'), displayText }
    case 'payment_info':
      return { type: 'PIX', id: textIn(pixOf(params), 'key'), displayText: textIn(pixOf(params), 'merchant_name') }
    default:
      return { type: name, id: textIn(params, 'id'), displayText }
  }
}

const sectionOf = (section: Params): Section => ({
  title: textIn(section, 'title'),
  rows: listIn(section, 'rows').map((row) => ({
    id: textIn(row, 'id'),
    title: textIn(row, 'title'),
    description: textIn(row, 'description') || null,
  })),
})

const payeeOf = ({ nativeFlowMessage }: Interactive): string => {
  const payment = nativeFlowMessage?.buttons?.find(({ name }) => name === 'payment_info')
  return payment ? textIn(pixOf(readParams(payment.buttonParamsJson)), 'merchant_name') : ''
}

const pixOf = (params: Params | null): Params | null => {
  for (const setting of listIn(params, 'payment_settings')) {
    const code = setting.pix_static_code
    if (typeof code === 'object' && code !== null) return code as Params
  }
  return null
}

const oldButtons = ({ text, contentText, footerText, buttons }: NonNullable<WireMessage['buttonsMessage']>): Reading =>
  reading(contentText ?? '', {
    ...nothing,
    header: text || null,
    footer: footerText || null,
    buttons: (buttons ?? []).map(({ buttonId, buttonText }) => ({
      type: 'REPLY',
      id: buttonId ?? '',
      displayText: buttonText?.displayText ?? '',
    })),
  })

const oldList = ({ title, description, buttonText, footerText, sections }: NonNullable<WireMessage['listMessage']>): Reading =>
  reading(description ?? '', {
    ...nothing,
    header: title || null,
    footer: footerText || null,
    buttons: [{ type: 'LIST', id: '', displayText: buttonText ?? '' }],
    sections: (sections ?? []).map((section) => ({
      title: section.title ?? '',
      rows: (section.rows ?? []).map((row) => ({ id: row.rowId ?? '', title: row.title ?? '', description: row.description || null })),
    })),
  })

const template = ({
  hydratedTemplate,
  hydratedFourRowTemplate,
  interactiveMessageTemplate,
}: NonNullable<WireMessage['templateMessage']>): Reading => {
  if (interactiveMessageTemplate) return native(interactiveMessageTemplate)
  const filled = hydratedTemplate ?? hydratedFourRowTemplate
  return reading(filled?.hydratedContentText ?? '', {
    ...nothing,
    header: filled?.hydratedTitleText || null,
    footer: filled?.hydratedFooterText || null,
    buttons: (filled?.hydratedButtons ?? []).flatMap(({ quickReplyButton: reply, urlButton: url, callButton: call }): Button[] => {
      if (reply) return [{ type: 'REPLY', id: reply.id ?? '', displayText: reply.displayText ?? '' }]
      if (url) return [{ type: 'URL', id: url.url ?? '', displayText: url.displayText ?? '' }]
      return call ? [{ type: 'CALL', id: call.phoneNumber ?? '', displayText: call.displayText ?? '' }] : []
    }),
  })
}

const nothing: Tappable = { header: null, footer: null, buttons: [], sections: [], cards: [] }

const reading = (content: string, interactive: Tappable): Reading => ({
  type: 'interactive',
  content,
  changes: null,
  mediaType: null,
  details: { interactive },
})
