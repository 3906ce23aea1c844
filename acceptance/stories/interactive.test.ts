/** What can be tapped: buttons, lists, carousels, forms and PIX keys, sent to a person, a LID and a group, tapped there, and received. */
import { randomBytes } from 'node:crypto'
import { expect, it } from 'vitest'
import { png } from '../toolkit/files.ts'
import { at, type Json, text } from '../toolkit/json.ts'
import type { Line } from '../toolkit/line.ts'
import type { Receiver } from '../toolkit/receiver.ts'
import type { Phone, Tap } from '../toolkit/simulator.ts'
import { openSocket, type Socket } from '../toolkit/socket.ts'
import { onStage } from '../toolkit/stage.ts'

interface Cast {
  line: Line
  friend: Phone
  /** Line and friend are in it. */
  group: string
  receiver: Receiver
  /** Hears the same as the receiver. */
  socket: Socket
}

type Body = { [key: string]: Json }

/** `message` of a `message.exchange` that says no more than that. */
const plainly = (type: string, content: string, interactive: object | null, more: object = {}) => ({
  type,
  content,
  source: '',
  isForwarded: false,
  isEdit: false,
  edit: null,
  context: null,
  media: null,
  location: null,
  contact: null,
  reaction: null,
  poll: null,
  event: null,
  interactive,
  ...more,
})

const bare = { header: null, footer: null, buttons: [], sections: [], cards: [] }
const yes = { id: 'yes', displayText: 'Yes' }
const no = { id: 'no', displayText: 'No', type: 'REPLY' }
const picture = png(64, 48)
const dataUrl = `data:image/png;base64,${picture.toString('base64')}`

