/** The table `webhooks`: sealed on the way in, opened on the way out. */
import { z } from 'zod'
import type { Clock } from '../../runtime/clock.ts'
import { ulid } from '../../runtime/ids.ts'
import type { Reader, Writer } from '../../storage/database.ts'
import type { WebhooksTable } from '../../storage/schema.ts'
import type { Vault } from '../../storage/vault.ts'
import { newSigningSecret } from './signature.ts'
import type { Webhook } from './webhook.ts'

/** An enabled webhook as delivery needs it. */
export interface Target {
  id: string
  instanceId: string
  url: string
  authorization: string
  byEvents: boolean
  /** Null = all. */
  events: ReadonlySet<string> | null
  mediaBase64: boolean
  signingSecret: string
  /** Those it replaced, newest first; some may be over. */
  formerSecrets: readonly FormerSecret[]
  /** Failures in a row; kept in step by delivery. */
  failures: number
}

export interface FormerSecret {
  secret: string
  /** Signs too before this time. */
  until: number
}

/** A webhook by its label, without what it is configured to do. */
export interface WebhookKey {
  id: string
  label: string
  enabled: boolean
}

export interface WebhookSecrets extends WebhookKey {
  secret: string
  former: readonly FormerSecret[]
}

export interface WebhookRepository {
  /** All of an instance, alphabetical by label. */
  all(reader: Reader, instanceId: string): Promise<Webhook[]>
  find(reader: Reader, instanceId: string, label: string): Promise<Webhook | null>
  /** Of one label, or of all. */
  keys(reader: Reader, instanceId: string, label?: string): Promise<WebhookKey[]>
  secrets(reader: Reader, instanceId: string, label: string): Promise<WebhookSecrets | null>
  setSecrets(tx: Writer, id: string, secret: string, former: readonly FormerSecret[]): Promise<void>
  targets(reader: Reader, instanceId: string): Promise<Target[]>
  /** Rows the instance has besides the one with this label. */
  others(tx: Writer, instanceId: string, label: string): Promise<{ stored: number; enabled: number }>
  /** Writes the row of this label, whole. Gives its id. */
  save(tx: Writer, instanceId: string, webhook: Webhook): Promise<string>
  /** What `enabled: false` would do. */
  disable(tx: Writer, id: string): Promise<void>
  setFailures(tx: Writer, id: string, failures: number): Promise<void>
}

