/**
 * The workers that empty the outbox.
 *
 * A webhook with something waiting has a channel. A ready channel claims as many due lanes as it has room for, each lane is worked off in
 * order with one request under way, and when nothing more is due the channel sleeps until its next lane is:
 *
 *   (stored) ─▶ ready ─▶ claiming ─▶ asleep ─▶ (lane due, lane finished, something stored) ─▶ ready …
 *
 * A receiver that failed five times in a row gets one request at a time with a pause in between; its first success makes everything that
 * waits for it due at once.
 *
 * A lane is worked on once at a time, whatever its row says: when its lease ran out during a long upload, or it was made due meanwhile,
 * the claim that meets it leaves it to its worker, who gives it back at the end.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Outbound } from '../../outbound/outbound.ts'
import type { BlobInBucket, OpenBlob } from '../blobs.ts'
import { blobToldInBucket, type InstanceDataOf } from '../envelope.ts'
import { type Attempted, attemptDelivery } from './attempt.ts'
import { bodyWithMedia, plainBody } from './body.ts'
import { type Channel, newChannel } from './channel.ts'
import { freeLeases, hurrySome, releaseLane, retireWebhook, webhooksWithLanes } from './lanes.ts'
import { type AfterTaken, createLedger, type Run } from './ledger.ts'
import { type Delivery, nextDue } from './outbox.ts'
import type { Target } from './repository.ts'
import { createRequests } from './requests.ts'
import { createSettlement, type Settled, type SettlementCollaborators, type Untried } from './settlement.ts'

export interface DeliveryWorkers {
  /** Something was stored for these webhooks (instance by webhook). */
  wake(webhooks: ReadonlyMap<string, string>): void
  /** What waits for these webhooks was changed by hand: nothing that was read before is sent any more, but what is on its way. */
  changed(webhookIds: readonly string[]): void
  /** The instance is gone with all that waited for its webhooks. */
  forget(instanceId: string): void
  /** Webhooks that something is being sent to, and that something waits for. */
  count(): { sending: number; waiting: number }
  /** Takes up what an earlier run left. */
  start(): Promise<void>
  /** Lets requests under way finish for a moment, then abandons them; what was abandoned is tried again by the next run. */
  stop(graceMs: number): Promise<void>
}

export interface DeliveryCollaborators extends SettlementCollaborators {
  outbound: Outbound
  instanceDataOf: InstanceDataOf
  openBlob: OpenBlob
  blobInBucket: BlobInBucket
  /** For tests that turn the clock by hand. */
  alarm?: SetAlarm
  /** Requests under way in all. A webhook's first one never waits for the others. */
  concurrency: number
}

/** Runs something after so many milliseconds; gives what cancels it. */
export type SetAlarm = (ms: number, run: () => void) => () => void

/** Lanes that may be claimed for each request under way: while one is being noted, another has its request. */
const LANES_PER_REQUEST = 2
/** Deliveries of one lane after which other lanes of the same webhook get their turn. */
const IN_A_ROW = 24
/** Pause after the store failed us, and while an instance is being deleted. */
const STORE_PAUSE_MS = 1_000
/** Lanes made due in one transaction. */
const HURRIED_AT_ONCE = 500
/** Attempts after which an event whose media cannot be read goes without it. */
const MEDIA_TRIES = 3
// setTimeout cannot wait longer; the channel looks again then.
const LONGEST_TIMER_MS = 2 ** 31 - 1

