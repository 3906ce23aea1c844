/** Sent messages that WhatsApp never answered for. Whether such a message left is not known. */
import { sql } from 'kysely'
import type { EventLog } from '../events/event.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Database } from '../storage/database.ts'
import { addressOf } from '../whatsapp/address.ts'
import { statusData } from './exchange.ts'
import type { People } from './people.ts'

interface Collaborators {
  db: Database
  clock: Clock
  events: EventLog
  people: People
}

/** WhatsApp answers in well under a second; after this even a message that was handed over again is not waited for. */
export const UNANSWERED_MS = 10 * 60 * 1000

const CHUNK = 100

/** Those stored before `before` (ms) become failed, and an event says so. */
export const settleUnanswered = async (
  { db, clock, events, people }: Collaborators,
  before: number,
  stopped: () => boolean,
): Promise<void> => {
  while (!stopped()) {
    const rows = await db.read
      .selectFrom('messages')
      .select(['seq', 'instance_id', 'message_id', 'chat', 'sender'])
      .where(sql<boolean>`status = 'pending'`)
      .where('stored_at', '<', before)
      .orderBy('stored_at')
      .limit(CHUNK)
      .execute()
    if (rows.length === 0) return
    for (const { seq, instance_id: instanceId, message_id: id, chat, sender } of rows) {
      const introduce = await people.meet(instanceId, [addressOf(chat), addressOf(sender)])
      const data = statusData({
        ids: [id],
        status: 'server_error',
        timestamp: clock.now(),
        chat: introduce(addressOf(chat)),
        sender: introduce(addressOf(sender)),
        author: sender,
        fromMe: true,
      })
      await events.write(async (tx, record) => {
        const settled = await tx
          .updateTable('messages')
          .set({ status: 'failed' })
          .where('seq', '=', seq)
          .where('status', '=', 'pending')
          .executeTakeFirst()
        if (settled.numUpdatedRows > 0n) await record({ instanceId, name: 'message.status', lane: chat, data })
      })
    }
  }
}
