/** Messages that can be tapped, and what comes back: how each reads out of recorded protobuf bytes. */
import { describe, expect, test } from 'vitest'
import type { WireMessage } from '../../whatsapp/wire.ts'
import { readMessage } from '../kinds/registry.ts'
import { arrived } from './recorded.ts'

const read = (what: string, message: WireMessage) => readMessage(arrived(what, message))

const flow = (...buttons: [name: string, params: object][]) => ({
  buttons: buttons.map(([name, params]) => ({ name, buttonParamsJson: JSON.stringify(params) })),
})
const plain = { header: null, footer: null, buttons: [], sections: [], cards: [] }
const yes = { type: 'REPLY', id: 'yes', displayText: 'Yes' }
const rows = [{ title: 'Help', rows: [{ id: 'bill', title: 'Billing', description: 'Invoices' }] }]

describe('what can be tapped', () => {
  test.each<[string, WireMessage, string, object]>([
    [
      'buttons of every kind',
      {
        interactiveMessage: {
          header: { title: 'Visit' },
          body: { text: 'Sure?' },
          footer: { text: 'Clinic' },
          nativeFlowMessage: flow(
            ['quick_reply', { display_text: 'Yes', id: 'yes' }],
            ['cta_url', { display_text: 'Site', url: 'https://a.example' }],
            ['cta_call', { display_text: 'Call', phone_number: '+34600111222' }],
            ['cta_copy', { display_text: 'Copy', copy_code: 'X1' }],
            ['address_message', { display_text: 'Where?' }],
          ),
        },
      },
      'Sure?',
      {
        ...plain,
        header: 'Visit',
        footer: 'Clinic',
        buttons: [
          yes,
          { type: 'URL', id: 'https://a.example', displayText: 'Site' },
          { type: 'CALL', id: '+34600111222', displayText: 'Call' },
          { type: 'COPY', id: 'X1', displayText: 'Copy' },
          { type: 'address_message', id: '', displayText: 'Where?' },
        ],
      },
    ],
    [
      'a list',
      { interactiveMessage: { body: { text: 'Topic?' }, nativeFlowMessage: flow(['single_select', { title: 'Open', sections: rows }]) } },
      'Topic?',
      { ...plain, buttons: [{ type: 'LIST', id: '', displayText: 'Open' }], sections: rows },
    ],
    [
      'a carousel',
      {
        interactiveMessage: {
          body: { text: 'Rooms' },
          carouselMessage: {
            cards: [
              {
                header: { title: 'Suite' },
                body: { text: 'Sea' },
                nativeFlowMessage: flow(['quick_reply', { display_text: 'Yes', id: 'yes' }]),
              },
              { body: { text: 'Yard' }, footer: { text: 'Cheap' } },
            ],
          },
        },
      },
      'Rooms - Carousel with 2 card(s)',
      {
        ...plain,
        cards: [
          { header: 'Suite', body: 'Sea', footer: null, buttons: [yes] },
          { header: null, body: 'Yard', footer: 'Cheap', buttons: [] },
        ],
      },
    ],
    [
      'a form',
      {
        interactiveMessage: {
          body: { text: 'You?' },
          nativeFlowMessage: flow(['galaxy_message', { flow_token: 'T', flow_cta: 'Fill in' }]),
        },
      },
      'You?',
      { ...plain, buttons: [{ type: 'FORM', id: 'T', displayText: 'Fill in' }] },
    ],
    [
      'a PIX key alone',
      {
        interactiveMessage: {
          nativeFlowMessage: flow([
            'payment_info',
            { payment_settings: [{ pix_static_code: { merchant_name: 'Acme', key: 'a@b.example' } }] },
          ]),
        },
      },
      'Acme',
      { ...plain, buttons: [{ type: 'PIX', id: 'a@b.example', displayText: 'Acme' }] },
    ],
    [
      'parameters that are no JSON',
      { interactiveMessage: { body: { text: 'Hm' }, nativeFlowMessage: { buttons: [{ name: 'quick_reply', buttonParamsJson: '{' }] } } },
      'Hm',
      { ...plain, buttons: [{ type: 'REPLY', id: '', displayText: '' }] },
    ],
    [
      'old buttons, opened once',
      {
        viewOnceMessage: {
          message: {
            buttonsMessage: { contentText: 'Sure?', footerText: 'F', buttons: [{ buttonId: 'yes', buttonText: { displayText: 'Yes' } }] },
          },
        },
      },
      'Sure?',
      { ...plain, footer: 'F', buttons: [yes] },
    ],
    [
      'an old list',
      {
        listMessage: {
          title: 'Menu',
          description: 'Topic?',
          buttonText: 'Open',
          sections: [{ title: 'Help', rows: [{ rowId: 'bill', title: 'Billing', description: 'Invoices' }] }],
        },
      },
      'Topic?',
      { ...plain, header: 'Menu', buttons: [{ type: 'LIST', id: '', displayText: 'Open' }], sections: rows },
    ],
    [
      'a template',
      {
        templateMessage: {
          hydratedTemplate: {
            hydratedTitleText: 'Visit',
            hydratedContentText: 'Sure?',
            hydratedButtons: [
              { quickReplyButton: { id: 'yes', displayText: 'Yes' } },
              { urlButton: { url: 'https://a.example', displayText: 'Site' } },
              { callButton: { phoneNumber: '+34600111222', displayText: 'Call' } },
              {},
            ],
          },
        },
      },
      'Sure?',
      {
        ...plain,
        header: 'Visit',
        buttons: [
          yes,
          { type: 'URL', id: 'https://a.example', displayText: 'Site' },
          { type: 'CALL', id: '+34600111222', displayText: 'Call' },
        ],
      },
    ],
  ])('%s', (what, message, content, interactive) => {
    expect(read(`tapped: ${what}`, message)).toEqual({
      type: 'interactive',
      content,
      changes: null,
      mediaType: null,
      details: { interactive },
    })
  })

  test.each<[string, WireMessage]>([
    ['buttons', { interactiveMessage: { header: { imageMessage: { mimetype: 'image/jpeg' } }, body: { text: 'Sure?' } } }],
    ['old buttons', { buttonsMessage: { imageMessage: { mimetype: 'image/jpeg' }, contentText: 'Sure?' } }],
    ['a template', { templateMessage: { hydratedTemplate: { imageMessage: { mimetype: 'image/jpeg' }, hydratedContentText: 'Sure?' } } }],
  ])('a picture above %s is a part of them', (what, message) => {
    expect(read(`picture above ${what}`, message)).toMatchObject({ type: 'interactive', content: 'Sure?', mediaType: 'image' })
  })
})

