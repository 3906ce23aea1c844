/**
 * What people tap, choose and fill in. WhatsApp has four forms for it: those of the old buttons, lists and templates, and one for native
 * flows, which says what kind of button was tapped. Clients know the answer by the button it belongs to (messages.md §4), so a tap on a
 * native reply button reads like one on an old button, and a choice in a native list like one in an old list.
 */
import type { WireMessage } from '../../whatsapp/wire.ts'
import { type Params, readParams, textIn } from './interactive-params.ts'
import type { ContextInfo, IncomingKind, Reading } from './kind.ts'

export const incomingAnswer: IncomingKind = {
  read: (message) => fromButton(message) ?? fromTemplate(message) ?? fromList(message) ?? fromNativeFlow(message),
}

const fromButton = ({ buttonsResponseMessage: tap }: WireMessage): Reading | null =>
  tap ? buttonTapped(tap.selectedButtonId ?? '', tap.selectedDisplayText, tap.contextInfo) : null

const fromTemplate = ({ templateButtonReplyMessage: tap }: WireMessage): Reading | null => {
  if (!tap) return null
  const id = tap.selectedId ?? ''
  const card = tap.selectedCarouselCardIndex == null ? {} : { selectedCarouselCardIndex: tap.selectedCarouselCardIndex }
  return answer('template_button_reply', id, { selectedButtonId: id, title: tap.selectedDisplayText || null, ...card }, tap.contextInfo)
}

const fromList = ({ listResponseMessage: choice }: WireMessage): Reading | null =>
  choice ? rowChosen(choice.singleSelectReply?.selectedRowId ?? '', choice.title, choice.description, choice.contextInfo) : null

const fromNativeFlow = ({ interactiveResponseMessage: response }: WireMessage): Reading | null => {
  if (!response) return null
  const { body, contextInfo, nativeFlowResponseMessage: flow } = response
  const params = readParams(flow?.paramsJson)
  const name = flow?.name ?? ''
  if (name === 'quick_reply') return buttonTapped(textIn(params, 'id'), textIn(params, 'display_text') || body?.text, contextInfo)
  // Phones name the choice after the menu they showed.
  if (name === 'single_select' || name === 'menu_options') {
    return rowChosen(textIn(params, 'id'), textIn(params, 'title') || body?.text, textIn(params, 'description'), contextInfo)
  }
  return formFilledIn(name, body?.text ?? '', params, flow?.paramsJson ?? '', contextInfo)
}

/** `content` is empty and `context` null, as clients know it from the hosted service. */
const buttonTapped = (selectedButtonId: string, title: string | null | undefined, contextInfo: ContextInfo | null | undefined): Reading => {
  const reading = answer('buttons_response', '', { selectedButtonId, title: title || null }, contextInfo)
  return { ...reading, details: { ...reading.details, context: null } }
}

const rowChosen = (
  selectedRowId: string,
  title: string | null | undefined,
  description: string | null | undefined,
  contextInfo: ContextInfo | null | undefined,
): Reading =>
  answer(
    'list_response',
    title ?? '',
    { selectedRowId, selectedReply: { selectedRowID: selectedRowId }, title: title || null, description: description || null },
    contextInfo,
  )

const formFilledIn = (
  name: string,
  content: string,
  params: Params | null,
  paramsJson: string,
  contextInfo: ContextInfo | null | undefined,
): Reading => answer('interactive', content, { name, flow_token: textIn(params, 'flow_token') || null, params, paramsJson }, contextInfo)

/** `messageId` is ours: the message that was answered, which the hosted service does not name. */
const answer = (
  type: Reading['type'],
  content: string,
  interactive: Record<string, unknown>,
  contextInfo: ContextInfo | null | undefined,
): Reading => {
  const messageId = contextInfo?.stanzaId || null
  return {
    type,
    content,
    changes: null,
    mediaType: null,
    ...(messageId === null ? {} : { about: messageId }),
    details: { interactive: { ...interactive, messageId } },
  }
}