export const createWebhookRepository = ({ vault, clock }: { vault: Vault; clock: Clock }): WebhookRepository => {
  const context = (id: string, column: string) => ({ table: 'webhooks', column, row: id })
  const open = (row: Pick<WebhooksTable, 'id' | 'url' | 'authorization'>) => ({
    url: vault.openText(row.url, context(row.id, 'url')),
    authorization: vault.openText(row.authorization, context(row.id, 'authorization')),
  })
  const toWebhook = (row: WebhooksTable): Webhook => ({
    label: row.label,
    enabled: row.enabled === 1,
    ...open(row),
    byEvents: row.by_events === 1,
    events: JSON.parse(row.events) as string[],
    mediaBase64: row.media_base64 === 1,
  })
  const openSecrets = (row: Pick<WebhooksTable, 'id' | 'signing_secret' | 'former_secrets'>) => ({
    signingSecret: vault.openText(row.signing_secret, context(row.id, 'signing_secret')),
    formerSecrets:
      row.former_secrets === null
        ? []
        : storedFormerSecrets.parse(JSON.parse(vault.openText(row.former_secrets, context(row.id, 'former_secrets')))),
  })
  const toTarget = (row: WebhooksTable): Target => {
    const events = JSON.parse(row.events) as string[]
    return {
      id: row.id,
      instanceId: row.instance_id,
      ...open(row),
      byEvents: row.by_events === 1,
      events: events.length === 0 ? null : new Set(events),
      mediaBase64: row.media_base64 === 1,
      ...openSecrets(row),
      failures: row.failures,
    }
  }
  const cleared = (id: string) => ({
    url: vault.seal('', context(id, 'url')),
    authorization: vault.seal('', context(id, 'authorization')),
    by_events: 0 as const,
    events: '[]',
    media_base64: 0 as const,
  })

  return {
    async all(reader, instanceId) {
      const rows = await reader.selectFrom('webhooks').selectAll().where('instance_id', '=', instanceId).execute()
      // Sorted here, since the two databases collate text differently.
      return rows.map(toWebhook).sort((a, b) => (a.label < b.label ? -1 : 1))
    },
    async find(reader, instanceId, label) {
      const row = await reader
        .selectFrom('webhooks')
        .selectAll()
        .where('instance_id', '=', instanceId)
        .where('label', '=', label)
        .executeTakeFirst()
      return row === undefined ? null : toWebhook(row)
    },
    async keys(reader, instanceId, label) {
      const rows = await reader
        .selectFrom('webhooks')
        .select(['id', 'label', 'enabled'])
        .where('instance_id', '=', instanceId)
        .$if(label !== undefined, (query) => query.where('label', '=', label ?? ''))
        .execute()
      return rows.map((row) => ({ id: row.id, label: row.label, enabled: row.enabled === 1 }))
    },
    async secrets(reader, instanceId, label) {
      const row = await reader
        .selectFrom('webhooks')
        .select(['id', 'label', 'enabled', 'signing_secret', 'former_secrets'])
        .where('instance_id', '=', instanceId)
        .where('label', '=', label)
        .executeTakeFirst()
      if (row === undefined) return null
      const { signingSecret, formerSecrets } = openSecrets(row)
      return { id: row.id, label: row.label, enabled: row.enabled === 1, secret: signingSecret, former: formerSecrets }
    },
    async setSecrets(tx, id, secret, former) {
      await tx
        .updateTable('webhooks')
        .set({
          signing_secret: vault.seal(secret, context(id, 'signing_secret')),
          former_secrets: former.length === 0 ? null : vault.seal(JSON.stringify(former), context(id, 'former_secrets')),
          updated_at: clock.now(),
        })
        .where('id', '=', id)
        .execute()
    },
    async targets(reader, instanceId) {
      const rows = await reader.selectFrom('webhooks').selectAll().where('instance_id', '=', instanceId).where('enabled', '=', 1).execute()
      return rows.map(toTarget)
    },
    async others(tx, instanceId, label) {
      const rows = await tx
        .selectFrom('webhooks')
        .select('enabled')
        .where('instance_id', '=', instanceId)
        .where('label', '!=', label)
        .execute()
      return { stored: rows.length, enabled: rows.filter((row) => row.enabled === 1).length }
    },
    async save(tx, instanceId, webhook) {
      const existing = await tx
        .selectFrom('webhooks')
        .select('id')
        .where('instance_id', '=', instanceId)
        .where('label', '=', webhook.label)
        .executeTakeFirst()
      const id = existing?.id ?? ulid(clock.now())
      const values = {
        enabled: webhook.enabled ? (1 as const) : (0 as const),
        url: vault.seal(webhook.url, context(id, 'url')),
        authorization: vault.seal(webhook.authorization, context(id, 'authorization')),
        by_events: webhook.byEvents ? (1 as const) : (0 as const),
        events: JSON.stringify(webhook.events),
        media_base64: webhook.mediaBase64 ? (1 as const) : (0 as const),
        failures: 0,
        updated_at: clock.now(),
      }
      if (existing !== undefined) {
        await tx.updateTable('webhooks').set(values).where('id', '=', id).execute()
        return id
      }
      const signing_secret = vault.seal(newSigningSecret(), context(id, 'signing_secret'))
      await tx
        .insertInto('webhooks')
        .values({ id, instance_id: instanceId, label: webhook.label, signing_secret, former_secrets: null, ...values })
        .execute()
      return id
    },
    async disable(tx, id) {
      await tx
        .updateTable('webhooks')
        .set({ ...cleared(id), enabled: 0, failures: 0, updated_at: clock.now() })
        .where('id', '=', id)
        .execute()
    },
    async setFailures(tx, id, failures) {
      await tx.updateTable('webhooks').set({ failures }).where('id', '=', id).execute()
    },
  }
}

const storedFormerSecrets = z.array(z.object({ secret: z.string(), until: z.number() }))
