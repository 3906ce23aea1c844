/** Creating an instance, with everything that may be configured along with it (core.md §3.1, decisions.md §2). */
import { z } from 'zod'
import { ApiError, errors } from '../http/errors.ts'
import { type Operation, operation, required } from '../http/operation.ts'
import type { AddressGuard } from '../outbound/address-guard.ts'
import { type Clock, rfc3339 } from '../runtime/clock.ts'
import { newToken, tokenHash, ulid } from '../runtime/ids.ts'
import type { Logger } from '../runtime/logging.ts'
import type { Database } from '../storage/database.ts'
import type { ProxyConfiguration } from '../whatsapp/engine.ts'
import { type ChatwootConfiguration, chatwootAnswer, readChatwoot, showChatwoot } from './chatwoot.ts'
import type { ConfigurationRepository } from './configuration-repository.ts'
import { type CreateBody, createFields, type InlineBlocks, readBlocks } from './create-body.ts'
import { declared, instanceErrors, texts } from './instance-errors.ts'
import type { InstanceRepository } from './instance-repository.ts'
import { type IntegrationBlocks, mainLabel } from './integration-blocks.ts'
import { proxyAnswer, readProxy, showProxy } from './proxy.ts'
import type { LiveInstance, Registry } from './registry.ts'
import { readS3, type S3Configuration, s3Answer, showS3 } from './s3.ts'
import { defaultSettings, type InstanceSettings, instanceSettings } from './settings-values.ts'

/** Any letters (with their marks) and digits, space, `.`, `_`, `-`; no `.` and `..`, which no URL can name. */
export const isInstanceName = (text: string): boolean => /^[\p{L}\p{M}\p{N} ._-]{1,100}$/u.test(text) && !/^\.\.?$/.test(text)

/** What an owner may choose: printable ASCII without spaces, long enough not to be guessed by chance. */
export const isInstanceToken = (text: string): boolean => /^[\x21-\x7e]{16,256}$/.test(text)

interface Collaborators {
  db: Database
  repository: InstanceRepository
  configurations: ConfigurationRepository
  registry: Registry
  blocks: IntegrationBlocks
  proxyGuard: AddressGuard
  clock: Clock
  logger: Logger
}

export const createOperation = (collaborators: Collaborators): Operation => {
  const { db, repository, configurations, registry, proxyGuard, clock, logger } = collaborators

  const create = async (accountId: string, body: CreateBody) => {
    const now = clock.now()
    const token = body.token ?? newToken('ryz_i_')
    const record = { id: ulid(now), accountId, name: body.name, token, tokenHash: tokenHash(token), now }
    const blocks = readBlocks(body)
    const attempt = <T>(name: string, input: unknown, read: () => T): Block<T> => tried(logger, record.id, name, input, read)
    const settings: InstanceSettings = { ...defaultSettings, ...blocks.settings }
    const proxy = attempt('proxy', blocks.proxy, () => readProxy(blocks.proxy ?? {}, proxyGuard))
    const s3 = attempt('s3', blocks.s3, () => readS3(blocks.s3 ?? { enabled: false }))
    const chatwoot = attempt('chatwoot', blocks.chatwoot, () => readChatwoot(blocks.chatwoot ?? { enabled: false }, now))

    const outcome = await db.write(async (tx) => {
      const inserted = await repository.insert(tx, record)
      if (inserted !== 'inserted') return inserted
      if (blocks.settings !== null) await configurations.save(tx, record.id, 'settings', settings)
      if (proxy?.value) await configurations.save(tx, record.id, 'proxy', proxy.value)
      if (s3?.value) await configurations.save(tx, record.id, 's3', s3.value)
      if (chatwoot?.value) await configurations.save(tx, record.id, 'chatwoot', chatwoot.value)
      return inserted
    })
    if (outcome !== 'inserted') throw refusals[outcome]()

    const instance = registry.add(
      {
        ...record,
        state: 'disconnected',
        reason: 'created',
        wanted: false,
        numberJid: null,
        lid: null,
        createdAt: now,
        updatedAt: now,
      },
      blocks.settings === null ? defaultSettings : settings,
    )
    logger.info({ instance: instance.id, account: accountId }, 'Instance created')
    const configured = { settings: blocks.settings === null ? null : settings, proxy, s3, chatwoot }
    return { instance: showCreated(instance, token), ...showStored(instance, configured), ...(await configureEvents(instance, blocks)) }
  }

  /** Webhook and WebSocket are kept by `events/`; the instance exists whatever becomes of them. */
  const configureEvents = async (instance: LiveInstance, { webhook, websocket }: InlineBlocks) => {
    const { webhooks, websocket: sockets } = collaborators.blocks
    const off = { enabled: false, events: [], mediaBase64: false }
    const [webhookBlock, websocketBlock] = await Promise.all([
      webhook === null
        ? undefined
        : settled(logger, instance.id, 'webhook', webhooks.configure(instance.id, { ...webhook, label: mainLabel })),
      websocket === null ? undefined : settled(logger, instance.id, 'websocket', sockets.configure(instance.id, websocket)),
    ])
    const noWebhook = { ...off, label: mainLabel, url: '', authorization: '', byEvents: false }
    return {
      webhook: webhookBlock && (webhookBlock.value ?? { ...noWebhook, error: webhookBlock.error }),
      websocket: websocketBlock && (websocketBlock.value ?? { ...off, error: websocketBlock.error }),
    }
  }

  return operation({
    id: 'instance.create',
    method: 'POST',
    path: '/api/instance/new',
    token: 'account',
    rateLimit: 'create',
    tag: 'Instances',
    summary: 'Create an instance',
    description:
      'It is born disconnected; connect it next. Blocks that are sent along are configured at once. A block that fails does not stop the creation: it comes back with `enabled: false` and the reason in `error`.',
    body: createBody,
    once: 'resumed',
    answers: { 201: createdAnswer },
    errors: [
      { status: 400, message: texts.nameRequired },
      { status: 400, message: texts.invalidName },
      { status: 400, message: texts.invalidToken },
      declared(instanceErrors.nameTaken()),
      declared(instanceErrors.tokenTaken()),
      declared(instanceErrors.quotaExceeded()),
    ],
    handle: async ({ scope, body }) => ({
      status: 201,
      body: { success: true, message: 'Instance created', ...(await create(scope.account.id, body)) },
    }),
  })
}

