/**
 * Whatever WhatsApp tells goes through here into storage: message, event, deliveries and the end of its inbox row in one transaction.
 *
 * Each instance has a queue. While one transaction commits, what arrives meanwhile gathers and becomes the next one, so that a burst costs
 * few commits and order is kept. Nothing in the queue can be lost by a crash: a message still has its inbox row, which the next
 * start takes up (`leftovers.ts`).
 */
import type { Channel } from 'node:diagnostics_channel'
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { applyChanges, markReadByMessages } from '../chats/changes.ts'
import { renameNoted } from '../chats/chat-table.ts'
import type { EventLog, NewEvent } from '../events/event.ts'
import type { InstanceSettings } from '../instances/settings-values.ts'
import type { Media, NewMedia } from '../media/media.ts'
import { createBoundedMap, dropPrefix } from '../runtime/bounded-map.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Logger } from '../runtime/logging.ts'
import { milestones } from '../runtime/milestones.ts'
import type { Database, Writer } from '../storage/database.ts'
import { isStoreFailure } from '../storage/errors.ts'
import type { Address, EngineEvent } from '../whatsapp/engine.ts'
import { claimInbox, settleInbox } from '../whatsapp/inbox-table.ts'
import { isGroupJid } from '../whatsapp/jid.ts'
import { findQuestions } from './answers.ts'
import { canonical } from './context.ts'
import type { Person } from './exchange.ts'
import { isNews, preferContent } from './late-content.ts'
import { applyChange, insertMessages, keyText, raiseStatus, renameChat, type StatusRaise } from './message-repository.ts'
import { noteStored, strayChats } from './noting.ts'
import type { NameChange, People } from './people.ts'
import { addressesIn, nothing, type Plan, type PlanContext, planOf } from './plan.ts'
import { renameVotes, storeVote } from './poll-votes.ts'
import { createHistoryRecording, type JoinChats, type JoinedChat } from './record-history.ts'

export interface Recorder {
  /** Returns at once while the queue is short; else, and for history and changes of chats, a promise that holds the session back until then. */
  take(instanceId: string, event: EngineEvent): Promise<void> | undefined
  /** The same for one that nobody hands in a second time: tells what became of it. Never rejects. */
  record(instanceId: string, event: EngineEvent): Promise<Recorded>
  /** An event of our own making, in line with what arrives. Resolves when it is durable. */
  announce(event: NewEvent): Promise<void>
  /** Drops what an instance that is gone still had waiting. */
  forget(instanceId: string): void
  /** Resolves when everything taken so far is stored. */
  drain(): Promise<void>
  stop(): Promise<void>
}

/** `refused`: the store works, and would not take it. `interrupted`: the gateway stops, or the instance is gone. */
export type Recorded = 'recorded' | 'refused' | 'interrupted'

export interface InstanceFacts {
  self(instanceId: string): Address
  settingsOf(instanceId: string): InstanceSettings
}

interface Collaborators {
  db: Database
  events: EventLog
  people: People
  instances: InstanceFacts
  clock: Clock
  logger: Logger
  media: MediaStore
  /** A message came from a group whose name nobody has told. */
  namelessGroup(instanceId: string, group: string): void
  /** In the transaction that brings a chat's messages under its number together: what else is kept under its LID. */
  chatJoined(tx: Writer, instanceId: string, chat: { lid: string; jid: string }): Promise<void>
}

/** What recording needs of media/. */
export type MediaStore = Pick<Media, 'newId' | 's3Urls' | 'note' | 'wake'>

type Work = { kind: 'engine'; event: EngineEvent } | { kind: 'own'; event: NewEvent }

interface Job {
  work: Work
  done(): void
  failed(error: unknown): void
}

interface Queue {
  instanceId: string
  waiting: Job[]
  /** Resolves when nothing waits any more. */
  running: Promise<void>
  forgotten: boolean
}

/** Events in one transaction. */
const BATCH = 100
/** From here on the session is held back. */
const HIGH_WATER = 300
const STORE_PAUSE_MS = 1_000
/** Chats whose LID and number are known to have been brought together, over all instances. */
const REMEMBERED_CHATS = 50_000

