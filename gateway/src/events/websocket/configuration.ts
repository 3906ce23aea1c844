/** Who may listen on `/ws/:instance`, and to what (core.md §4.3, §4.4). Every instance has one configuration, disabled at first. */
import { z } from 'zod'
import { errors } from '../../http/errors.ts'
import type { Database } from '../../storage/database.ts'
import type { Vault } from '../../storage/vault.ts'
import { checkedEvents } from '../webhooks/webhook.ts'

export const websocketBody = z.object({
  enabled: z.boolean().meta({ example: true, description: '`false` clears events and mediaBase64 and refuses new clients' }),
  events: z
    .array(z.string())
    .max(100)
    .nullish()
    .meta({ example: ['message.exchange'], description: 'Events to send; none or left out = all' }),
  mediaBase64: z.boolean().nullish().meta({ example: false, description: 'Media of `message.exchange` carries `base64`' }),
})
export type WebSocketBody = z.infer<typeof websocketBody>

export const websocketView = z.object({ enabled: z.boolean(), events: z.array(z.string()), mediaBase64: z.boolean() })
export type WebSocketSettings = z.infer<typeof websocketView>

export interface WebSocketConfiguration {
  configure(instanceId: string, body: WebSocketBody): Promise<WebSocketSettings>
  read(instanceId: string): Promise<WebSocketSettings>
  /** How many there were so far, of all instances: tells whether what was read may be outdated. */
  readonly changes: number
}

const disabled = (): WebSocketSettings => ({ enabled: false, events: [], mediaBase64: false })

interface Collaborators {
  db: Database
  vault: Vault
  /** Called after a change is durable. */
  changed(instanceId: string, settings: WebSocketSettings): void
}

export const createWebSocketConfiguration = ({ db, vault, changed }: Collaborators): WebSocketConfiguration => {
  const context = (instanceId: string) => ({ table: 'instance_configurations', column: 'value', row: `${instanceId}/websocket` })
  let changes = 0
  return {
    get changes() {
      return changes
    },
    async configure(instanceId, body) {
      const settings = body.enabled
        ? { enabled: true, events: checkedEvents(body.events ?? []), mediaBase64: body.mediaBase64 ?? false }
        : disabled()
      const value = vault.seal(JSON.stringify(settings), context(instanceId))
      await db.write(async (tx) => {
        const instance = await tx.selectFrom('instances').select('id').where('id', '=', instanceId).executeTakeFirst()
        if (instance === undefined) throw errors.instanceNotFound()
        await tx
          .insertInto('instance_configurations')
          .values({ instance_id: instanceId, kind: 'websocket', value })
          .onConflict((conflict) => conflict.columns(['instance_id', 'kind']).doUpdateSet({ value }))
          .execute()
      })
      changes++
      changed(instanceId, settings)
      return settings
    },
    async read(instanceId) {
      const row = await db.read
        .selectFrom('instance_configurations')
        .select('value')
        .where('instance_id', '=', instanceId)
        .where('kind', '=', 'websocket')
        .executeTakeFirst()
      return row === undefined ? disabled() : websocketView.parse(JSON.parse(vault.openText(row.value, context(instanceId))))
    },
  }
}