const createBody = z.object({
  name: z
    .string(required(texts.nameRequired))
    .trim()
    .refine(isInstanceName, texts.invalidName)
    .meta({ example: 'shop', description: 'Unique in the account; letters, digits, spaces, `.`, `_`, `-`; 1–100 characters' }),
  token: z.string().refine(isInstanceToken, texts.invalidToken).nullish().meta({
    example: 'my-own-token-0123456789',
    description: 'TokenInstance of your choice, 16–256 printable ASCII characters; otherwise generated',
  }),
  ...createFields,
})

export const instanceAnswer = z.object({
  id: z.string(),
  name: z.string(),
  token: z.string(),
  status: z.string(),
  numberJid: z.string().nullable(),
  createdAt: z.string(),
  updatedAt: z.string(),
})

const failure = { error: z.string().optional() }

const createdAnswer = z.object({
  success: z.literal(true),
  message: z.string(),
  instance: instanceAnswer,
  settings: instanceSettings.optional(),
  proxy: proxyAnswer.extend(failure).optional(),
  webhook: z
    .object({
      label: z.string(),
      enabled: z.boolean(),
      url: z.string(),
      authorization: z.string(),
      byEvents: z.boolean(),
      events: z.array(z.string()),
      mediaBase64: z.boolean(),
      ...failure,
    })
    .optional(),
  websocket: z.object({ enabled: z.boolean(), events: z.array(z.string()), mediaBase64: z.boolean(), ...failure }).optional(),
  chatwoot: chatwootAnswer.optional(),
  s3: s3Answer.optional(),
})

const refusals = {
  'name-taken': instanceErrors.nameTaken,
  'token-taken': instanceErrors.tokenTaken,
  'quota-exceeded': instanceErrors.quotaExceeded,
  // The account was deleted between the check of its token and now.
  'account-gone': errors.invalidToken,
}

const showCreated = (instance: LiveInstance, token: string) => ({
  id: instance.id,
  name: instance.name,
  token,
  status: instance.state,
  numberJid: instance.numberJid,
  createdAt: rfc3339(instance.createdAt),
  updatedAt: rfc3339(instance.updatedAt),
})

/** A block that was asked for: what came of it, or why it failed. Undefined: not asked for. */
type Block<T> = { value: T; error?: undefined } | { value: null; error: string } | undefined

interface StoredBlocks {
  settings: InstanceSettings | null
  proxy: Block<ProxyConfiguration | null>
  s3: Block<S3Configuration | null>
  chatwoot: Block<ChatwootConfiguration | null>
}

/** Each block in the shape of its own read route; absent when it was not asked for. */
const showStored = (instance: LiveInstance, { settings, proxy, s3, chatwoot }: StoredBlocks) => ({
  settings: settings ?? undefined,
  proxy: proxy && { ...showProxy(proxy.value), error: proxy.error },
  s3: s3 && { ...showS3(s3.value), error: s3.error },
  chatwoot: chatwoot && {
    ...showChatwoot(instance.name, chatwoot.value),
    ...(chatwoot.error && { status: 'error', error: chatwoot.error }),
  },
})

const tried = <T>(logger: Logger, instanceId: string, block: string, input: unknown, read: () => T): Block<T> => {
  if (input === null) return undefined
  try {
    return { value: read() }
  } catch (error) {
    return failed(logger, instanceId, block, error)
  }
}

const settled = async <T>(logger: Logger, instanceId: string, block: string, work: Promise<T>) => {
  try {
    return { value: await work }
  } catch (error) {
    return failed(logger, instanceId, block, error)
  }
}

const failed = (logger: Logger, instanceId: string, block: string, error: unknown): { value: null; error: string } => {
  // The caller's mistake: the answer says so.
  if (error instanceof ApiError) return { value: null, error: error.message }
  logger.warn({ instance: instanceId, block, err: error }, 'An inline block was not configured')
  return { value: null, error: 'could not be configured' }
}
