import type { proto } from 'baileys'
import { expect, it } from 'vitest'
import type { PhoneTap } from '../ports.ts'
import type { LogEntry } from './message-log.ts'
import { tapAnswer } from './taps.ts'

const shop = '34600111222@s.whatsapp.net'
const me = '34600333444@s.whatsapp.net'
const asked = (content: proto.IMessage, unrendered?: string): LogEntry => ({
  shown: { cursor: 1, id: 'Q', chat: shop, from: shop, fromMe: false, timestamp: 1, type: '', text: '', message: {}, unrendered },
  content,
})
const contextInfo = expect.objectContaining({ stanzaId: 'Q', participant: shop })

const buttons: proto.IMessage = {
  interactiveMessage: {
    body: { text: 'Sure?' },
    nativeFlowMessage: {
      buttons: [
        { name: 'quick_reply', buttonParamsJson: '{"display_text":"Yes","id":"yes"}' },
        { name: 'cta_url', buttonParamsJson: '{"display_text":"Site","id":"site","url":"https://a.example"}' },
      ],
    },
  },
}
const template: proto.IMessage = {
  templateMessage: { hydratedTemplate: { hydratedButtons: [{ urlButton: {} }, { quickReplyButton: { id: 'yes', displayText: 'Yes' } }] } },
}
const list: proto.IMessage = { listMessage: { sections: [{ rows: [{ rowId: 'bill', title: 'Billing', description: 'Invoices' }] }] } }

it.each<[string, proto.IMessage, Partial<PhoneTap>, object]>([
  [
    'a native button',
    { viewOnceMessage: { message: buttons } },
    { button: 'yes' },
    {
      interactiveResponseMessage: {
        body: { text: 'Yes', format: 0 },
        nativeFlowResponseMessage: { name: 'quick_reply', paramsJson: '{"id":"yes"}', version: 3 },
        contextInfo,
      },
    },
  ],
  [
    'a button of a template',
    template,
    { button: 'yes' },
    { templateButtonReplyMessage: { selectedId: 'yes', selectedDisplayText: 'Yes', selectedIndex: 1, contextInfo } },
  ],
  [
    'a row of an old list',
    list,
    { row: 'bill' },
    {
      listResponseMessage: {
        title: 'Billing',
        description: 'Invoices',
        listType: 1,
        singleSelectReply: { selectedRowId: 'bill' },
        contextInfo,
      },
    },
  ],
])('%s', (_what, content, tap, answer) => {
  expect(tapAnswer({ message: 'Q', ...tap }, asked(content), me)).toEqual(answer)
})

it.each<[string, LogEntry | undefined, Partial<PhoneTap>, string]>([
  ['what never came', undefined, { button: 'yes' }, 'no message Q'],
  ['what is not shown', asked(buttons, 'no <biz> node'), { button: 'yes' }, 'is not shown: no <biz> node'],
  ['a link', asked(buttons), { button: 'site' }, 'nothing like'],
  ['a row where there are buttons', asked(buttons), { row: 'yes' }, 'nothing like'],
  ['a form where there is none', asked(buttons), { form: {} }, 'nothing like'],
  ['a card where there is none', asked(buttons), { card: 0, button: 'yes' }, 'nothing like'],
  ['a button of a template that has no such', asked(template), { button: 'no' }, 'nothing like'],
  ['a text', asked({ conversation: 'hello' }), { button: 'yes' }, 'nothing like'],
])('%s cannot be tapped', (_what, question, tap, message) => {
  expect(() => tapAnswer({ message: 'Q', ...tap }, question, me)).toThrow(message)
})
