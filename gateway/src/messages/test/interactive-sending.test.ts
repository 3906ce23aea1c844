/** Messages that can be tapped: what each becomes on the wire. */
import { describe, expect, test } from 'vitest'
import { nodesBeside } from '../../whatsapp/stanza-nodes.ts'
import { decodeWireMessage, encodeWireMessage, type WireMessage } from '../../whatsapp/wire.ts'
import { outgoingButton } from '../kinds/button.ts'
import { outgoingCarousel } from '../kinds/carousel.ts'
import { outgoingForm } from '../kinds/form.ts'
import type { Composing } from '../kinds/kind.ts'
import { outgoingList } from '../kinds/list.ts'
import { outgoingPix } from '../kinds/pix.ts'
import { readMessage } from '../kinds/registry.ts'

/** As it comes off the wire. */
const read = (message: WireMessage) => readMessage(decodeWireMessage(encodeWireMessage(message)))

describe('what is sent', () => {
  const attach = () => Promise.reject(new Error('nothing is attached here'))
  const composing = { contextInfo: null, attach }

  test.each([
    [
      'buttons',
      outgoingButton.compose({ contentText: 'Sure?', buttons: [{ id: 'yes', displayText: 'Yes' }] }, composing),
      'Sure?',
      'buttons',
      'mixed',
    ],
    [
      'a list',
      outgoingList.compose(
        { contentText: 'Topic?', buttonText: 'Open', sections: [{ rows: [{ id: 'bill', title: 'Billing' }] }] },
        composing,
      ),
      'Topic?',
      'list',
      'mixed',
    ],
    [
      'a carousel',
      outgoingCarousel.compose({ cards: [{ header: { title: 'Suite' }, body: { text: 'Sea' } }] }, composing),
      'Carousel with 1 card(s)',
      'interactive',
      'mixed',
    ],
    ['a form', outgoingForm.compose({ message: 'You?' }, composing), 'You?', 'interactive', 'mixed'],
    [
      'a PIX key',
      outgoingPix.compose({ merchantName: 'Acme', pixKey: '12345678901', pixKeyType: 'CPF' }, composing),
      'Acme',
      'interactive',
      'payment_info',
    ],
  ])('%s read as what the answer says, and get their biz node', async (_what, composed, content, messageType, name) => {
    const { message, ...said } = await composed
    expect(said).toMatchObject({ content, messageType })
    expect(read(message)).toMatchObject({ type: 'interactive', content })
    expect(nodesBeside(message)).toMatchObject([
      {
        tag: 'biz',
        content: [
          { tag: 'interactive', attrs: { type: 'native_flow', v: '1' }, content: [{ tag: 'native_flow', attrs: { name } }] },
          ...(name === 'mixed' ? [{ tag: 'quality_control' }] : []),
        ],
      },
    ])
  })

  const upload = {
    url: 'https://mmg.whatsapp.net/f.enc',
    directPath: '/f.enc',
    mediaKey: Buffer.alloc(32, 1),
    mediaKeyTimestamp: 1,
    fileSha256: Buffer.alloc(32, 2),
    fileEncSha256: Buffer.alloc(32, 3),
    fileLength: 7,
  }
  const uploading =
    (wanted: string[]): Composing['attach'] =>
    async (source, { as }) => {
      wanted.push(`${as} of ${source.url}`)
      const unknown = { fileName: 'plan.pdf', width: null, height: null, seconds: null, thumbnail: null, waveform: null }
      const file = { path: '', size: 7, mimeType: 'x/y', fileName: null, discard: async () => {} }
      return { ...unknown, id: 'm', upload, mimeType: 'x/y', size: 7, animated: false, gif: false, file }
    }

  test.each([
    ['IMAGE', 'image', { imageMessage: { directPath: '/f.enc', mimetype: 'x/y' } }],
    ['VIDEO', 'video', { videoMessage: { directPath: '/f.enc', mimetype: 'x/y' } }],
    ['DOCUMENT', 'document', { documentMessage: { directPath: '/f.enc', fileName: 'plan.pdf' } }],
  ] as const)('%s above buttons takes the place of the header', async (mediaType, as, expected) => {
    const wanted: string[] = []
    const body = { contentText: 'Sure?', headerText: 'Visit', buttons: [{ id: 'yes', displayText: 'Yes' }], mediaUrl: 'u', mediaType }
    const { message } = await outgoingButton.compose(body, { contextInfo: null, attach: uploading(wanted) })
    expect(wanted).toEqual([`${as} of u`])
    expect(message.interactiveMessage?.header).toMatchObject({ ...expected, hasMediaAttachment: true })
    expect(message.interactiveMessage?.header?.title).toBeUndefined()
  })

  test('cards have their own pictures and films, fetched in order', async () => {
    const wanted: string[] = []
    const cards = [
      { header: { title: 'A', imageUrl: 'a' }, body: { text: 'a' } },
      { header: { title: 'B', subtitle: 'b', videoUrl: 'b' }, body: { text: 'b' } },
      { header: { title: 'C' }, body: { text: 'c' } },
    ]
    const { message } = await outgoingCarousel.compose({ cards }, { contextInfo: null, attach: uploading(wanted) })
    expect(wanted).toEqual(['image of a', 'video of b'])
    expect(message.interactiveMessage?.carouselMessage?.cards?.map(({ header }) => header)).toMatchObject([
      { title: 'A', imageMessage: { directPath: '/f.enc' }, hasMediaAttachment: true },
      { title: 'B', subtitle: 'b', videoMessage: { directPath: '/f.enc' }, hasMediaAttachment: true },
      { title: 'C', hasMediaAttachment: false },
    ])
  })

  test('an order that somebody else wrote and is sent on is named as orders are', () => {
    const order = { interactiveMessage: { nativeFlowMessage: { buttons: [{ name: 'review_and_pay', buttonParamsJson: '{}' }] } } }
    expect(nodesBeside(order)).toMatchObject([{ content: [{ content: [{ tag: 'native_flow', attrs: { name: 'order_details' } }] }] }])
  })

  test('a text has nothing beside it', () => {
    expect(nodesBeside({ conversation: 'hello' })).toEqual([])
    expect(nodesBeside({ ephemeralMessage: { message: { interactiveMessage: {} } } })).toMatchObject([{ tag: 'biz' }])
    expect(nodesBeside({ pollCreationMessageV3: {} })).toEqual([{ tag: 'meta', attrs: { polltype: 'creation' } }])
    expect(nodesBeside({ eventMessage: {} })).toEqual([{ tag: 'meta', attrs: { event_type: 'creation' } }])
  })

  const attempt = (check: () => void): string => {
    try {
      check()
      return 'ok'
    } catch (error) {
      return error instanceof Error ? error.message : String(error)
    }
  }

  test.each([
    ['CPF', '12345678901', 'ok'],
    ['CPF', '123.456.789-01', 'Invalid pixKey for type CPF'],
    ['CNPJ', '12345678000195', 'ok'],
    ['CNPJ', '12ABC34501DE35', 'ok'],
    ['CNPJ', '12345678901', 'Invalid pixKey for type CNPJ'],
    ['EMAIL', 'pay@example.org', 'ok'],
    ['EMAIL', 'pay', 'Invalid pixKey for type EMAIL'],
    ['PHONE', '5521999998888', 'ok'],
    ['PHONE', '+5521999998888', 'Invalid pixKey for type PHONE'],
    ['RANDOM', '123e4567-e89b-12d3-a456-426614174000', 'ok'],
    ['RANDOM', '123e4567', 'Invalid pixKey for type RANDOM'],
  ] as const)('PIX key of type %s: %s → %s', (pixKeyType, pixKey, expected) => {
    expect(attempt(() => outgoingPix.check({ merchantName: 'Acme', pixKey, pixKeyType }))).toBe(expected)
  })

  test('items are added up in cents', async () => {
    const items = [
      { name: 'Cut', unitPrice: 0.1, quantity: 3 },
      { name: 'Wash', unitPrice: 19.99 },
    ]
    const { message } = await outgoingPix.compose({ merchantName: 'Acme', pixKey: '5521999998888', pixKeyType: 'PHONE', items }, composing)
    const params: unknown = JSON.parse(message.interactiveMessage?.nativeFlowMessage?.buttons?.[0]?.buttonParamsJson ?? '')
    expect(params).toMatchObject({
      total_amount: { value: 2029, offset: 100 },
      order: {
        items: [
          { name: 'Cut', quantity: 3, amount: { value: 10 } },
          { name: 'Wash', quantity: 1, amount: { value: 1999 } },
        ],
      },
      payment_settings: [{ pix_static_code: { key: '+5521999998888', key_type: 'PHONE', merchant_name: 'Acme' } }],
    })
  })
})
