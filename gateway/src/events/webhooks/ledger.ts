/**
 * The two writes every delivery takes, the claim of its lane and the note that it was taken, gathered: while one transaction commits, what
 * comes in meanwhile becomes the next. So many deliveries share a commit and a handful of statements, nobody waits when there is little to
 * do, and on PostgreSQL the workers' transactions cannot collide with each other.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Clock } from '../../runtime/clock.ts'
import type { Database, Writer } from '../../storage/database.ts'
import type { Attempted } from './attempt.ts'
import { type Claim, claimLanes, type Delivery, dropLanes, headsOf, type Lane, laneKey, prolongLanes, removeTaken } from './outbox.ts'
import type { WebhookRepository } from './repository.ts'

export interface Ledger {
  /** Takes up to `limit` due lanes of a webhook until a lease ends; gives the first delivery of each. */
  claim(webhookId: string, limit: number): Promise<Delivery[]>
  /**
   * The receiver took it; `failuresOver`: and it had failed before. Gives what stands in the lane next, for who holds the lane; null when it
   * is empty, and gone.
   */
  taken(delivery: Delivery, attempted: Attempted, failuresOver: boolean): Promise<Delivery | null>
}

interface Collaborators {
  db: Database
  clock: Clock
  repository: WebhookRepository
  leaseMs: number
}

interface Outcome {
  /** By webhook. */
  claimed: ReadonlyMap<string, Delivery[]>
  /** By lane. */
  heads: ReadonlyMap<string, Delivery>
}

type Entry = ({ kind: 'claim'; claim: Claim } | { kind: 'taken'; delivery: Delivery; attempted: Attempted; failuresOver: boolean }) & {
  stored(outcome: Outcome): void
  failed(error: unknown): void
}

/** Entries in one transaction. */
const BATCH = 128

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
    for (const webhookId of new Set(taken.flatMap(({ failuresOver, delivery }) => (failuresOver ? delivery.webhookId : []))))
      await repository.setFailures(tx, webhookId, 0)
    await removeTaken(tx, taken)
    const claims = batch.flatMap((entry) => (entry.kind === 'claim' ? entry.claim : []))
    const claimed = await claimLanes(tx, { now, leaseEnd }, claims)

    const leases = new Map<string, Lane & { leaseEnd: number }>()
    for (const { delivery } of taken) leases.set(laneKey(delivery), delivery)
    for (const lane of claimed) leases.set(laneKey(lane), { ...lane, leaseEnd })
    const heads = new Map<string, Delivery>()
    for (const head of await headsOf(tx, [...leases.values()])) heads.set(laneKey(head), { ...head, leaseEnd })
    // Nothing waits in them: all was taken, or its events were purged. Nobody would ever take them off the index.
    const empty = [...leases.values()].filter((lane) => !heads.has(laneKey(lane)))
    await dropLanes(tx, {}, empty)
    const worn: Lane[] = []
    for (const [key, head] of heads) {
      const lease = leases.get(key)?.leaseEnd ?? 0
      if (lease - now < leaseMs / 2) worn.push(head)
      else head.leaseEnd = lease
    }
    await prolongLanes(tx, { leaseEnd }, worn)
    const claimedHeads = claimed.flatMap((lane) => heads.get(laneKey(lane)) ?? []).sort(byAge)
    return { claimed: Map.groupBy(claimedHeads, ({ webhookId }) => webhookId), heads }
  }

  return {
    claim: (webhookId, limit) =>
      new Promise((resolve, reject) => {
        const stored = ({ claimed }: Outcome) => resolve(claimed.get(webhookId) ?? [])
        enter({ kind: 'claim', claim: { webhookId, limit }, stored, failed: reject })
      }),
    taken: (delivery, attempted, failuresOver) =>
      new Promise((resolve, reject) => {
        const stored = ({ heads }: Outcome) => resolve(heads.get(laneKey(delivery)) ?? null)
        enter({ kind: 'taken', delivery, attempted, failuresOver, stored, failed: reject })
      }),
  }
}

const byAge = (a: Delivery, b: Delivery): number => (a.eventId < b.eventId ? -1 : 1)
