/** What a webhook is (core.md §4.1), and the rules its configuration obeys. */
import { z } from 'zod'
import { ApiError, errors } from '../../http/errors.ts'
import { type EventName, eventNames } from '../event.ts'

export const DEFAULT_LABEL = 'default'
/** Per instance; disabled ones don't count. */
export const MAX_ENABLED = 3
/** Stored ones, disabled included, so that labels cannot fill the table. */
export const MAX_STORED = 50

export const webhookNotFound = () => new ApiError(404, 'Webhook not found')
export const webhookDisabled = () => new ApiError(400, 'Webhook is disabled')

/** A webhook as its owner configured it, and as it is read back. */
export interface Webhook {
  label: string
  enabled: boolean
  url: string
  /** Sent verbatim as `Authorization`; `""` = no such header. */
  authorization: string
  byEvents: boolean
  /** In the order given; none = all. */
  events: string[]
  mediaBase64: boolean
}

export const webhookBody = z.object({
  label: z
    .string()
    .max(100)
    .nullish()
    .meta({ example: 'default', description: 'Names the webhook within the instance; `default` when left out' }),
  enabled: z
    .boolean()
    .default(true)
    .meta({ example: true, description: '`false` clears url, authorization, events and flags, and keeps the row' }),
  url: z.string().max(4096).nullish().meta({ example: 'https://app.example.com/whatsapp?key=1', description: 'Receives a POST per event' }),
  authorization: z
    .string()
    .max(4096)
    .nullish()
    .meta({ example: 'Bearer s3cr3t', description: 'Sent verbatim in the `Authorization` header' }),
  byEvents: z.boolean().nullish().meta({ example: false, description: 'Appends the event name to the path: `<url>/message.exchange`' }),
  events: z
    .array(z.string())
    .max(100)
    .nullish()
    .meta({ example: ['message.exchange', 'message.status'], description: 'Events to deliver; none or left out = all' }),
  mediaBase64: z.boolean().nullish().meta({ example: false, description: 'Media of `message.exchange` carries `base64`' }),
})
export type WebhookBody = z.infer<typeof webhookBody>

export const webhookView = z.object({
  label: z.string(),
  enabled: z.boolean(),
  url: z.string(),
  authorization: z.string(),
  byEvents: z.boolean(),
  events: z.array(z.string()),
  mediaBase64: z.boolean(),
})

/** The configuration a request asks for. Throws 400 with the documented texts. */
export const toWebhook = (body: WebhookBody): Webhook => {
  const label = body.label?.trim() || DEFAULT_LABEL
  if (!body.enabled) return { label, enabled: false, url: '', authorization: '', byEvents: false, events: [], mediaBase64: false }
  const url = body.url?.trim() ?? ''
  if (!isHttpUrl(url)) throw new ApiError(400, 'Invalid webhook URL')
  const authorization = body.authorization ?? ''
  if (!isHeaderValue(authorization)) throw errors.invalidBody('authorization must be a single line of text')
  return {
    label,
    enabled: true,
    url,
    authorization,
    byEvents: body.byEvents ?? false,
    events: checkedEvents(body.events ?? []),
    mediaBase64: body.mediaBase64 ?? false,
  }
}

/** The same list, or 400 naming the first event that does not exist. */
export const checkedEvents = (events: readonly string[]): string[] => {
  const unknown = events.find((event) => !isEventName(event))
  if (unknown !== undefined) throw new ApiError(400, `Invalid event: ${unknown.slice(0, 100)}`)
  return [...events]
}

const isEventName = (text: string): text is EventName => (eventNames as readonly string[]).includes(text)

const isHttpUrl = (text: string): boolean => {
  const url = URL.parse(text)
  return url !== null && (url.protocol === 'http:' || url.protocol === 'https:') && url.hostname !== ''
}

// What RFC 9110 lets stand in a header field; a line break would smuggle in another header.
const isHeaderValue = (text: string): boolean => /^[\t\x20-\x7e\x80-\xff]*$/.test(text)