export const createRecorder = ({
  db,
  events,
  people,
  instances,
  clock,
  logger,
  media,
  namelessGroup,
  chatJoined,
}: Collaborators): Recorder => {
  const queues = new Map<string, Queue>()
  const joined = createBoundedMap<string, true>(REMEMBERED_CHATS)
  const recordHistory = createHistoryRecording({ db, people, joinChats: (tx, instanceId, chats) => joinChats(tx, instanceId, chats) })
  let stopping = false

  const enqueue = (instanceId: string, work: Work): Promise<void> => {
    const queue = queues.get(instanceId) ?? { instanceId, waiting: [], running: Promise.resolve(), forgotten: false }
    const stored = new Promise<void>((resolve, reject) => {
      queue.waiting.push({ work, done: resolve, failed: reject })
    })
    if (!queues.has(instanceId)) {
      queues.set(instanceId, queue)
      queue.running = run(queue)
    }
    return stored
  }

  const run = async (queue: Queue): Promise<void> => {
    // One turn of the event loop, so that what arrives together is stored together.
    await nextTurn()
    while (queue.waiting.length > 0) await recordAll(queue, queue.waiting.splice(0, batchOf(queue.waiting)))
    queues.delete(queue.instanceId)
  }

  /** Never throws. A job that cannot be stored takes nothing of the others with it. */
  const recordAll = async (queue: Queue, jobs: readonly Job[]): Promise<void> => {
    if (queue.forgotten) {
      for (const job of jobs) job.failed(new Interrupted('the instance is gone'))
      return
    }
    try {
      await record(
        queue.instanceId,
        jobs.map((job) => job.work),
      )
      for (const job of jobs) job.done()
    } catch (error) {
      if (isStoreFailure(error) || !(await storeWorks())) {
        logger.error({ err: error, instance: queue.instanceId }, 'Messages cannot be stored; trying again')
        if (!stopping) await sleep(STORE_PAUSE_MS)
        if (stopping) for (const job of jobs) job.failed(new Interrupted('the gateway stops', { cause: error }))
        else queue.waiting.unshift(...jobs)
      } else if (jobs.length > 1) {
        for (const job of jobs) await recordAll(queue, [job])
      } else {
        // Not the store's fault. Its inbox row stays, and `leftovers.ts` decides what becomes of it.
        const type = jobs[0]?.work.kind === 'engine' ? jobs[0].work.event.type : 'own'
        if (!queue.forgotten) logger.error({ err: error, instance: queue.instanceId, type }, 'An event could not be recorded')
        jobs[0]?.failed(error)
      }
    }
  }

  const storeWorks = async (): Promise<boolean> => {
    try {
      await db.check()
      return true
    } catch {
      return false
    }
  }

  const record = async (instanceId: string, works: readonly Work[]): Promise<void> => {
    const engineEvents = works.flatMap((work) => (work.kind === 'engine' ? [work.event] : []))
    const self = instances.self(instanceId)
    const questions = await findQuestions(db.read, instanceId, engineEvents)
    const introduce = await people.meet(instanceId, [self, ...engineEvents.flatMap(addressesIn), ...questions.addresses])
    const settings = instances.settingsOf(instanceId)
    const naming = { newId: media.newId, s3Url: await media.s3Urls(instanceId) }
    const told = createNames(introduce)
    const context: PlanContext = { instanceId, settings, self, introduce: told.introduce, questions, media: naming, now: clock.now() }

    const stray = await strayChats(db.read, instanceId, engineEvents, context.introduce)
    if (stray.length > 0) await db.write((tx) => joinChats(tx, instanceId, stray))

    const plans: Plan[] = []
    for (const work of works) {
      if (work.kind === 'own') plans.push({ ...nothing, event: work.event })
      else if (work.event.type === 'history') {
        const chats = chatsToJoin([work.event], context)
        await recordHistory(work.event, context, chats)
        remember(chats, context)
      } else if (work.event.type === 'chat') await recordChanges(work.event, context)
      else {
        const plan = planOf(work.event, context)
        if (plan === null) continue
        plans.push(plan)
        told.learn(plan.names)
        const chat = plan.message?.chat
        if (chat !== undefined && isGroupJid(chat) && told.introduce({ jid: chat, lid: null }).name === null)
          namelessGroup(instanceId, chat)
      }
    }
    if (plans.length > 0) await carryOut(plans, context, chatsToJoin(engineEvents, context))
  }

  const recordChanges = async (
    { changes, stored }: EngineEvent & { type: 'chat' },
    { instanceId, introduce }: PlanContext,
  ): Promise<void> => {
    await applyChanges(db, instanceId, changes, (address) => canonical(introduce(address)))
    stored()
  }

  const carryOut = async (planned: readonly Plan[], { instanceId, settings }: PlanContext, chats: readonly JoinedChat[]): Promise<void> => {
    const plans = preferContent(planned)
    passed(milestones.recording, plans)
    const names = people.news(
      instanceId,
      plans.flatMap((plan) => plan.names),
    )
    const rows = new Map(plans.flatMap(({ message }) => (message === null ? [] : [[keyText(message), message] as const])))
    await events.write(async (tx, record) => {
      await joinChats(tx, instanceId, chats)
      const fresh = await insertMessages(tx, [...rows.values()])
      await noteStored(tx, instanceId, rows.values(), fresh, settings.autoReadMessages ? 'read' : 'live')
      const happened: NewEvent[] = []
      const fetched: NewMedia[] = []
      for (const { message, change, vote, event, media: carried, news, inbox } of plans) {
        if (news.length > 0 && inbox !== null && (await claimInbox(tx, instanceId, inbox))) happened.push(...news)
        // Each key counts once, also within the batch.
        if (message !== null && !fresh.delete(keyText(message)) && !(await isNews(tx, message))) continue
        if (change !== null && !(await applyChange(tx, instanceId, change))) continue
        if (vote !== null) await storeVote(tx, instanceId, vote)
        if (carried !== null) fetched.push(carried)
        if (event !== null) happened.push(event)
      }
      await media.note(tx, fetched)
      for (const raise of merged(plans)) await raiseStatus(tx, instanceId, raise)
      for (const { read } of plans) if (read !== null) await markReadByMessages(tx, instanceId, read.chat, read.ids)
      await people.store(tx, instanceId, names)
      await settleInbox(
        tx,
        instanceId,
        plans.flatMap(({ inbox }) => inbox ?? []),
      )
      await record(...happened)
    })
    passed(milestones.recorded, plans)
    if (plans.some((plan) => plan.media !== null)) media.wake()
    people.remember(instanceId, names)
    remember(chats, { instanceId })
  }

  const joinChats: JoinChats = async (tx, instanceId, chats) => {
    for (const { lid, jid } of chats) {
      await renameChat(tx, instanceId, lid, jid)
      await renameVotes(tx, instanceId, lid, jid)
      await renameNoted(tx, instanceId, lid, jid)
      await chatJoined(tx, instanceId, { lid, jid })
    }
  }

  const remember = (chats: readonly JoinedChat[], { instanceId }: Pick<PlanContext, 'instanceId'>): void => {
    for (const { jid } of chats) joined.set(`${instanceId} ${jid}`, true)
  }

  /** Private chats seen under both names for the first time since the start: they may have messages under the LID. */
  const chatsToJoin = (engineEvents: readonly EngineEvent[], { instanceId, introduce }: PlanContext): JoinedChat[] => {
    const chats = new Map<string, string>()
    for (const event of engineEvents) {
      const messages = event.type === 'message' ? [event.message] : event.type === 'history' ? event.messages : []
      for (const { chat } of messages) {
        const { jid, lid } = introduce(chat)
        if (jid !== null && lid !== null && joined.get(`${instanceId} ${jid}`) === undefined) chats.set(jid, lid)
      }
    }
    return [...chats].map(([jid, lid]) => ({ jid, lid }))
  }

  return {
    take(instanceId, event) {
      if (stopping) return undefined
      const stored = enqueue(instanceId, { kind: 'engine', event }).catch(() => undefined)
      // Of the past there is more on the phone than is good to have here at once. Whoever did something with a chat waits for it.
      const isWaitedFor = event.type === 'history' || event.type === 'chat' || (queues.get(instanceId)?.waiting.length ?? 0) > HIGH_WATER
      return isWaitedFor ? stored : undefined
    },
    async record(instanceId, event) {
      if (stopping) return 'interrupted'
      try {
        await enqueue(instanceId, { kind: 'engine', event })
        return 'recorded'
      } catch (error) {
        return error instanceof Interrupted ? 'interrupted' : 'refused'
      }
    },
    announce: (event) => enqueue(event.instanceId, { kind: 'own', event }),
    forget(instanceId) {
      const queue = queues.get(instanceId)
      if (queue !== undefined) queue.forgotten = true
      dropPrefix(joined, `${instanceId} `)
    },
    async drain() {
      while (queues.size > 0) await Promise.all([...queues.values()].map((queue) => queue.running))
    },
    async stop() {
      stopping = true
      while (queues.size > 0) await Promise.all([...queues.values()].map((queue) => queue.running))
    },
  }
}