describe('cards WhatsApp draws itself', () => {
  test.each<[string, WireMessage, string, object]>([
    [
      'a product',
      {
        productMessage: {
          product: { productId: '7', title: 'Hat', description: 'Felt', currencyCode: 'BRL', priceAmount1000: 49_900, retailerId: 'H1' },
          businessOwnerJid: '34600111222@s.whatsapp.net',
          body: 'New',
        },
      },
      'Hat',
      {
        product: {
          id: '7',
          title: 'Hat',
          description: 'Felt',
          currency: 'BRL',
          price: 49.9,
          salePrice: null,
          retailerId: 'H1',
          url: null,
          business: '34600111222@s.whatsapp.net',
          body: 'New',
          footer: null,
        },
      },
    ],
    [
      'an order',
      {
        orderMessage: {
          orderId: '9',
          orderTitle: 'Shop',
          message: 'Two, please',
          itemCount: 2,
          totalAmount1000: 99_800,
          totalCurrencyCode: 'BRL',
          sellerJid: '34600111222@s.whatsapp.net',
          token: 'tok',
        },
      },
      'Two, please',
      {
        order: {
          id: '9',
          title: 'Shop',
          itemCount: 2,
          total: 99.8,
          currency: 'BRL',
          seller: '34600111222@s.whatsapp.net',
          token: 'tok',
        },
      },
    ],
    [
      'an invite to a group',
      { groupInviteMessage: { groupJid: '1@g.us', groupName: 'Team', inviteCode: 'AbC', inviteExpiration: 1_764_000_000 } },
      'Team',
      { groupInvite: { groupJid: '1@g.us', groupName: 'Team', inviteCode: 'AbC', expiresAt: '2025-11-24T16:00:00.000Z' } },
    ],
    [
      'an invite that says next to nothing',
      { groupInviteMessage: { caption: 'Come in' } },
      'Come in',
      { groupInvite: { groupJid: null, groupName: null, inviteCode: null, expiresAt: null } },
    ],
    [
      'an invite until the end of time',
      { groupInviteMessage: { groupName: 'Team', inviteExpiration: Number.MAX_SAFE_INTEGER } },
      'Team',
      { groupInvite: { groupJid: null, groupName: 'Team', inviteCode: null, expiresAt: null } },
    ],
  ])('%s', (what, message, content, interactive) => {
    expect(read(`card: ${what}`, message)).toEqual({
      type: 'interactive',
      content,
      changes: null,
      mediaType: null,
      details: { interactive },
    })
  })
})