onStage('What can be tapped', (stage) => {
  let cast: Promise<Cast> | undefined
  const players = (): Promise<Cast> => {
    cast ??= (async () => {
      const receiver = await stage.receiver()
      const friend = await stage.phone({ name: 'Bea' })
      const line = await stage.line('taps', {
        webhookEnabled: true,
        webhookURL: receiver.url,
        webhookEvents: ['message.exchange'],
        websocketEnabled: true,
      })
      const group = await stage.simulator.group({ by: friend, subject: 'Taps', participants: [line.phone] })
      return { line, friend, group, receiver, socket: await openSocket(stage.gateway.url, 'taps', line.token) }
    })()
    return cast
  }

  /** As the webhook got it, and the WebSocket too. */
  const heard = async (data: Body): Promise<Json> => {
    const { receiver, socket } = await players()
    const event = await receiver.next({ event: 'message.exchange', data })
    expect(await socket.next({ event: 'message.exchange', data })).toEqual(event)
    return event
  }

  const post = async (kind: string, body: Body) => (await players()).line.api.post(`/api/message/${kind}/taps`, body)

  interface Sent {
    id: string
    /** Where the friend answers. */
    to: string
    /** What the friend's phone decrypted: its `interactiveMessage`. */
    got: Json
    /** `message.interactive` of the own event. */
    told: Json
  }

  /** Quoting something the friend said there, to the friend's number, LID and group: shown by the phone, and told once. */
  const sendEverywhere = async (kind: string, body: Body, data: { messageType: string; content: string }): Promise<Sent[]> => {
    const { line, friend, group, receiver } = await players()
    const sent: Sent[] = []
    for (const [number, to] of [
      [friend.number, line.phone.number],
      [friend.lid, line.phone.lid],
      [group, group],
    ] as const) {
      const question = await friend.send(to, 'And now?')
      await receiver.next({ data: { id: question } })
      const answer = await post(kind, { number, ...body, replyTo: question })
      expect(answer).toMatchObject({
        status: 200,
        body: { success: true, message: 'Message sent successfully', status: 'sent', data: { ...data, replyTo: { messageId: question } } },
      })
      const id = text(answer.body, 'data.messageId')
      expect(text(answer.body, 'data.chat.jid')).toBe(number === group ? group : friend.jid)
      const got = await friend.next({ id, fromMe: false })
      expect(at(got, 'unrendered')).toBeUndefined()
      expect(at(got, 'message.interactiveMessage.contextInfo')).toMatchObject({
        stanzaId: question,
        quotedMessage: { conversation: 'And now?' },
      })
      const echo = await heard({ id, direction: 'outgoing' })
      expect(at(echo, 'data.message')).toMatchObject({ type: 'interactive', content: data.content, source: 'api' })
      sent.push({ id, to, got: at(got, 'message.interactiveMessage') ?? null, told: at(echo, 'data.message.interactive') ?? null })
    }
    return sent
  }

  /** The friend taps; the webhook gets exactly this. */
  const tapped = async ({ id, to }: Sent, tap: object, message: object): Promise<void> => {
    const { friend, group } = await players()
    const answer = await friend.tap(to, { message: id, ...tap } as Tap)
    const event = await heard({ id: answer })
    expect(at(event, 'data')).toEqual({
      id: answer,
      direction: 'incoming',
      timestamp: expect.any(String),
      chat:
        to === group
          ? { jid: group, lid: null, name: 'Taps', type: 'group' }
          : { jid: friend.jid, lid: friend.lid, name: 'Bea', type: 'private' },
      sender: { jid: friend.jid, lid: friend.lid, name: 'Bea' },
      recipient: null,
      message,
    })
  }

  const paramsOf = (message: Json, index = 0): Json =>
    JSON.parse(text(message, `nativeFlowMessage.buttons.${index}.buttonParamsJson`)) as Json

  it('buttons', async () => {
    const body = { contentText: 'Sure?', headerText: 'Visit', footerText: 'Clinic', buttons: [yes, no] }
    for (const sent of await sendEverywhere('button', body, { messageType: 'buttons', content: 'Sure?' })) {
      expect(sent.got).toMatchObject({ header: { title: 'Visit' }, body: { text: 'Sure?' }, footer: { text: 'Clinic' } })
      expect(sent.told).toEqual({
        ...bare,
        header: 'Visit',
        footer: 'Clinic',
        buttons: [
          { type: 'REPLY', id: 'yes', displayText: 'Yes' },
          { type: 'REPLY', id: 'no', displayText: 'No' },
        ],
      })
      await tapped(sent, { button: 'no' }, plainly('buttons_response', '', { selectedButtonId: 'no', title: 'No', messageId: sent.id }))
    }
  })

  it('buttons that open, call and copy, below a picture', async () => {
    const { friend, receiver } = await players()
    const buttons = [
      { id: 'https://a.example/x', displayText: 'Site', type: 'URL' },
      { id: '+34 600 111-222', displayText: 'Call', type: 'CALL' },
      { id: 'CODE1', displayText: 'Copy', type: 'COPY' },
    ]
    const sent = await post('button', { number: friend.number, contentText: 'Look', buttons, mediaUrl: dataUrl, mediaType: 'IMAGE' })
    expect(sent.status).toBe(200)
    const id = text(sent.body, 'data.messageId')
    const got = await friend.next({ id, fromMe: false })
    expect(at(got, 'unrendered')).toBeUndefined()
    expect(at(got, 'media')).toEqual({ mimetype: 'image/png', base64: picture.toString('base64') })
    const message = at(got, 'message.interactiveMessage') ?? null
    expect([0, 1, 2].map((index) => paramsOf(message, index))).toEqual([
      { display_text: 'Site', url: 'https://a.example/x', merchant_url: 'https://a.example/x' },
      { display_text: 'Call', phone_number: '+34600111222' },
      { display_text: 'Copy', copy_code: 'CODE1' },
    ])
    const told = await receiver.next({ data: { id } })
    expect(at(told, 'data.message')).toMatchObject({ type: 'interactive', media: { type: 'image', mimetype: 'image/png', width: 64 } })
    await expect(friend.tap(friend.jid, { message: id, button: 'CODE1' })).rejects.toThrow('400')
  })

  it('a list', async () => {
    const bill = { id: 'bill', title: 'Billing', description: 'Invoices' }
    const sections = [
      { title: 'Help', rows: [bill, { id: 'tech', title: 'Technical' }] },
      { title: 'Else', rows: [{ id: 'else', title: 'Else' }] },
    ]
    const body = { contentText: 'Topic?', buttonText: 'Open', headerText: 'Support', footerText: 'Mon–Fri', sections }
    for (const sent of await sendEverywhere('list', body, { messageType: 'list', content: 'Topic?' })) {
      expect(paramsOf(sent.got)).toMatchObject({ title: 'Open', sections })
      expect(sent.told).toMatchObject({
        header: 'Support',
        buttons: [{ type: 'LIST', displayText: 'Open' }],
        sections: [{ title: 'Help' }, {}],
      })
      const { friend } = await players()
      const row = { selectedRowId: 'bill', selectedReply: { selectedRowID: 'bill' }, title: 'Billing', description: 'Invoices' }
      const context = expect.objectContaining({ messageId: sent.id })
      await tapped(sent, { row: 'bill' }, plainly('list_response', 'Billing', { ...row, messageId: sent.id }, { context }))
      await expect(friend.tap(sent.to, { message: sent.id, row: 'none' })).rejects.toThrow('400')
    }
  })

  it('a carousel', async () => {
    const cards: Json = [
      {
        header: { title: 'Suite', subtitle: 'Third floor', imageUrl: dataUrl },
        body: { text: 'Sea' },
        buttons: [{ id: 'book_1', displayText: 'Book' }],
      },
      { header: { title: 'Room' }, body: { text: 'Yard' }, footer: 'Cheap', buttons: [{ id: 'book_2', displayText: 'Book' }, no] },
    ]
    const content = 'Rooms - Carousel with 2 card(s)'
    for (const sent of await sendEverywhere(
      'carousel',
      { message: 'Rooms', footer: 'Hotel', cards },
      { messageType: 'interactive', content },
    )) {
      expect(sent.got).toMatchObject({
        body: { text: 'Rooms' },
        footer: { text: 'Hotel' },
        carouselMessage: {
          cards: [
            {
              header: {
                title: 'Suite',
                subtitle: 'Third floor',
                hasMediaAttachment: true,
                imageMessage: { mimetype: 'image/png', width: 64 },
              },
            },
            { header: { title: 'Room', hasMediaAttachment: false }, body: { text: 'Yard' }, footer: { text: 'Cheap' } },
          ],
        },
      })
      const button = (id: string) => ({ type: 'REPLY', id, displayText: 'Book' })
      expect(sent.told).toEqual({
        ...bare,
        footer: 'Hotel',
        cards: [
          { header: 'Suite', body: 'Sea', footer: null, buttons: [button('book_1')] },
          { header: 'Room', body: 'Yard', footer: 'Cheap', buttons: [button('book_2'), { ...button('no'), displayText: 'No' }] },
        ],
      })
      const told = { selectedButtonId: 'book_2', title: 'Book', selectedCarouselCardIndex: 1, messageId: sent.id }
      const context = expect.objectContaining({ messageId: sent.id })
      await tapped(sent, { card: 1, button: 'book_2' }, plainly('template_button_reply', 'book_2', told, { context }))
    }
  })

  it('a card with a picture that is too long to be held as a text', async () => {
    const { friend } = await players()
    // Readers of PNG stop where it ends.
    const large = Buffer.concat([picture, randomBytes(3_000_000)])
    const header = { title: 'Suite', imageUrl: large.toString('base64') }
    const sent = await post('carousel', { number: friend.number, cards: [{ header, body: { text: 'Sea' } }] })
    expect(sent.status).toBe(200)
    const got = await friend.next({ id: text(sent.body, 'data.messageId') })
    expect(at(got, 'unrendered')).toBeUndefined()
    expect(Number(at(got, 'message.interactiveMessage.carouselMessage.cards.0.header.imageMessage.fileLength'))).toBe(large.length)
  })

  it('a form', async () => {
    const { friend } = await players()
    const body = { message: 'Your details?', buttonLabel: 'Fill in', flowToken: 'lead-42', cpfOrCnpjVisible: false }
    for (const sent of await sendEverywhere('form', body, { messageType: 'interactive', content: 'Your details?' })) {
      expect(paramsOf(sent.got)).toMatchObject({
        flow_cta: 'Fill in',
        flow_token: 'lead-42',
        flow_action_payload: { data: { full_name_visible: true, cpf_or_cnpj_visible: false } },
      })
      expect(sent.told).toEqual({ ...bare, buttons: [{ type: 'FORM', id: 'lead-42', displayText: 'Fill in' }] })
      const form = { full_name: 'Ana', email: 'ana@example.org', flow_token: 'lead-42' }
      const told = { name: 'galaxy_message', flow_token: 'lead-42', params: form, paramsJson: JSON.stringify(form), messageId: sent.id }
      const context = expect.objectContaining({ messageId: sent.id })
      await tapped(sent, { form: { full_name: 'Ana', email: 'ana@example.org' } }, plainly('interactive', 'Sent', told, { context }))
    }
    const own = '{"flow_message_version":"3","flow_id":"1","flow_cta":"Go","flow_action":"navigate","flow_token":"mine"}'
    const sent = await post('form', { number: friend.number, message: 'Own', formType: 'registration_offer', buttonParamsJSON: own })
    expect(at(sent.body, 'data.flowToken')).toBe('mine')
    const got = await friend.next({ id: text(sent.body, 'data.messageId') })
    expect(at(got, 'unrendered')).toBeUndefined()
    expect(text(got, 'message.interactiveMessage.nativeFlowMessage.buttons.0.buttonParamsJson')).toBe(own)
    const made = await post('form', { number: friend.number, message: 'Made up' })
    expect(text(made.body, 'data.flowToken')).toMatch(/^[0-9a-f-]{36}$/)
  })

  it('a PIX key', async () => {
    const acme = { merchantName: 'Acme Ltda', pixKey: 'pay@example.org', pixKeyType: 'EMAIL' }
    const items = [{ name: 'Haircut', quantity: 2, unitPrice: 49.9 }]
    for (const sent of await sendEverywhere(
      'pix',
      { ...acme, message: 'Thank you', items },
      { messageType: 'interactive', content: 'Thank you' },
    )) {
      expect(paramsOf(sent.got)).toMatchObject({
        currency: 'BRL',
        total_amount: { value: 9980, offset: 100 },
        payment_settings: [{ pix_static_code: { merchant_name: 'Acme Ltda', key: 'pay@example.org', key_type: 'EMAIL' } }],
      })
      expect(sent.told).toEqual({ ...bare, buttons: [{ type: 'PIX', id: 'pay@example.org', displayText: 'Acme Ltda' }] })
    }
    const { friend } = await players()
    const alone = await post('pix', { number: friend.number, ...acme })
    expect(at(alone.body, 'data.content')).toBe('Acme Ltda')
    expect(at(await friend.next({ id: text(alone.body, 'data.messageId') }), 'unrendered')).toBeUndefined()
  })

  it('what others send that can be tapped, and cards WhatsApp draws itself', async () => {
    const { line, friend, group, receiver } = await players()
    const button = { name: 'quick_reply', buttonParamsJson: '{"display_text":"Yes","id":"yes"}' }
    const invite = { groupJid: '120363000000000001@g.us', groupName: 'Team', inviteCode: 'AbC', inviteExpiration: 1_900_000_000 }
    const tables: [Body, object][] = [
      [
        { interactiveMessage: { body: { text: 'Sure?' }, nativeFlowMessage: { buttons: [button] } } },
        plainly('interactive', 'Sure?', { ...bare, buttons: [{ type: 'REPLY', id: 'yes', displayText: 'Yes' }] }),
      ],
      [
        {
          listMessage: {
            title: 'Menu',
            description: 'Topic?',
            buttonText: 'Open',
            sections: [{ title: 'S', rows: [{ rowId: 'a', title: 'A' }] }],
          },
        },
        plainly('interactive', 'Topic?', {
          ...bare,
          header: 'Menu',
          buttons: [{ type: 'LIST', id: '', displayText: 'Open' }],
          sections: [{ title: 'S', rows: [{ id: 'a', title: 'A', description: null }] }],
        }),
      ],
      [
        {
          buttonsResponseMessage: {
            selectedButtonId: 'yes',
            selectedDisplayText: 'Yes',
            contextInfo: { stanzaId: 'Q', participant: line.phone.jid },
          },
        },
        plainly('buttons_response', '', { selectedButtonId: 'yes', title: 'Yes', messageId: 'Q' }),
      ],
      [
        { groupInviteMessage: invite },
        plainly('interactive', 'Team', {
          groupInvite: { groupJid: invite.groupJid, groupName: 'Team', inviteCode: 'AbC', expiresAt: '2030-03-17T17:46:40.000Z' },
        }),
      ],
      [
        { productMessage: { product: { productId: '7', title: 'Hat', currencyCode: 'BRL', priceAmount1000: 49_900 } } },
        plainly('interactive', 'Hat', { product: expect.objectContaining({ id: '7', title: 'Hat', price: 49.9, currency: 'BRL' }) }),
      ],
      [
        { orderMessage: { orderId: '9', message: 'Two, please', itemCount: 2, totalAmount1000: 99_800, totalCurrencyCode: 'BRL' } },
        plainly('interactive', 'Two, please', { order: expect.objectContaining({ id: '9', itemCount: 2, total: 99.8 }) }),
      ],
    ]
    for (const [message, expected] of tables) {
      for (const to of [line.phone.number, line.phone.lid, group]) {
        const id = await friend.send(to, message)
        expect(at(await heard({ id }), 'data.message')).toEqual(expected)
      }
    }
    const picked = await friend.send(
      line.phone.number,
      {
        interactiveMessage: {
          header: { hasMediaAttachment: true, imageMessage: {} },
          body: { text: 'Look' },
          nativeFlowMessage: { buttons: [button] },
        },
      },
      { file: { bytes: picture, mimetype: 'image/png' } },
    )
    const told = await receiver.next({ data: { id: picked } })
    expect(at(told, 'data.message')).toMatchObject({
      type: 'interactive',
      content: 'Look',
      media: { type: 'image', mimetype: 'image/png' },
    })
    const kept = await line.api.get(`/api/chat/base64/taps?messageId=${picked}`)
    expect(kept.status).toBe(200)
    expect(JSON.stringify(kept.body)).toContain(picture.toString('base64'))
  })

  it('a message that could not be read is shown when it comes again', async () => {
    const { line, friend } = await players()
    const heal = await stage.simulator.fault({
      action: 'corrupt',
      match: { phone: line.phone.number, tag: 'message', direction: 'in' },
      times: 1,
    })
    const sent = await post('button', { number: friend.number, contentText: 'Again?', buttons: [yes] })
    const got = await friend.next({ id: text(sent.body, 'data.messageId') })
    expect(text(got, 'message.interactiveMessage.body.text')).toBe('Again?')
    expect(at(got, 'unrendered')).toBeUndefined()
    await heal()
  })
})