/** How many of those waiting are recorded together. What was done with a chat is about what came before it, and comes alone. */
const batchOf = (waiting: readonly Job[]): number => {
  const first = waiting.findIndex(({ work }) => work.kind === 'engine' && work.event.type === 'chat')
  return first === 0 ? 1 : Math.min(BATCH, first < 0 ? waiting.length : first)
}

class Interrupted extends Error {}

/** Names that were learned earlier in a batch count for the rest of it, before they are stored. */
const createNames = (introduce: PlanContext['introduce']) => {
  const learned = new Map<string, Pick<Person, 'name' | 'isCommunity'>>()
  return {
    introduce: (address: Address): Person => {
      const person = introduce(address)
      return { ...person, ...learned.get(canonical(person)) }
    },
    learn: (changes: readonly NameChange[]): void => {
      for (const { address, savedName: name, isAnnouncementGroup } of changes) {
        const jid = canonical(address)
        if (name === '') learned.delete(jid)
        else if (name !== null) learned.set(jid, { ...learned.get(jid), name, ...(isAnnouncementGroup ? { isCommunity: true } : {}) })
      }
    },
  }
}

const passed = (milestone: Channel, plans: readonly Plan[]): void => {
  if (!milestone.hasSubscribers) return
  const ids = plans.flatMap(({ message }) => message?.message_id ?? [])
  if (ids.length > 0) milestone.publish({ ids })
}

/** Raises to the same status in one statement; their order does not matter, since a status never falls. */
const merged = (plans: readonly Plan[]): StatusRaise[] => {
  const raises = new Map<string, StatusRaise & { ids: string[] }>()
  for (const { status: raise } of plans) {
    if (raise === null) continue
    const key = `${raise.status} ${raise.fromMe}`
    const same = raises.get(key)
    if (same === undefined) raises.set(key, { ...raise, ids: [...raise.ids] })
    else same.ids.push(...raise.ids)
  }
  return [...raises.values()]
}
