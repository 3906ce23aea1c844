/**
 * The two writes every delivery takes, the claim of its lane and the note that it was taken, gathered: while one transaction commits, what
 * comes in meanwhile becomes the next. So many deliveries share a commit and a handful of statements, nobody waits when there is little to
 * do, and on PostgreSQL the workers' transactions cannot collide with each other.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Clock } from '../../runtime/clock.ts'
import type { Database, Writer } from '../../storage/database.ts'
import type { Attempted } from './attempt.ts'
import { type Claim, claimLanes, type Delivery, dropLanes, type Lane, laneKey, makeLanesDue, removeTaken, runsOf } from './outbox.ts'
import type { WebhookRepository } from './repository.ts'

export interface Ledger {
  /** Takes up to `limit` due lanes of a webhook until a lease ends; gives what stands first in each, oldest lane first. */
  claim(webhookId: string, limit: number): Promise<Run[]>
  /** The receiver took it. Gives the next run, for who holds the lane; null when the lane is empty, and gone, or it was not asked for. */
  taken(delivery: Delivery, attempted: Attempted, note: TakenNote): Promise<Run | null>
}

/** The first deliveries of a lane, in order; at least one. */
export type Run = readonly [Delivery, ...Delivery[]]

/** What becomes of the lane: the run goes on, the next one is wanted, or others have their turn first. */
export type AfterTaken = 'go on' | 'next run' | 'release'

export interface TakenNote {
  /** It had failed before. */
  failuresOver: boolean
  after: AfterTaken
}

interface Collaborators {
  db: Database
  clock: Clock
  repository: WebhookRepository
  leaseMs: number
}

interface Outcome {
  /** By webhook. */
  claimed: ReadonlyMap<string, Run[]>
  /** By lane. */
  runs: ReadonlyMap<string, Run>
}

type Entry = ({ kind: 'claim'; claim: Claim } | { kind: 'taken'; delivery: Delivery; attempted: Attempted; note: TakenNote }) & {
  stored(outcome: Outcome): void
  failed(error: unknown): void
}

/** Entries in one transaction. */
const BATCH = 128
/** Deliveries of a lane that are read at once. They are in memory until they are sent, and a purge meets them there. */
const RUN = 24

export const createLedger = ({ db, clock, repository, leaseMs }: Collaborators): Ledger => {
  let waiting: Entry[] = []
  let running = false

  const enter = (entry: Entry): void => {
    waiting.push(entry)
    if (!running) void run()
  }

  const run = async (): Promise<void> => {
    running = true
    // What comes in one turn of the event loop goes together.
    await nextTurn()
    while (waiting.length > 0) {
      const batch = nextBatch()
      await store(batch)
    }
    running = false
  }

  /** A webhook claims once in a transaction: its claims would be about the same lanes. */
  const nextBatch = (): Entry[] => {
    const claiming = new Set<string>()
    const batch: Entry[] = []
    const later: Entry[] = []
    for (const entry of waiting) {
      const again = entry.kind === 'claim' && claiming.has(entry.claim.webhookId)
      if (entry.kind === 'claim') claiming.add(entry.claim.webhookId)
      if (again || batch.length === BATCH) later.push(entry)
      else batch.push(entry)
    }
    waiting = later
    return batch
  }

  const store = async (batch: readonly Entry[]): Promise<void> => {
    try {
      const outcome = await db.write((tx) => write(tx, batch))
      for (const entry of batch) entry.stored(outcome)
    } catch (error) {
      if (batch.length === 1) for (const entry of batch) entry.failed(error)
      // One that cannot be stored takes nothing of the others with it.
      else for (const entry of batch) await store([entry])
    }
  }

  const write = async (tx: Writer, batch: readonly Entry[]): Promise<Outcome> => {
    const now = clock.now()
    const leaseEnd = now + leaseMs
    const taken = batch.filter((entry) => entry.kind === 'taken')
    for (const webhookId of new Set(taken.flatMap(({ note, delivery }) => (note.failuresOver ? delivery.webhookId : []))))
      await repository.setFailures(tx, webhookId, 0)
    await removeTaken(tx, taken)
    const claims = batch.flatMap((entry) => (entry.kind === 'claim' ? entry.claim : []))
    const claimed = await claimLanes(tx, { now, leaseEnd }, claims)

    const worn = new Map(taken.flatMap(({ delivery }) => (delivery.leaseEnd - now < leaseMs / 2 ? [[laneKey(delivery), delivery]] : [])))
    await makeLanesDue(tx, { at: leaseEnd }, [...worn.values()])
    // One that is empty is found so by its next claim.
    await makeLanesDue(
      tx,
      { at: now },
      taken.flatMap(({ delivery, note }) => (note.after === 'release' ? delivery : [])),
    )
    /** Lanes of which is asked what stands first, with the ends of their leases. */
    const asked = new Map<string, Lane & { leaseEnd: number }>()
    for (const { delivery, note } of taken) {
      const key = laneKey(delivery)
      if (note.after === 'next run') asked.set(key, worn.has(key) ? { ...delivery, leaseEnd } : delivery)
    }
    for (const lane of claimed) asked.set(laneKey(lane), { ...lane, leaseEnd })
    const runs = new Map<string, [Delivery, ...Delivery[]]>()
    for (const row of await runsOf(tx, RUN, [...asked.values()])) {
      const key = laneKey(row)
      const delivery = { ...row, leaseEnd: asked.get(key)?.leaseEnd ?? leaseEnd }
      const run = runs.get(key)
      if (run === undefined) runs.set(key, [delivery])
      else run.push(delivery)
    }
    // Nothing waits in them: all was taken, or its events were purged. Nobody would ever take them off the index.
    const empty = [...asked].flatMap(([key, lane]) => (runs.has(key) ? [] : lane))
    await dropLanes(tx, {}, empty)
    const claimedRuns = claimed.flatMap((lane) => {
      const run = runs.get(laneKey(lane))
      return run === undefined ? [] : [run]
    })
    claimedRuns.sort(([a], [b]) => (a.eventId < b.eventId ? -1 : 1))
    return { claimed: Map.groupBy(claimedRuns, ([{ webhookId }]) => webhookId), runs }
  }

  return {
    claim: (webhookId, limit) =>
      new Promise((resolve, reject) => {
        const stored = ({ claimed }: Outcome) => resolve(claimed.get(webhookId) ?? [])
        enter({ kind: 'claim', claim: { webhookId, limit }, stored, failed: reject })
      }),
    taken: (delivery, attempted, note) =>
      new Promise((resolve, reject) => {
        const stored = ({ runs }: Outcome) => resolve((note.after === 'next run' && runs.get(laneKey(delivery))) || null)
        enter({ kind: 'taken', delivery, attempted, note, stored, failed: reject })
      }),
  }
}
