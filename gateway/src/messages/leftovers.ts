/**
 * What an earlier run, or a lost connection, left unfinished: inbox rows that no message came of, and sent messages that WhatsApp never
 * answered for. Whether such a message left is not known; it counts as failed until a receipt says otherwise.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'kysely'
import type { EventLog } from '../events/event.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Logger } from '../runtime/logging.ts'
import type { Database } from '../storage/database.ts'
import type { Vault } from '../storage/vault.ts'
import type { EngineFactory } from '../whatsapp/engine.ts'
import { purgeInbox, settleInbox, unsettledInbox } from '../whatsapp/inbox-table.ts'
import { isLid } from '../whatsapp/jid.ts'
import { statusData } from './exchange.ts'
import type { People } from './people.ts'
import type { InstanceFacts, Recorder } from './recorder.ts'

export interface Leftovers {
  /** Before any session starts: records what the inbox still holds and settles what was on its way. */
  takeUp(): Promise<void>
  start(): void
  stop(): Promise<void>
}

interface Collaborators {
  db: Database
  vault: Vault
  clock: Clock
  logger: Logger
  engine: Pick<EngineFactory, 'readInbox'>
  instances: InstanceFacts
  events: EventLog
  people: People
  recorder: Recorder
}

const CHUNK = 100
const PASS_EVERY_MS = 5 * 60 * 1000
/** WhatsApp answers in well under a second; after this the connection that carried the message is gone. */
const UNANSWERED_MS = 10 * 60 * 1000
/** How long WhatsApp may deliver the same ciphertext again. */
const RECOGNISED_MS = 14 * 24 * 60 * 60 * 1000

export const createLeftovers = ({ db, vault, clock, logger, engine, instances, events, people, recorder }: Collaborators): Leftovers => {
  let timer: NodeJS.Timeout | null = null
  let pass: Promise<unknown> = Promise.resolve()
  let stopped = false

  const takeUpInbox = async (): Promise<void> => {
    const seen = new Set<string>()
    let stuck = 0
    for (;;) {
      // What cannot be recorded stays unsettled and comes again with every page.
      const page = await unsettledInbox(db.read, vault, CHUNK + stuck)
      const fresh = page.filter(({ instanceId, row }) => !seen.has(`${instanceId}/${row.hash}`))
      stuck = page.length - fresh.length
      if (fresh.length === 0) break
      for (const { instanceId, row } of fresh) {
        seen.add(`${instanceId}/${row.hash}`)
        const message = engine.readInbox(row, instances.self(instanceId))
        if (message === null) await db.write((tx) => settleInbox(tx, instanceId, [row.hash]))
        else await recorder.take(instanceId, { type: 'message', message, inbox: row.hash })
      }
      await recorder.drain()
    }
    if (seen.size > 0) logger.info({ messages: seen.size - stuck, stuck }, 'The inbox of the last run has been taken up')
  }

  /** Sent messages stored before `before` that nothing was heard of. */
  const settleUnanswered = async (before: number): Promise<void> => {
    for (;;) {
      if (stopped) return
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
        const address = (jid: string) => (isLid(jid) ? { jid: null, lid: jid } : { jid, lid: null })
        const introduce = await people.meet(instanceId, [address(chat), address(sender)])
        const now = clock.now()
        const data = statusData({
          ids: [id],
          status: 'server_error',
          timestamp: now,
          chat: introduce(address(chat)),
          sender: introduce(address(sender)),
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

  const forgetOldInbox = async (): Promise<void> => {
    while (!stopped && (await purgeInbox(db, clock.now() - RECOGNISED_MS, CHUNK)) === CHUNK) await sleep(50)
  }

  return {
    async takeUp() {
      await settleUnanswered(clock.now())
      await takeUpInbox()
    },
    start() {
      timer = setInterval(() => {
        pass = pass
          .then(() => settleUnanswered(clock.now() - UNANSWERED_MS))
          .then(forgetOldInbox)
          .catch((error: unknown) => logger.error({ err: error }, 'Unfinished messages could not be settled'))
      }, PASS_EVERY_MS)
      timer.unref()
    },
    async stop() {
      stopped = true
      if (timer !== null) clearInterval(timer)
      await pass
    },
  }
}
