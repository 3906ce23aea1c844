/** The flat fields of the inline blocks in the body of a creation (core.md §3.1), and the blocks they mean. */
import { z } from 'zod'
import type { ChatwootInput } from './chatwoot.ts'
import type { WebhookInput, WebSocketInput } from './integration-blocks.ts'
import type { ProxyBody } from './proxy.ts'
import type { S3Input } from './s3.ts'
import { readChange, type SettingsChange, settingsChange } from './settings-values.ts'

const flag = (description: string) => z.boolean().nullish().meta({ example: true, description })
const text = (example: string, description?: string) => z.string().nullish().meta({ example, description })
const eventList = z
  .array(z.string())
  .max(100)
  .nullish()
  .meta({ example: ['message.exchange'], description: 'None or left out = all six' })

const nullable = Object.fromEntries(Object.entries(settingsChange.shape).map(([key, schema]) => [key, schema.nullable()])) as {
  [K in keyof typeof settingsChange.shape]: z.ZodNullable<(typeof settingsChange.shape)[K]>
}

export const createFields = {
  ...nullable,
  proxyEnabled: flag('Left out, a host switches it on'),
  proxyHost: text('proxy.example.com'),
  proxyPort: z.union([z.string(), z.number()]).nullish().meta({ example: '1080' }),
  proxyProtocol: text('socks5', '`http`, `https` or `socks5`'),
  proxyUsername: text('user'),
  proxyPassword: text('secret', 'Encrypted at rest, never returned'),
  webhookEnabled: flag('Makes the webhook with the label `default`; left out, a URL switches it on'),
  webhookURL: text('https://app.example.com/whatsapp'),
  webhookAuthorization: text('Bearer s3cr3t', 'Sent verbatim in the `Authorization` header'),
  webhookByEvents: flag('Appends the event name to the URL'),
  webhookEvents: eventList,
  webhookMediaBase64: flag('Media carries `base64`'),
  websocketEnabled: flag('Opens `/ws/<name>`; left out, events switch it on'),
  websocketEvents: eventList,
  websocketMediaBase64: flag('Media carries `base64`'),
  chatwootEnabled: flag('Left out, a base URL switches it on'),
  chatwootBaseUrl: text('https://chat.example.com'),
  chatwootAccountId: z.int().nullish().meta({ example: 1 }),
  chatwootApiToken: text('tok_example'),
  chatwootInboxName: text('WhatsApp shop'),
  chatwootSignMessages: flag('Sign messages with the name of the agent'),
  chatwootIgnoreGroups: flag('Keep group events away from Chatwoot'),
  chatwootStartAsPending: flag('New conversations start pending'),
  chatwootReopenResolved: flag('A new message reopens a resolved conversation'),
  s3Enabled: flag('Left out, a bucket switches it on'),
  s3Region: text('eu-west-1'),
  s3Bucket: text('media'),
  s3AccessKey: text('AKIAEXAMPLE'),
  s3SecretKey: text('secret', 'Encrypted at rest, never returned'),
  s3Endpoint: text('https://s3.example.com', 'Empty = AWS'),
  s3PathPrefix: text('wa/'),
}

const fields = z.object(createFields)
export type CreateBody = z.infer<typeof fields> & { name: string; token?: string | null }

/** Null: no field of the block was sent. */
export interface InlineBlocks {
  settings: SettingsChange | null
  proxy: ProxyBody | null
  webhook: Omit<WebhookInput, 'label'> | null
  websocket: WebSocketInput | null
  chatwoot: ChatwootInput | null
  s3: S3Input | null
}

/** A block whose `…Enabled` was left out is wanted when its main field is there. */
export const readBlocks = (body: CreateBody): InlineBlocks => ({
  settings: readChange(settingsIn(body)),
  proxy: block({
    enabled: body.proxyEnabled,
    host: body.proxyHost,
    port: body.proxyPort,
    protocol: body.proxyProtocol,
    username: body.proxyUsername,
    password: body.proxyPassword,
  }),
  webhook: enabledBy(Boolean(body.webhookURL), {
    enabled: body.webhookEnabled,
    url: body.webhookURL,
    authorization: body.webhookAuthorization,
    byEvents: body.webhookByEvents,
    events: body.webhookEvents,
    mediaBase64: body.webhookMediaBase64,
  }),
  websocket: enabledBy(Boolean(body.websocketEvents), {
    enabled: body.websocketEnabled,
    events: body.websocketEvents,
    mediaBase64: body.websocketMediaBase64,
  }),
  chatwoot: enabledBy(Boolean(body.chatwootBaseUrl), {
    enabled: body.chatwootEnabled,
    baseUrl: body.chatwootBaseUrl,
    accountId: body.chatwootAccountId,
    apiToken: body.chatwootApiToken,
    inboxName: body.chatwootInboxName,
    signMessages: body.chatwootSignMessages,
    ignoreGroups: body.chatwootIgnoreGroups,
    startAsPending: body.chatwootStartAsPending,
    reopenResolved: body.chatwootReopenResolved,
  }),
  s3: enabledBy(Boolean(body.s3Bucket), {
    enabled: body.s3Enabled,
    region: body.s3Region,
    bucket: body.s3Bucket,
    accessKey: body.s3AccessKey,
    secretKey: body.s3SecretKey,
    endpoint: body.s3Endpoint,
    pathPrefix: body.s3PathPrefix,
  }),
})

const settingsIn = (body: CreateBody): SettingsChange =>
  Object.fromEntries(Object.keys(settingsChange.shape).map((key) => [key, body[key as keyof SettingsChange] ?? undefined]))

const block = <T extends object>(fields: T): T | null =>
  Object.values(fields).some((value) => value !== undefined && value !== null) ? fields : null

const enabledBy = <T extends { enabled?: boolean | null }>(otherwise: boolean, fields: T): (T & { enabled: boolean }) | null => {
  const sent = block(fields)
  return sent === null ? null : { ...sent, enabled: sent.enabled ?? otherwise }
}
