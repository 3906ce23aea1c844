/** Cards side by side, each with a text and buttons of its own. */
import { z } from 'zod'
import { ApiError } from '../../http/errors.ts'
import { longText } from '../../http/long-value.ts'
import { isGiven, mediaErrors } from './attached-media.ts'
import { buttonErrors, buttonFields, checkButtons, nativeButton } from './interactive-buttons.ts'
import { carouselText } from './interactive-reading.ts'
import { type Interactive, interactive, mediaHeader, textHeader } from './interactive-wire.ts'
import type { Composed, Composing, OutgoingKind } from './kind.ts'
import { MAX_TEXT } from './text.ts'

const MAX_CARDS = 10
const MAX_LINE = 1_024

const card = z.object({
  header: z
    .object({
      title: z.string().max(MAX_LINE).nullish().meta({ example: 'Suite', description: 'Required' }),
      subtitle: z.string().max(MAX_LINE).nullish().meta({ example: 'Third floor' }),
      imageUrl: longText().nullish().meta({ example: 'https://example.org/suite.jpg' }),
      videoUrl: longText().nullish().meta({ example: 'https://example.org/suite.mp4', description: 'Either this or an image' }),
    })
    .nullish(),
  body: z.object({ text: z.string().max(MAX_TEXT).nullish().meta({ example: 'Sea view', description: 'Required' }) }).nullish(),
  footer: z.string().max(MAX_LINE).nullish().meta({ example: 'From 90 a night' }),
  buttons: z.array(buttonFields).nullish().meta({ description: 'Up to three' }),
})

const body = z.object({
  message: z.string().max(MAX_TEXT).nullish().meta({ example: 'Our rooms', description: 'Text above the cards' }),
  footer: z.string().max(MAX_LINE).nullish().meta({ example: 'Hotel', description: 'Text below them' }),
  cards: z
    .array(card)
    .nullish()
    .meta({
      example: [{ header: { title: 'Suite' }, body: { text: 'Sea view' }, buttons: [{ displayText: 'Book', id: 'book_suite' }] }],
      description: `One to ${MAX_CARDS}. Required`,
    }),
})

type Body = z.infer<typeof body>
type Card = z.infer<typeof card>

export const outgoingCarousel = {
  id: 'message.carousel',
  needs: ['interactive'],
  path: '/api/message/carousel/:instance',
  summary: 'Send a carousel',
  description:
    'A tap on a `REPLY` button comes back as `message.exchange` with the id of the button and, from most phones, the index of its card.',
  longValues: true,
  body,
  errors: [
    { status: 400, message: 'At least one card is required' },
    { status: 400, message: `At most ${MAX_CARDS} cards are allowed` },
    { status: 400, message: 'Card header title is required' },
    { status: 400, message: 'Card body text is required' },
    { status: 400, message: 'Provide at most one of imageUrl or videoUrl' },
    ...buttonErrors,
    ...mediaErrors,
  ],
  check({ cards }: Body) {
    if (!cards?.length) throw new ApiError(400, 'At least one card is required')
    if (cards.length > MAX_CARDS) throw new ApiError(400, `At most ${MAX_CARDS} cards are allowed`)
    for (const { header, body, buttons } of cards) {
      if (!header?.title?.trim()) throw new ApiError(400, 'Card header title is required')
      if (!body?.text?.trim()) throw new ApiError(400, 'Card body text is required')
      if (isGiven(header.imageUrl) && isGiven(header.videoUrl)) throw new ApiError(400, 'Provide at most one of imageUrl or videoUrl')
      checkButtons(buttons ?? [])
    }
  },
  async compose(body: Body, { contextInfo, attach }: Pick<Composing, 'contextInfo' | 'attach'>): Promise<Composed> {
    const cards: Interactive[] = []
    // One after the other: ten films at once would keep everybody else from converting theirs.
    for (const { header, body: cardBody, footer, buttons } of body.cards ?? []) {
      cards.push(
        interactive({
          header: await cardHeader(header, attach),
          body: cardBody?.text,
          footer: footer?.trim(),
          buttons: (buttons ?? []).map(nativeButton),
        }),
      )
    }
    const message = body.message?.trim() ? body.message : ''
    return {
      messageType: 'interactive',
      content: carouselText(message, cards.length),
      message: {
        interactiveMessage: interactive({
          body: message,
          footer: body.footer?.trim(),
          carousel: { cards, messageVersion: 1 },
          contextInfo,
        }),
      },
    }
  },
} satisfies OutgoingKind<typeof body>

const cardHeader = async (header: Card['header'], attach: Composing['attach']): Promise<Interactive['header']> => {
  const text = { title: header?.title?.trim(), subtitle: header?.subtitle?.trim() }
  if (isGiven(header?.imageUrl)) return mediaHeader('image', header?.imageUrl, attach, text)
  if (isGiven(header?.videoUrl)) return mediaHeader('video', header?.videoUrl, attach, text)
  return textHeader(text.title, text.subtitle)
}