describe('what is tapped', () => {
  const contextInfo = { stanzaId: 'Q' }
  const native = (name: string, params: object | string, text?: string): WireMessage => ({
    interactiveResponseMessage: {
      contextInfo,
      ...(text === undefined ? {} : { body: { text } }),
      nativeFlowResponseMessage: { name, paramsJson: typeof params === 'string' ? params : JSON.stringify(params), version: 3 },
    },
  })
  const tapped = { type: 'buttons_response', content: '' }
  const button = { selectedButtonId: 'yes', title: 'Yes', messageId: 'Q' }
  const chosen = { type: 'list_response', content: 'Billing' }
  const row = { selectedRowId: 'bill', selectedReply: { selectedRowID: 'bill' }, title: 'Billing', description: 'Invoices', messageId: 'Q' }

  test.each<[string, WireMessage, object, object]>([
    [
      'an old button',
      { buttonsResponseMessage: { selectedButtonId: 'yes', selectedDisplayText: 'Yes', contextInfo } },
      tapped,
      { interactive: button, context: null },
    ],
    ['a native button', native('quick_reply', { id: 'yes' }, 'Yes'), tapped, { interactive: button, context: null }],
    [
      'a button of a template',
      { templateButtonReplyMessage: { selectedId: 'yes', selectedDisplayText: 'Yes', contextInfo } },
      { type: 'template_button_reply', content: 'yes' },
      { interactive: button },
    ],
    [
      'a button of a card',
      { templateButtonReplyMessage: { selectedId: 'yes', selectedDisplayText: 'Yes', selectedCarouselCardIndex: 0, contextInfo } },
      { type: 'template_button_reply', content: 'yes' },
      { interactive: { ...button, selectedCarouselCardIndex: 0 } },
    ],
    [
      'a row of an old list',
      { listResponseMessage: { title: 'Billing', description: 'Invoices', singleSelectReply: { selectedRowId: 'bill' }, contextInfo } },
      chosen,
      { interactive: row },
    ],
    ['a row of a native list', native('menu_options', { id: 'bill', description: 'Invoices' }, 'Billing'), chosen, { interactive: row }],
    [
      'a form',
      native('galaxy_message', { flow_token: 'T', email: 'a@b.example' }, 'Sent'),
      { type: 'interactive', content: 'Sent' },
      {
        interactive: {
          name: 'galaxy_message',
          flow_token: 'T',
          params: { flow_token: 'T', email: 'a@b.example' },
          paramsJson: '{"flow_token":"T","email":"a@b.example"}',
          messageId: 'Q',
        },
      },
    ],
    [
      'something that is no JSON',
      native('galaxy_message', 'oops'),
      { type: 'interactive', content: '' },
      { interactive: { name: 'galaxy_message', flow_token: null, params: null, paramsJson: 'oops', messageId: 'Q' } },
    ],
  ])('%s', (what, message, said, details) => {
    expect(read(`answer: ${what}`, message)).toEqual({ ...said, changes: null, mediaType: null, about: 'Q', details })
  })

  test('a form that is nested without end is told of as it came, and can be written', () => {
    const paramsJson = `{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`
    const { details } = readMessage(native('galaxy_message', paramsJson))
    expect(details).toMatchObject({ interactive: { flow_token: null, params: null, paramsJson } })
    expect(JSON.stringify(details).length).toBeGreaterThan(200_000)
  })

  test('without a word about what was answered', () => {
    const reading = read('answer: to nothing', { buttonsResponseMessage: { selectedButtonId: 'yes' } })
    expect(reading).not.toHaveProperty('about')
    expect(reading.details).toEqual({ interactive: { selectedButtonId: 'yes', title: null, messageId: null }, context: null })
  })
})