export const createDeliveryWorkers = (collaborators: DeliveryCollaborators): DeliveryWorkers => {
  const { db, clock, targets, instanceDataOf, openBlob, blobInBucket, logger, concurrency, rules, alarm = unrefedTimer } = collaborators
  const ledger = createLedger({ db, clock, repository: collaborators.repository, leaseMs: rules.leaseMs })
  const settle = createSettlement({ ...collaborators, ledger })
  const channels = new Map<string, Channel>()
  /** In the order they became ready. */
  const ready = new Set<Channel>()
  const running = new Set<Promise<void>>()
  const abandon = new AbortController()
  const requests = createRequests(concurrency)
  const mostLanes = concurrency * LANES_PER_REQUEST
  /** Lanes being worked on, of all webhooks. */
  let lanes = 0
  // What is stored before the start is found by it, after it has freed the leases of an earlier run and no others.
  let started = false
  let stopping = false

  const track = (work: Promise<void>): void => {
    running.add(work)
    void work.finally(() => running.delete(work))
  }

  const makeReady = (channel: Channel): void => {
    if (channel.state === 'claiming') {
      channel.again = true
      return
    }
    channel.cancelAlarm?.()
    channel.cancelAlarm = null
    channel.state = 'ready'
    ready.add(channel)
  }

  const sleepUntil = (channel: Channel, due: number): void => {
    channel.cancelAlarm?.()
    channel.state = 'asleep'
    channel.wakesAt = due
    channel.cancelAlarm = alarm(Math.min(Math.max(due - clock.now(), 0), LONGEST_TIMER_MS), () => {
      makeReady(channel)
      pump()
    })
  }

  const pump = (): void => {
    if (stopping) return
    for (const channel of ready) {
      ready.delete(channel)
      channel.state = 'claiming'
      channel.again = false
      track(claim(channel))
    }
  }

  const targetOf = async (channel: Channel): Promise<Target | null> =>
    channel.forgotten ? null : ((await targets.of(db.read, channel.instanceId)).find((target) => target.id === channel.webhookId) ?? null)

  const roomOf = (channel: Channel, target: Target): number => {
    const own = (target.failures >= rules.probeAfter ? 1 : rules.perWebhook) - channel.busy.size
    return channel.busy.size === 0 ? Math.min(own, Math.max(mostLanes - lanes, 1)) : Math.min(own, mostLanes - lanes)
  }

  const claim = async (channel: Channel): Promise<void> => {
    try {
      await claimDue(channel)
    } catch (error) {
      logger.error({ err: error, webhook: channel.webhookId }, 'Webhook deliveries cannot be read; trying again')
      sleepUntil(channel, clock.now() + STORE_PAUSE_MS)
    }
    pump()
  }

  /** Takes what is due and there is room for; afterwards the channel is ready again, asleep, or no longer needed. */
  const claimDue = async (channel: Channel): Promise<void> => {
    const target = await targetOf(channel)
    const now = clock.now()
    if (channel.forgotten) return void channels.delete(channel.webhookId)
    if (target === null) await retireWebhook(db, channel.webhookId)
    else if (now < channel.notBefore) return sleepUntil(channel, channel.notBefore)
    else {
      const room = roomOf(channel, target)
      channel.more = room <= 0
      if (room <= 0) {
        // Whoever finishes next makes the channel ready.
        channel.state = 'asleep'
        return
      }
      const runs = await ledger.claim(channel.webhookId, room)
      for (const run of runs) {
        const { lane } = run[0]
        if (channel.busy.has(lane)) channel.claimedTwice.add(lane)
        else track(workLane(channel, run))
      }
      channel.more = runs.length === room
    }
    const due = channel.more ? null : await nextDue(db.read, channel.webhookId)
    channel.state = 'asleep'
    // What was due when it was asked for went with the instance.
    if (channel.forgotten) dropIfIdle(channel)
    else if (channel.again) makeReady(channel)
    else if (due !== null) sleepUntil(channel, due)
    else dropIfIdle(channel)
  }

  const dropIfIdle = (channel: Channel): void => {
    if (channel.state !== 'asleep' || channel.busy.size > 0 || channel.cancelAlarm !== null) return
    // Of one that is gone there is not more, whatever its last claim left.
    if (!channel.more || channel.forgotten) channels.delete(channel.webhookId)
  }

  /** One lane, in order, until it is empty, a delivery fails, or others should have their turn. */
  const workLane = async (channel: Channel, run: Run): Promise<void> => {
    const [first] = run
    channel.busy.add(first.lane)
    lanes++
    let due: number | null = null
    try {
      due = await emptyLane(channel, run)
      // Again when it was claimed while it was given back.
      while (channel.claimedTwice.delete(first.lane)) due = await giveBack(first)
    } catch (error) {
      // The end of the lease brings the lane back.
      due = clock.now() + rules.leaseMs
      logger.error({ err: error, webhook: channel.webhookId }, 'A webhook delivery was interrupted')
    }
    channel.claimedTwice.delete(first.lane)
    channel.busy.delete(first.lane)
    lanes--
    laneFinished(channel, due)
  }

  /** Gives when the lane is due again, null when it is empty. */
  const emptyLane = async (channel: Channel, first: Run): Promise<number | null> => {
    let run = first
    for (let sent = run.length; ; sent += run.length) {
      const settled = await workRun(channel, run, sent >= IN_A_ROW ? 'release' : 'next run')
      if (settled.next === null) return settled.due
      run = settled.next
      if (stopping) return giveBack(run[0])
    }
  }

  /**
   * Sends one after the other, while those before are being noted. Ends with the last one, the first that was not taken, or when what
   * waits was changed by hand; gives what became of that. `atEnd`: when all were taken.
   */
  const workRun = async (channel: Channel, run: Run, atEnd: AfterTaken): Promise<Pick<Settled, 'next' | 'due'>> => {
    const { changes } = channel
    const notes: Promise<Settled>[] = []
    for (const [n, delivery] of run.entries()) {
      const result = await requests.run(channel.webhookId, () => attempt(channel, delivery))
      const following = run[n + 1]
      if (following === undefined || !isPlainlyTaken(result)) {
        await Promise.all(notes)
        const settled = await settleUntilStored(channel, delivery, result, following === undefined ? atEnd : 'go on')
        if (following === undefined || !isTaken(result)) return settled
      } else {
        const note = settleUntilStored(channel, delivery, result, 'go on')
        notes.push(note)
        // Looked at when all are awaited; until then nobody would have taken care of it.
        note.catch(() => {})
      }
      if (!stopping && channel.changes === changes) continue
      await Promise.all(notes)
      return { next: null, due: await giveBack(following) }
    }
    return { next: null, due: null }
  }

  const giveBack = async (delivery: Delivery): Promise<number> => {
    const now = clock.now()
    await db.write((tx) => releaseLane(tx, delivery, now))
    return now
  }

  const hurry = async (channel: Channel): Promise<void> => {
    try {
      let more = true
      while (more && !stopping) {
        more = await db.write((tx) => hurrySome(tx, channel.webhookId, clock.now(), HURRIED_AT_ONCE))
        wake(new Map([[channel.webhookId, channel.instanceId]]))
      }
    } catch (error) {
      // Nothing is lost: what was not made due keeps its time.
      logger.warn({ err: error, webhook: channel.webhookId }, 'Deliveries to a webhook that is back could not all be made due')
    }
  }

  const laneFinished = (channel: Channel, due: number | null): void => {
    if (stopping) return
    if (channel.forgotten) return void channels.delete(channel.webhookId)
    if (channel.more || (due !== null && due <= clock.now())) makeReady(channel)
    else if (due !== null && channel.state === 'claiming') channel.again = true
    else if (due !== null && channel.state === 'asleep' && (channel.cancelAlarm === null || due < channel.wakesAt)) sleepUntil(channel, due)
    else dropIfIdle(channel)
    pump()
  }

  const attempt = async (channel: Channel, delivery: Delivery): Promise<Attempted | Untried> => {
    const target = await targetOf(channel)
    if (target === null) return { until: clock.now() }
    const instanceData = await instanceDataOf(channel.instanceId)
    // Its deletion is under way and takes these deliveries along.
    if (instanceData === null) return { until: clock.now() + STORE_PAUSE_MS }
    const event = { ...delivery, id: delivery.eventId }
    const attempted = await attemptDelivery(collaborators, {
      target,
      event: delivery.name,
      eventId: delivery.eventId,
      body: async () => {
        const inBucket = blobToldInBucket(event.data)
        if (inBucket !== null) await blobInBucket(event.instanceId, inBucket)
        return target.mediaBase64 ? bodyWithMedia(event, instanceData, openBlob) : plainBody(event, instanceData)
      },
      otherwise: delivery.attempts + 1 < MEDIA_TRIES ? null : plainBody(event, instanceData),
      signal: abandon.signal,
    })
    return abandon.signal.aborted && attempted.outcome.kind === 'failed' ? { until: clock.now() } : attempted
  }

  /** A receiver that took an event must not get it again because our store was busy: the note is repeated until it holds. */
  const settleUntilStored = async (
    channel: Channel,
    delivery: Delivery,
    result: Attempted | Untried,
    after: AfterTaken,
  ): Promise<Settled> => {
    for (;;) {
      try {
        const settled = await settle(delivery, result, await targetOf(channel), after)
        channel.notBefore = settled.notBefore ?? channel.notBefore
        if (settled.recovered) track(hurry(channel))
        return settled
      } catch (error) {
        if (stopping) throw error
        logger.error(
          { err: error, webhook: channel.webhookId, event: delivery.eventId },
          'What became of a webhook delivery cannot be stored; trying again',
        )
        await sleep(STORE_PAUSE_MS)
      }
    }
  }

  const wake = (webhooks: ReadonlyMap<string, string>): void => {
    if (!started || stopping) return
    for (const [webhookId, instanceId] of webhooks) {
      let channel = channels.get(webhookId)
      if (channel === undefined) {
        channel = newChannel(webhookId, instanceId)
        channels.set(webhookId, channel)
      }
      makeReady(channel)
    }
    pump()
  }

  return {
    wake,
    changed(webhookIds) {
      for (const webhookId of webhookIds) {
        const channel = channels.get(webhookId)
        if (channel !== undefined) channel.changes++
      }
    },
    forget(instanceId) {
      for (const channel of channels.values()) {
        if (channel.instanceId !== instanceId) continue
        channel.forgotten = true
        channel.changes++
        channel.cancelAlarm?.()
        channel.cancelAlarm = null
        // One that is at work finds nothing more and goes by itself.
        dropIfIdle(channel)
      }
    },
    count() {
      let sending = 0
      for (const { busy } of channels.values()) if (busy.size > 0) sending++
      return { sending, waiting: channels.size - sending }
    },
    async start() {
      await db.write((tx) => freeLeases(tx, clock.now()))
      started = true
      const waiting = await webhooksWithLanes(db.read)
      wake(new Map(waiting.map(({ webhookId, instanceId }) => [webhookId, instanceId])))
    },
    async stop(graceMs) {
      stopping = true
      for (const channel of channels.values()) channel.cancelAlarm?.()
      const grace = setTimeout(() => abandon.abort(), graceMs)
      while (running.size > 0) await Promise.all(running)
      clearTimeout(grace)
    },
  }
}

const isTaken = (result: Attempted | Untried): boolean => !('until' in result) && result.outcome.kind === 'taken'

/** Taken, and by a receiver of which no failure is counted that would be over now. */
const isPlainlyTaken = (result: Attempted | Untried): boolean =>
  !('until' in result) && result.outcome.kind === 'taken' && result.target.failures === 0

const unrefedTimer: SetAlarm = (ms, run) => {
  const timer = setTimeout(run, ms).unref()
  return () => clearTimeout(timer)
}
