/** Listing instances (core.md §3.2). */
import { z } from 'zod'
import { errors } from '../http/errors.ts'
import { type Operation, operation, type Scope } from '../http/operation.ts'
import { rfc3339 } from '../runtime/clock.ts'
import { chatwootSummary, storedChatwoot, summarizeChatwoot } from './chatwoot.ts'
import type { ConfigurationRepository } from './configuration-repository.ts'
import { instanceAnswer } from './create.ts'
import type { InstanceRepository, InstanceRow } from './instance-repository.ts'
import { type IntegrationBlocks, mainLabel } from './integration-blocks.ts'
import { displayStatus } from './life-cycle.ts'
import type { LiveInstance, Registry } from './registry.ts'
import { defaultSettings, instanceSettings } from './settings-values.ts'

/** The names a filter asks for; null: all. One name must exist, of several the unknown ones are left out. */
export const readFilter = (instanceName: string | undefined): string[] | null => {
  const names = (instanceName ?? '')
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '')
  return names.length === 0 ? null : [...new Set(names)]
}

interface Collaborators {
  repository: InstanceRepository
  configurations: ConfigurationRepository
  registry: Registry
  blocks: IntegrationBlocks
}

export const listOperation = ({ repository, configurations, registry, blocks }: Collaborators): Operation => {
  /** The row, no older than what has happened to the instance so far. */
  const rowOf = async (instance: LiveInstance | null): Promise<InstanceRow | null> => {
    if (instance === null) return null
    await instance.stored
    return repository.byId(instance.id)
  }

  const rowsFor = async (scope: Scope, filter: string[] | null): Promise<InstanceRow[]> => {
    if (scope.by === 'instance') return present([await rowOf(scope.instance && registry.byId(scope.instance.id))])
    if (filter === null) {
      await Promise.all(registry.ofAccount(scope.account.id).map(({ stored }) => stored))
      return repository.ofAccount(scope.account.id)
    }
    const rows = present(await Promise.all(filter.map((name) => rowOf(registry.byName(scope.account.id, name)))))
    if (filter.length === 1 && rows.length === 0) throw errors.instanceNotFound()
    return rows
  }

  const show = async (row: InstanceRow): Promise<z.infer<typeof listItem>> => {
    const { state, number_jid: numberJid } = row
    const settings = registry.byId(row.id)?.settings ?? defaultSettings
    const [webhooks, websocket, chatwootDocument] = await Promise.all([
      blocks.webhooks.all(row.id),
      blocks.websocket.read(row.id),
      configurations.find(row.id, 'chatwoot', storedChatwoot),
    ])
    const webhook = webhooks.find(({ label }) => label === mainLabel) ?? noWebhook
    const chatwoot = summarizeChatwoot(chatwootDocument)
    return {
      id: row.id,
      name: row.name,
      token: repository.openToken(row),
      status: state,
      numberJid,
      createdAt: rfc3339(row.created_at),
      updatedAt: rfc3339(row.updated_at),
      connection: {
        state,
        numberJid,
        name: row.profile_name ?? '',
        presenceStatus: state === 'connected' && settings.keepOnlineStatus ? 'available' : 'unavailable',
        displayStatus: displayStatus[state],
      },
      profile: {
        name: row.profile_name ?? '',
        pictureUrl: row.picture_url ?? '',
        isBusiness: row.business_name !== null,
        businessName: row.business_name ?? '',
      },
      settings,
      webhook,
      websocket,
      chatwoot,
      integrations: { webhook, websocket, chatwoot },
    }
  }

  return operation({
    id: 'instance.list',
    method: 'GET',
    path: '/api/instance/list',
    token: 'any',
    rateLimit: 'global',
    tag: 'Instances',
    summary: 'List instances',
    description:
      'With a TokenAccount all instances of the account, or those named. With a TokenInstance only its own, whatever the filter says. Cheap enough to poll with `instanceName` after a connect.',
    query: z.object({
      instanceName: z
        .string()
        .optional()
        .meta({ example: 'shop', description: 'One name, or several with commas; empty = all. A single unknown name is a 404' }),
    }),
    answers: { 200: listAnswer },
    errors: [{ status: 404, message: 'Instance not found' }],
    handle: async ({ scope, query }) => {
      const rows = await rowsFor(scope, readFilter(query.instanceName))
      const instances = await Promise.all(rows.map(show))
      const message = instances.length === 1 ? '1 Instance found' : `${instances.length} Instances found`
      return { status: 200, body: { success: true, message, instances, meta: { total: instances.length } } }
    },
  })
}

const present = (rows: (InstanceRow | null)[]): InstanceRow[] => rows.filter((row) => row !== null)

const noWebhook = { label: mainLabel, enabled: false, url: '', events: [], byEvents: false, mediaBase64: false }

const summaries = {
  webhook: z.object({
    label: z.string(),
    enabled: z.boolean(),
    url: z.string(),
    events: z.array(z.string()),
    byEvents: z.boolean(),
    mediaBase64: z.boolean(),
  }),
  websocket: z.object({ enabled: z.boolean(), events: z.array(z.string()), mediaBase64: z.boolean() }),
  chatwoot: chatwootSummary,
}

const listItem = instanceAnswer.extend({
  connection: z.object({
    state: z.string(),
    numberJid: z.string().nullable(),
    name: z.string(),
    presenceStatus: z.string(),
    displayStatus: z.string(),
  }),
  profile: z.object({ name: z.string(), pictureUrl: z.string(), isBusiness: z.boolean(), businessName: z.string() }),
  settings: instanceSettings,
  ...summaries,
  integrations: z.object(summaries),
})

const listAnswer = z.object({
  success: z.literal(true),
  message: z.string(),
  instances: z.array(listItem),
  meta: z.object({ total: z.number() }),
})
