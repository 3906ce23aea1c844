/** Events without WhatsApp and without REST: log, outbox, workers and hub as the gateway has them, on a real database. */
import { createEvents, type Events } from '../../gateway/src/events/events.ts'
import { createOutbound } from '../../gateway/src/outbound/outbound.ts'
import { systemClock as clock } from '../../gateway/src/runtime/clock.ts'
import { createLogger } from '../../gateway/src/runtime/logging.ts'
import { readSettings } from '../../gateway/src/settings.ts'
import type { Database } from '../../gateway/src/storage/database.ts'
import { openDatabase } from '../../gateway/src/storage/open.ts'
import { openVault } from '../../gateway/src/storage/vault.ts'
import { addAccount, addInstance } from '../../gateway/testing/rows.ts'

export interface OpenEvents {
  events: Events
  db: Database
  addInstance(id: string): Promise<void>
  close(): Promise<void>
}

/** `place` is the JSON of a `Place` with nothing in it. */
export const openEvents = async (place: string): Promise<OpenEvents> => {
  const { dataDir, databaseUrl } = JSON.parse(place) as { dataDir: string; databaseUrl?: string }
  const logger = createLogger('warn')
  const db = await openDatabase({ dataDir, databaseUrl, logger })
  const vault = await openVault({ db, dataDir })
  const outbound = createOutbound({ allow: ['127.0.0.1'], logger })
  const events = createEvents({ db, vault, clock, outbound, logger, settings: readSettings({}), tokenOf: async () => 'x'.repeat(49) })
  await addAccount(db, 'bench')
  await events.load()
  return {
    events,
    db,
    addInstance: (id) => addInstance(db, id, 'bench'),
    async close() {
      await events.stop()
      await outbound.close()
      await db.close()
    },
  }
}
