import type { BinaryNode, proto } from 'baileys'
import { describe, expect, it } from 'vitest'
import { renderProblem } from './rendering.ts'

const flowNode = (attrs: BinaryNode['attrs']): BinaryNode => ({ tag: 'native_flow', attrs })
const stanzaWith = (...biz: BinaryNode[]): BinaryNode => ({ tag: 'message', attrs: {}, content: [{ tag: 'biz', attrs: {}, content: biz }] })
const boxed = (...content: BinaryNode[]): BinaryNode => ({ tag: 'interactive', attrs: { type: 'native_flow', v: '1' }, content })
const quality: BinaryNode = { tag: 'quality_control', attrs: {} }
const mixed = stanzaWith(boxed(flowNode({ name: 'mixed', v: '9' })), quality)
const payment = stanzaWith(boxed(flowNode({ name: 'payment_info' })))

const reply = { name: 'quick_reply', buttonParamsJson: '{"display_text":"Yes","id":"yes"}' }
const withButtons = (...buttons: { name: string; buttonParamsJson: string }[]): proto.IMessage => ({
  interactiveMessage: { body: { text: 'Sure?' }, nativeFlowMessage: { buttons } },
})
const withCards = (...cards: proto.Message.IInteractiveMessage[]): proto.IMessage => ({
  interactiveMessage: { carouselMessage: { cards } },
})

describe('what a phone would show', () => {
  it.each<[string, proto.IMessage, BinaryNode, string | undefined]>([
    ['a text', { conversation: 'hello' }, { tag: 'message', attrs: {} }, undefined],
    ['buttons', withButtons(reply), mixed, undefined],
    ['cards', withCards({ body: { text: 'Sea' } }), mixed, undefined],
    ['no biz node', withButtons(reply), { tag: 'message', attrs: {} }, 'no <biz> node'],
    ['the old node', withButtons(reply), stanzaWith({ tag: 'buttons', attrs: {} }), '<biz> without <interactive type=native_flow v=1>'],
    ['an empty node', withButtons(reply), stanzaWith(boxed()), '<interactive> without <native_flow>'],
    ['a payment’s node', withButtons(reply), payment, '<native_flow name=payment_info>, where mixed is expected'],
    ['no version', withButtons(reply), stanzaWith(boxed(flowNode({ name: 'mixed' })), quality), '<native_flow> is not v=9'],
    ['no quality control', withButtons(reply), stanzaWith(boxed(flowNode({ name: 'mixed', v: '9' }))), '<biz> without <quality_control>'],
    ['no buttons', withButtons(), mixed, 'no buttons'],
    ['a flow', withButtons({ name: 'flow', buttonParamsJson: '{}' }), mixed, 'a button of a kind no phone knows: flow'],
    ['no JSON', withButtons({ name: 'quick_reply', buttonParamsJson: '' }), mixed, 'quick_reply: '],
    ['no id', withButtons({ name: 'quick_reply', buttonParamsJson: '{"display_text":"Yes"}' }), mixed, 'quick_reply: id'],
    [
      'an empty list',
      withButtons({ name: 'single_select', buttonParamsJson: '{"title":"Open","sections":[]}' }),
      mixed,
      'single_select: sections',
    ],
    ['a payment without a key', withButtons({ name: 'payment_info', buttonParamsJson: '{}' }), payment, 'payment_info: '],
    ['no cards', withCards(), mixed, 'a carousel of 0 cards'],
    ['an empty card', withCards({ header: { title: 'Suite' } }), mixed, 'a card without a text'],
    [
      'a picture that is not there',
      withCards({ body: { text: 'Sea' }, header: { hasMediaAttachment: true } }),
      mixed,
      'a header that says another thing about media than it holds',
    ],
    [
      'a picture nobody can fetch',
      withCards({ body: { text: 'Sea' }, header: { hasMediaAttachment: true, imageMessage: {} } }),
      mixed,
      'media nobody could download',
    ],
    ['old buttons', { buttonsMessage: { contentText: 'Sure?' } }, mixed, 'buttons of the old form'],
    ['an old list', { listMessage: {} }, stanzaWith({ tag: 'list', attrs: { type: 'product_list', v: '2' } }), undefined],
    ['an old list without its node', { listMessage: {} }, mixed, 'a list without <biz>'],
  ])('%s', (_what, message, stanza, problem) => {
    const found = renderProblem(message, stanza)
    if (problem === undefined) expect(found).toBeUndefined()
    else expect(found).toContain(problem)
  })
})
