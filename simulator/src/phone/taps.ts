/** What a phone sends when the person taps a button, chooses a row of a list or fills in a form. */
import { normalizeMessageContent, type proto } from 'baileys'
import type { PhoneTap } from '../ports.ts'
import type { LogEntry } from './message-log.ts'

/** Throws when the message shows no such thing to tap. `self`: whom a question of our own is by. */
export function tapAnswer(tap: PhoneTap, question: LogEntry | undefined, self: string): proto.IMessage {
  if (!question) throw new Error(`no message ${tap.message} to tap`)
  if (question.shown.unrendered !== undefined) throw new Error(`${tap.message} is not shown: ${question.shown.unrendered}`)
  const content = normalizeMessageContent(question.content)
  const contextInfo: proto.IContextInfo = {
    stanzaId: tap.message,
    participant: question.shown.fromMe ? self : question.shown.from,
    quotedMessage: withoutContext(content),
  }
  const answer = content && (native(content, tap, contextInfo) ?? old(content, tap, contextInfo))
  if (!answer) throw new Error(`${tap.message} has nothing like ${JSON.stringify(tap)} to tap`)
  return answer
}

function native({ interactiveMessage }: proto.IMessage, tap: PhoneTap, contextInfo: proto.IContextInfo): proto.IMessage | undefined {
  const shown = tap.card === undefined ? interactiveMessage : interactiveMessage?.carouselMessage?.cards?.[tap.card]
  const buttons = (shown?.nativeFlowMessage?.buttons ?? []).map(({ name, buttonParamsJson }) => ({
    name,
    params: JSON.parse(buttonParamsJson ?? '{}') as Params,
  }))
  if (tap.button !== undefined) {
    const index = buttons.findIndex(({ name, params }) => name === 'quick_reply' && params.id === tap.button)
    const display = buttons[index]?.params.display_text
    if (display === undefined) return undefined
    // On a card phones answer as they did with templates, which is where the number of the card has its place.
    if (tap.card !== undefined) {
      const selected = { selectedId: tap.button, selectedDisplayText: display, selectedIndex: index, selectedCarouselCardIndex: tap.card }
      return { templateButtonReplyMessage: { ...selected, contextInfo } }
    }
    return response('quick_reply', display, { id: tap.button }, contextInfo)
  }
  if (tap.row !== undefined) {
    const rows = buttons.flatMap(({ params }) => params.sections ?? []).flatMap((section) => section.rows)
    const row = rows.find(({ id }) => id === tap.row)
    return row && response('menu_options', row.title, { id: row.id, title: row.title, description: row.description ?? '' }, contextInfo)
  }
  const form = buttons.find(({ name }) => name === 'galaxy_message')
  return form && response('galaxy_message', 'Sent', { ...tap.form, flow_token: form.params.flow_token }, contextInfo)
}

function old(content: proto.IMessage, tap: PhoneTap, contextInfo: proto.IContextInfo): proto.IMessage | undefined {
  const replies = (content.templateMessage?.hydratedTemplate?.hydratedButtons ?? []).map(({ quickReplyButton }) => quickReplyButton)
  const index = replies.findIndex((reply) => reply?.id === tap.button)
  if (tap.button !== undefined && index >= 0) {
    const selected = { selectedId: tap.button, selectedDisplayText: replies[index]?.displayText, selectedIndex: index }
    return { templateButtonReplyMessage: { ...selected, contextInfo } }
  }
  const rows = (content.listMessage?.sections ?? []).flatMap((section) => section.rows ?? [])
  const row = tap.row === undefined ? undefined : rows.find(({ rowId }) => rowId === tap.row)
  if (!row) return undefined
  const singleSelectReply = { selectedRowId: tap.row }
  return { listResponseMessage: { title: row.title, description: row.description, listType: 1, singleSelectReply, contextInfo } }
}

/** Of buttons that are shown: their shape was checked. */
interface Params {
  id?: string
  display_text?: string
  flow_token?: string
  sections?: { rows: { id: string; title: string; description?: string }[] }[]
}

const response = (name: string, text: string, params: object, contextInfo: proto.IContextInfo): proto.IMessage => ({
  interactiveResponseMessage: {
    body: { text, format: 0 },
    nativeFlowResponseMessage: { name, paramsJson: JSON.stringify(params), version: 3 },
    contextInfo,
  },
})

/** A quoted message does not quote in its turn. */
const withoutContext = (content: proto.IMessage | undefined): proto.IMessage | undefined =>
  content?.interactiveMessage ? { interactiveMessage: { ...content.interactiveMessage, contextInfo: null } } : content
