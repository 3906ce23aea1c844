/** What is refused of buttons, lists, carousels, forms and PIX keys, and how. */
import { beforeAll, expect, it } from 'vitest'
import { png } from '../toolkit/files.ts'
import type { Json } from '../toolkit/json.ts'
import type { Line } from '../toolkit/line.ts'
import type { Phone } from '../toolkit/simulator.ts'
import { onStage } from '../toolkit/stage.ts'

type Body = { [key: string]: Json }

const yes = { id: 'yes', displayText: 'Yes' }
const no = { id: 'no', displayText: 'No', type: 'REPLY' }
const dataUrl = `data:image/png;base64,${png(64, 48).toString('base64')}`

onStage('What can be tapped, refused', (stage) => {
  let line: Line
  let friend: Phone

  beforeAll(async () => {
    friend = await stage.phone()
    line = await stage.line('refusals')
  })

  const refused = async (kind: string, body: Body, message: string | RegExp): Promise<void> => {
    const answer = await line.api.post(`/api/message/${kind}/refusals`, { number: friend.number, ...body })
    const expected = typeof message === 'string' ? message : expect.stringMatching(message)
    expect([answer.status, answer.body]).toEqual([400, { success: false, error: { message: expected } }])
  }

  it.each<[string, Body, string | RegExp]>([
    ['no text', { buttons: [yes] }, 'ContentText is required'],
    ['no buttons', { contentText: 'Sure?' }, 'At least one button is required'],
    ['none at all', { contentText: 'Sure?', buttons: [] }, 'At least one button is required'],
    ['four', { contentText: 'Sure?', buttons: [yes, no, yes, no] }, 'At most 3 buttons are allowed'],
    ['no id', { contentText: 'Sure?', buttons: [{ displayText: 'Yes' }] }, 'Button id is required'],
    ['a long id', { contentText: 'Sure?', buttons: [{ ...yes, id: 'x'.repeat(257) }] }, 'Button id must have at most 256 characters'],
    ['no label', { contentText: 'Sure?', buttons: [{ id: 'yes' }] }, 'Button displayText is required'],
    ['two alike', { contentText: 'Sure?', buttons: [yes, yes] }, 'Button ids must be unique'],
    ['no address', { contentText: 'Sure?', buttons: [{ id: 'javascript:0', displayText: 'x', type: 'URL' }] }, 'Invalid URL: javascript:0'],
    ['no phone', { contentText: 'Sure?', buttons: [{ id: 'soon', displayText: 'x', type: 'CALL' }] }, 'Invalid phone: soon'],
    ['an unknown type', { contentText: 'Sure?', buttons: [{ ...yes, type: 'reply' }] }, /^Invalid request body: /],
    ['no type of media', { contentText: 'Sure?', buttons: [yes], mediaUrl: dataUrl }, 'MediaType is required'],
    ['media in lower case', { contentText: 'Sure?', buttons: [yes], mediaUrl: dataUrl, mediaType: 'image' }, /^Invalid request body: /],
    [
      'media that is none',
      { contentText: 'Sure?', buttons: [yes], mediaUrl: 'data:text/plain;base64,aGVsbG8=', mediaType: 'IMAGE' },
      'Failed to process media: text/plain is not a picture',
    ],
    [
      'media nobody has',
      { contentText: 'Sure?', buttons: [yes], mediaUrl: 'http://10.0.0.1/a.png', mediaType: 'VIDEO' },
      /^Failed to download media: /,
    ],
  ])('buttons with %s are refused', (_what, body, message) => refused('button', body, message))

  const row = { id: 'a', title: 'A' }
  const list = (sections: Json): Body => ({ contentText: 'Topic?', buttonText: 'Open', sections })
  it.each<[string, Body, string]>([
    ['no text', { buttonText: 'Open', sections: [{ rows: [row] }] }, 'ContentText is required'],
    ['no label', { contentText: 'Topic?', sections: [{ rows: [row] }] }, 'ButtonText is required'],
    ['no sections', { contentText: 'Topic?', buttonText: 'Open' }, 'At least one section is required'],
    ['eleven sections', list(Array.from({ length: 11 }, () => ({ title: 'S', rows: [row] }))), 'At most 10 sections are allowed'],
    ['a section without title', list([{ title: 'S', rows: [row] }, { rows: [row] }]), 'Section title is required'],
    ['a section without rows', list([{ rows: [] }]), 'At least one row per section is required'],
    [
      'eleven rows',
      list([{ rows: Array.from({ length: 11 }, (_, id) => ({ id: `${id}`, title: 'A' })) }]),
      'At most 10 rows per section are allowed',
    ],
    ['a row without id', list([{ rows: [{ title: 'A' }] }]), 'Row id is required'],
    ['a long id', list([{ rows: [{ id: 'x'.repeat(257), title: 'A' }] }]), 'Row id must have at most 256 characters'],
    ['a row without title', list([{ rows: [{ id: 'a' }] }]), 'Row title is required'],
    ['two rows alike', list([{ rows: [row, row] }]), 'Row ids must be unique'],
  ])('a list with %s is refused', (_what, body, message) => refused('list', body, message))

  const card = { header: { title: 'Suite' }, body: { text: 'Sea' } }
  it.each<[string, Json, string]>([
    ['no cards', [], 'At least one card is required'],
    ['eleven cards', Array.from({ length: 11 }, () => card), 'At most 10 cards are allowed'],
    ['a card without title', [{ body: { text: 'Sea' } }], 'Card header title is required'],
    ['a card without text', [{ header: { title: 'Suite' } }], 'Card body text is required'],
    [
      'two kinds of media',
      [{ ...card, header: { title: 'S', imageUrl: dataUrl, videoUrl: dataUrl } }],
      'Provide at most one of imageUrl or videoUrl',
    ],
    ['four buttons', [{ ...card, buttons: [yes, no, yes, no] }], 'At most 3 buttons are allowed'],
    ['a button without id', [{ ...card, buttons: [{ displayText: 'x' }] }], 'Button id is required'],
    ['no picture', [{ ...card, header: { title: 'S', imageUrl: 'aGVsbG8=' } }], 'Failed to process media: text/plain is not a picture'],
  ])('a carousel with %s is refused', (_what, cards, message) => refused('carousel', { cards }, message))

  it.each<[Body, string | RegExp]>([
    [{}, 'Message is required'],
    [{ message: 'x', buttonParamsJSON: '[]' }, 'ButtonParamsJSON must be a JSON object'],
    [{ message: 'x', formType: 'other' }, /^Invalid request body: /],
  ])('a form of %j is refused', (body, message) => refused('form', body, message))

  it('PIX keys without what they need are refused', async () => {
    const acme = { merchantName: 'Acme Ltda', pixKey: 'pay@example.org', pixKeyType: 'EMAIL' }
    await refused('pix', { ...acme, merchantName: ' ' }, 'MerchantName is required')
    await refused('pix', { ...acme, pixKey: null }, 'PixKey is required')
    await refused('pix', { ...acme, pixKeyType: null }, 'PixKeyType is required')
    await refused('pix', { ...acme, pixKeyType: 'email' }, /^Invalid request body: /)
    await refused('pix', { ...acme, pixKeyType: 'CPF' }, 'Invalid pixKey for type CPF')
    await refused('pix', { ...acme, items: [{ unitPrice: 1 }] }, 'Item name is required')
  })

  it('nothing of it was sent', async () => {
    expect(await friend.messages()).toEqual([])
  })
})
