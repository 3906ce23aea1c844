/**
 * Whether a phone would show a message that can be tapped. WhatsApp delivers everything; its apps draw only what they know, and look for the
 * `biz` node beside the content first (engine.md §8.2: measured for tulir/whatsmeow#1235 and #1144, vinikjkkj/zapo#228). Pure.
 */
import { type BinaryNode, getBinaryNodeChild, normalizeMessageContent, type proto } from 'baileys'
import { z } from 'zod'

/** Why nothing is shown; undefined when all is well, and for messages that are no concern of this file. */
export function renderProblem(message: proto.IMessage, stanza: BinaryNode): string | undefined {
  const content = normalizeMessageContent(message)
  if (content?.interactiveMessage) return nodeProblem(content.interactiveMessage, stanza) ?? interactiveProblem(content.interactiveMessage)
  if (content?.listMessage) {
    const list = childAt(stanza, ['biz', 'list'])
    return list?.attrs.type === 'product_list' && list.attrs.v === '2' ? undefined : 'a list without <biz><list type=product_list v=2>'
  }
  return content?.buttonsMessage ? 'buttons of the old form, which nothing shows any more' : undefined
}

type Interactive = proto.Message.IInteractiveMessage

const PAYMENT = 'payment_info'
const MAX_CARDS = 10

function nodeProblem(interactive: Interactive, stanza: BinaryNode): string | undefined {
  const biz = getBinaryNodeChild(stanza, 'biz')
  if (!biz) return 'no <biz> node'
  const box = getBinaryNodeChild(biz, 'interactive')
  if (box?.attrs.type !== 'native_flow' || box.attrs.v !== '1') return '<biz> without <interactive type=native_flow v=1>'
  const flow = getBinaryNodeChild(box, 'native_flow')
  if (!flow) return '<interactive> without <native_flow>'
  const wanted = buttonsOf(interactive).some(({ name }) => name === PAYMENT) ? PAYMENT : 'mixed'
  if (flow.attrs.name !== wanted) return `<native_flow name=${flow.attrs.name}>, where ${wanted} is expected`
  if (wanted === PAYMENT) return undefined
  if (flow.attrs.v !== '9') return '<native_flow> is not v=9'
  return getBinaryNodeChild(biz, 'quality_control') ? undefined : '<biz> without <quality_control>'
}

function interactiveProblem(interactive: Interactive): string | undefined {
  const cards = interactive.carouselMessage?.cards
  if (!cards) return headerProblem(interactive) ?? buttonsProblem(interactive, 1)
  if (cards.length === 0 || cards.length > MAX_CARDS) return `a carousel of ${cards.length} cards`
  for (const card of cards) {
    if (!card.body?.text) return 'a card without a text'
    const problem = headerProblem(card) ?? buttonsProblem(card, 0)
    if (problem) return problem
  }
  return undefined
}

function headerProblem({ header }: Interactive): string | undefined {
  const media = header?.imageMessage ?? header?.videoMessage ?? header?.documentMessage
  if (Boolean(header?.hasMediaAttachment) !== Boolean(media)) return 'a header that says another thing about media than it holds'
  return media && !(media.directPath && media.mediaKey?.length && media.fileEncSha256?.length) ? 'media nobody could download' : undefined
}

function buttonsProblem(interactive: Interactive, least: number): string | undefined {
  const buttons = buttonsOf(interactive)
  if (buttons.length < least) return 'no buttons'
  for (const { name, buttonParamsJson } of buttons) {
    const shape = shapes[name ?? '']
    if (!shape) return `a button of a kind no phone knows: ${name}`
    const { error } = shape.safeParse(json(buttonParamsJson))
    if (error) return `${name}: ${error.issues.map(({ path, message }) => `${path.join('.')} ${message}`).join(', ')}`
  }
  return undefined
}

const buttonsOf = ({ nativeFlowMessage }: Interactive) => nativeFlowMessage?.buttons ?? []

const some = z.string().min(1)
const label = { display_text: some }
const money = z.object({ value: z.int(), offset: z.literal(100) })

/** What each kind of button has to say to be drawn. */
const shapes: Readonly<Record<string, z.ZodType>> = {
  quick_reply: z.object({ ...label, id: some }),
  cta_url: z.object({ ...label, url: z.url({ protocol: /^https?$/ }) }),
  cta_call: z.object({ ...label, phone_number: z.string().regex(/^\+?\d+$/) }),
  cta_copy: z.object({ ...label, copy_code: some }),
  single_select: z.object({
    title: some,
    sections: z.array(z.object({ title: z.string().optional(), rows: z.array(z.object({ id: some, title: some })).min(1) })).min(1),
  }),
  galaxy_message: z.object({ flow_message_version: some, flow_id: some, flow_cta: some, flow_action: some, flow_token: some }),
  [PAYMENT]: z.object({
    currency: some,
    reference_id: some,
    total_amount: money,
    order: z.object({ items: z.array(z.object({ amount: money, quantity: z.int() })).min(1) }),
    payment_settings: z
      .array(
        z.object({ type: z.literal('pix_static_code'), pix_static_code: z.object({ merchant_name: some, key: some, key_type: some }) }),
      )
      .min(1),
  }),
}

function json(text: string | null | undefined): unknown {
  try {
    return JSON.parse(text ?? '')
  } catch {
    return undefined
  }
}

const childAt = (node: BinaryNode, tags: readonly string[]): BinaryNode | undefined =>
  tags.reduce<BinaryNode | undefined>((at, tag) => at && getBinaryNodeChild(at, tag), node)
