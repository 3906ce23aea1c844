/** WhatsApp's one form of everything that can be tapped: an `interactiveMessage` with native-flow buttons, below a text or on cards. */
import type { MediaSource } from '../../media/media.ts'
import type { WireMessage } from '../../whatsapp/wire.ts'
import { composeAttached } from './attached-media.ts'
import type { Composing, ContextInfo } from './kind.ts'

export type Interactive = NonNullable<WireMessage['interactiveMessage']>

/** `quick_reply`, `cta_url`, `single_select`, … with what WhatsApp wants to know about it. */
export interface NativeButton {
  name: string
  /** A text is JSON already, and goes out as it is. */
  params: Record<string, unknown> | string
}

interface Parts {
  header?: Interactive['header']
  body?: string | null
  footer?: string | null
  buttons?: readonly NativeButton[]
  carousel?: Interactive['carouselMessage']
  /** Of the native flow; 1 unless the kind of button wants another. */
  messageVersion?: number
  contextInfo?: ContextInfo | null
}

export const interactive = ({ header, body, footer, buttons, carousel, messageVersion = 1, contextInfo }: Parts): Interactive => ({
  ...(header ? { header } : {}),
  ...(body ? { body: { text: body } } : {}),
  ...(footer ? { footer: { text: footer } } : {}),
  ...(carousel ? { carouselMessage: carousel } : {}),
  ...(buttons
    ? {
        nativeFlowMessage: {
          buttons: buttons.map(({ name, params }) => ({
            name,
            buttonParamsJson: typeof params === 'string' ? params : JSON.stringify(params),
          })),
          messageParamsJson: '{}',
          messageVersion,
        },
      }
    : {}),
  ...(contextInfo ? { contextInfo } : {}),
})

/** A picture, film or document above the text: uploaded, with the title below it where there is one. */
export const mediaHeader = async (
  type: 'image' | 'video' | 'document',
  url: MediaSource['url'],
  attach: Composing['attach'],
  text: { title?: string | undefined; subtitle?: string | undefined } = {},
): Promise<Interactive['header']> => {
  const { message } = await composeAttached(type, { mediaUrl: url }, { attach, contextInfo: null })
  return { ...textHeader(text.title, text.subtitle), ...message, hasMediaAttachment: true }
}

export const textHeader = (title: string | null | undefined, subtitle?: string | null): Interactive['header'] =>
  title || subtitle ? { ...(title ? { title } : {}), ...(subtitle ? { subtitle } : {}), hasMediaAttachment: false } : null
