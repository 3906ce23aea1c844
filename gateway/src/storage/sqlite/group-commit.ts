/**
 * Group commit. A durable commit costs a disk flush, however little it holds; so all writes of one event-loop turn are gathered and
 * committed together, one after the other:
 *
 *   begin · A · B · C · commit · flush → all resolve
 *
 * When one of them throws, the group begins again, and now each has a savepoint, which costs as much as a small write:
 *
 *   begin · A · B (throws) · rollback · begin · savepoint · A · release · savepoint · B (throws) · rollback to · … · commit · flush
 *
 * The flush does not block the event loop (`wal-flush.ts`); what is written meanwhile gathers for the next group. Between commit and flush
 * readers see the group already: a crash of the process leaves it stored, a power cut may take it, and nobody was told it was safe.
 *
 * Queries on SQLite run synchronously, so a group starts and ends within one turn, as long as every `work` awaits nothing but its
 * queries. A work that awaits anything else keeps the transaction open and everybody else waiting: it is reported, and abandoned (rolled
 * back, its writer dead) after `foreignAwaitLimit`. Nothing is corrupted by it, because no other work starts in the meantime.
 */
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from '../../runtime/logging.ts'
import type { Writer } from '../database.ts'
import { StoreOverloadedError } from '../errors.ts'
import { isLocked, type SqliteConnection } from './connection.ts'
import { writersOn } from './dialect.ts'

export interface GroupCommit {
  write<T>(work: (tx: Writer) => Promise<T>): Promise<T>
  /** Refuses new writes and waits for those accepted. */
  close(): Promise<void>
}

export interface GroupCommitLimits {
  /** Writes in one commit: bounds how long a turn can take. */
  groupSize: number
  /** Writes waiting for their turn; more are refused. */
  waiting: number
  /** Milliseconds a work may spend awaiting something that is not a query. */
  foreignAwait: number
  /** Milliseconds a write waits for another process that has locked the database, however many stand in line before it. */
  lock: number
}

/** Milliseconds between two attempts to get the lock; timers and readers go on in it. */
const lockPause = 50

const usualLimits: GroupCommitLimits = { groupSize: 256, waiting: 50_000, foreignAwait: 5_000, lock: 5_000 }

interface Job {
  /** When it got in line, by `performance.now()`. */
  readonly since: number
  /** Runs the work and keeps its result for `confirm`. */
  run(writer: Writer): Promise<void>
  confirm(): void
  reject(error: unknown): void
  /** The work's own text, to name it in a warning. */
  describe(): string
}

export interface GroupCommitOptions {
  connection: SqliteConnection
  /** Makes what is committed durable. */
  flush(): Promise<void>
  logger: Logger
  limits?: Partial<GroupCommitLimits>
}

export function createGroupCommit({ connection, flush, logger, limits = {} }: GroupCommitOptions): GroupCommit {
  const { groupSize, waiting: maxWaiting, foreignAwait, lock } = { ...usualLimits, ...limits }
  const openWriter = writersOn(connection)
  let waiting: Job[] = []
  let draining: Promise<void> | undefined
  let closed = false

  const drain = async () => {
    await nextTurn()
    let inSavepoints = false
    while (waiting.length > 0) {
      const again: Job[] = (await begin()) ? await commit(nextGroup(), inSavepoints) : []
      waiting = [...again, ...waiting]
      inSavepoints = again.length > 0
      if (waiting.length > 0 && !inSavepoints) await nextTurn()
    }
    draining = undefined
  }

  const nextGroup = (): Job[] => {
    const group = waiting.slice(0, groupSize)
    waiting = waiting.slice(groupSize)
    return group
  }

  /** In a transaction, with the lock. False when nobody waits for it any more: who did long enough is told, wherever in line. */
  const begin = async (): Promise<boolean> => {
    const lockedSince = performance.now()
    for (; waiting.length > 0; await sleep(lockPause)) {
      try {
        connection.run('begin immediate')
        return true
      } catch (error) {
        const told = isLocked(error) ? outOfPatience(lockedSince) : groupSize
        for (const job of waiting.slice(0, told)) job.reject(error)
        waiting = waiting.slice(told)
      }
    }
    return false
  }

  /** How many at the head of the line have stood before the lock for long enough. */
  const outOfPatience = (lockedSince: number): number => {
    const limit = performance.now() - lock
    if (limit < lockedSince) return 0
    const next = waiting.findIndex(({ since }) => since > limit)
    return next < 0 ? waiting.length : next
  }

  /** Gives those that are to be run again, because one of them failed on its own. */
  const commit = async (group: Job[], inSavepoints: boolean): Promise<Job[]> => {
    let finished = group
    try {
      if (inSavepoints) {
        finished = []
        for (const job of group) if (await inSavepoint(job)) finished.push(job)
      } else {
        const again = await runAll(group)
        if (again !== null) {
          connection.run('rollback')
          return again
        }
      }
      connection.run('commit')
      await flush()
    } catch (error) {
      if (connection.inTransaction) connection.run('rollback')
      for (const job of group) job.reject(error)
      return []
    }
    for (const job of finished) job.confirm()
    return []
  }

  /** Null when all succeeded; else one failed on its own, and these are to be run again. Throws when the whole transaction is lost. */
  const runAll = async (group: readonly Job[]): Promise<Job[] | null> => {
    for (const job of group) {
      try {
        await withinTurn(job)
      } catch (error) {
        if (!connection.inTransaction) throw error
        if (!(error instanceof AbandonedError)) return [...group]
        job.reject(error)
        return group.filter((other) => other !== job)
      }
    }
    return null
  }

  /** False when the job failed on its own; throws when the whole transaction is lost. */
  const inSavepoint = async (job: Job): Promise<boolean> => {
    connection.run('savepoint caller')
    try {
      await withinTurn(job)
      connection.run('release caller')
      return true
    } catch (error) {
      if (!connection.inTransaction) throw error
      connection.run('rollback to caller')
      connection.run('release caller')
      job.reject(error)
      return false
    }
  }

  const withinTurn = (job: Job): Promise<void> => {
    const { writer, end } = openWriter()
    return new Promise<void>((resolve, reject) => {
      let limit: NodeJS.Timeout | undefined
      const turnEnded = setImmediate(() => {
        logger.warn({ work: job.describe() }, 'A write awaits something other than its queries and holds up all others')
        limit = setTimeout(() => reject(new AbandonedError(foreignAwait)), foreignAwait)
      })
      const settled = () => {
        clearImmediate(turnEnded)
        clearTimeout(limit)
      }
      job.run(writer).then(resolve, reject).finally(settled)
    }).finally(end)
  }

  return {
    write: (work) =>
      new Promise((resolve, reject) => {
        if (closed) return reject(new Error('The database is closed'))
        if (waiting.length >= maxWaiting) return reject(new StoreOverloadedError(waiting.length))
        waiting.push(jobOf(work, resolve, reject))
        draining ??= drain()
      }),
    async close() {
      closed = true
      await draining
    },
  }
}

class AbandonedError extends Error {
  constructor(afterMs: number) {
    super(`A write was abandoned after awaiting something other than its queries for ${afterMs} ms`)
  }
}

const jobOf = <T>(work: (tx: Writer) => Promise<T>, resolve: (result: T) => void, reject: (error: unknown) => void): Job => {
  let confirm = () => {}
  return {
    since: performance.now(),
    async run(writer) {
      const result = await work(writer)
      confirm = () => resolve(result)
    },
    confirm: () => confirm(),
    reject,
    describe: () => String(work).slice(0, 200),
  }
}
