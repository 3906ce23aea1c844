/**
 * Follows the stored messages in the background and keeps the index of their words: whatever writes messages pays for a row of the queue, no
 * more. A portion is one transaction with its end in the queue, so that a kill at any moment leaves it to the next start, whole.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'kysely'
import type { Logger } from '../../runtime/logging.ts'
import type { Database, Writer } from '../../storage/database.ts'
import { prepared } from '../../storage/prepared.ts'
import { notAbout } from '../chat-table.ts'
import { type IndexRow, leaveQueue, momentOf, type Position, type Queued, readQueue, writeIndex } from './index-table.ts'
import { termsOfMessage } from './terms.ts'

export interface Indexer {
  start(): void
  /** Resolves when the portion at hand is stored. */
  stop(): Promise<void>
}

/** Messages in one transaction: on SQLite a few milliseconds, in which nothing else happens. */
export const PORTION = 200
const PAUSE_MS = 500
const PAUSE_AFTER_FAILURE_MS = 5_000
/** Left to the others between two portions. */
const BREATH_MS = 5

export const createIndexer = ({ db, logger }: { db: Database; logger: Logger }): Indexer => {
  const stopping = new AbortController()
  let running: Promise<void> = Promise.resolve()

  const run = async (): Promise<void> => {
    while (!stopping.signal.aborted) await pause(await portion())
  }

  /** Milliseconds until the next. */
  const portion = async (): Promise<number> => {
    try {
      return (await indexPortion(db)) === PORTION ? BREATH_MS : PAUSE_MS
    } catch (error) {
      if (!stopping.signal.aborted) logger.error({ err: error }, 'Messages cannot be indexed; trying again')
      return PAUSE_AFTER_FAILURE_MS
    }
  }

  const pause = (ms: number): Promise<unknown> => sleep(ms, null, { signal: stopping.signal, ref: false }).catch(() => {})

  return {
    start() {
      running = run()
    },
    async stop() {
      stopping.abort()
      await running
    },
  }
}

/** The oldest of the queue; gives how many. */
export const indexPortion = async (db: Database): Promise<number> => {
  const queued = await readQueue(db.read, PORTION)
  if (queued.length > 0) await db.write((tx) => takeIn(tx, db.kind, queued))
  return queued.length
}

const takeIn = async (tx: Writer, kind: Database['kind'], queued: readonly Queued[]): Promise<void> => {
  const gone = new Map<number, Position>()
  for (const { seq, moment } of queued) if (moment !== null) gone.set(seq, { seq, moment })
  const rows = new Map<number, IndexRow>()
  for (const message of await readMessages(tx, {}, queued)) {
    const { seq, instance_id: instanceId, chat, text, sent_at } = message
    rows.set(seq, { seq, moment: momentOf(sent_at), instanceId, terms: termsOfMessage({ instanceId, chat, text }) })
  }
  await writeIndex(tx, kind, [...gone.values()], [...rows.values()])
  await leaveQueue(tx, {}, queued)
}

/** Those that are to be found. */
const readMessages = prepared((db, _: object, queued: Pick<Queued, 'seq'>[]) =>
  db
    .selectFrom('messages')
    .select(['seq', 'instance_id', 'chat', 'sent_at', sql<string>`coalesce(edited_content, content)`.as('text')])
    .where(
      'seq',
      'in',
      queued.map(({ seq }) => seq),
    )
    .where('revoked', '=', 0)
    .where('chat', '<>', 'status@broadcast')
    .where('type', 'not in', notAbout)
    .where(sql<boolean>`coalesce(edited_content, content) <> ''`),
)
