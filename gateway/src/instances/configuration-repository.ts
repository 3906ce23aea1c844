/** The table `instance_configurations`: one sealed JSON document per instance and kind. */
import type { z } from 'zod'
import type { Database, Writer } from '../storage/database.ts'
import type { ConfigurationKind } from '../storage/schema.ts'
import type { Vault } from '../storage/vault.ts'

export type ConfigurationRepository = ReturnType<typeof createConfigurationRepository>

export const createConfigurationRepository = ({ db, vault }: { db: Database; vault: Vault }) => {
  const sealContext = (instanceId: string, kind: ConfigurationKind) => ({
    table: 'instance_configurations',
    column: 'value',
    row: `${instanceId}/${kind}`,
  })

  const read = <T extends z.ZodType>(row: { instance_id: string; value: Uint8Array }, kind: ConfigurationKind, schema: T): z.infer<T> =>
    schema.parse(JSON.parse(vault.openText(row.value, sealContext(row.instance_id, kind))))

  return {
    /** Null: never configured. Throws when the document cannot be opened or does not fit the schema. */
    async find<T extends z.ZodType>(instanceId: string, kind: ConfigurationKind, schema: T): Promise<z.infer<T> | null> {
      const row = await db.read
        .selectFrom('instance_configurations')
        .select(['instance_id', 'value'])
        .where('instance_id', '=', instanceId)
        .where('kind', '=', kind)
        .executeTakeFirst()
      return row === undefined ? null : read(row, kind, schema)
    },

    /** Every document of a kind, of one account or of all, by instance id. */
    async all<T extends z.ZodType>(kind: ConfigurationKind, schema: T, accountId?: string): Promise<Map<string, z.infer<T>>> {
      let query = db.read
        .selectFrom('instance_configurations as configuration')
        .select(['configuration.instance_id', 'configuration.value'])
        .where('configuration.kind', '=', kind)
      if (accountId !== undefined) {
        query = query
          .innerJoin('instances as instance', 'instance.id', 'configuration.instance_id')
          .where('instance.account_id', '=', accountId)
      }
      const rows = await query.execute()
      return new Map(rows.map((row) => [row.instance_id, read(row, kind, schema)]))
    },

    async save(tx: Writer, instanceId: string, kind: ConfigurationKind, value: unknown): Promise<void> {
      const sealed = vault.seal(JSON.stringify(value), sealContext(instanceId, kind))
      await tx
        .insertInto('instance_configurations')
        .values({ instance_id: instanceId, kind, value: sealed })
        .onConflict((conflict) => conflict.columns(['instance_id', 'kind']).doUpdateSet({ value: sealed }))
        .execute()
    },

    async remove(tx: Writer, instanceId: string, kind: ConfigurationKind): Promise<void> {
      await tx.deleteFrom('instance_configurations').where('instance_id', '=', instanceId).where('kind', '=', kind).execute()
    },
  }
}
