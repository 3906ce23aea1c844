/**
 * What an earlier run, a lost connection or a fault left unfinished. Inbox rows that no message came of are recorded; one that cannot be is
 * reported without content and set aside, so that no start stumbles over it twice. A message nobody could read is reported without content once
 * its time is up. A sent message that WhatsApp never answered for counts as failed until a receipt says otherwise.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { EventLog } from '../events/event.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Logger } from '../runtime/logging.ts'
import type { Database } from '../storage/database.ts'
import type { Vault } from '../storage/vault.ts'
import type { EngineEvent, EngineFactory, ReceivedMessage } from '../whatsapp/engine.ts'
import { awaitedInbox, type LeftRow, purgeInbox, setInboxAside, settleInbox, unsettledInbox } from '../whatsapp/inbox-table.ts'
import type { People } from './people.ts'
import type { InstanceFacts, Recorder } from './recorder.ts'
import { settleUnanswered, UNANSWERED_MS } from './unanswered.ts'

export interface Leftovers {
  /** Before any session starts: records what the inbox still holds and settles what was on its way. */
  takeUp(): Promise<void>
  start(): void
  stop(): Promise<void>
}

export interface LeftoversCollaborators {
  db: Database
  vault: Vault
  clock: Clock
  logger: Logger
  engine(): Promise<Pick<EngineFactory, 'readInbox' | 'readGroupNews' | 'withoutContent'>>
  instances: InstanceFacts
  events: EventLog
  people: People
  recorder: Recorder
  /** How long the content of a message nobody could read is waited for. */
  patienceMs: number
}

const CHUNK = 100
const PASS_EVERY_MS = 5 * 60 * 1000
/** What the recorder has not recorded by then, it could not. */
const UNRECORDED_MS = 10 * 60 * 1000
const DAY_MS = 24 * 60 * 60 * 1000
/** How long WhatsApp may deliver the same ciphertext again, and keeps the history a row tells of. */
const RECOGNISED_MS = 14 * DAY_MS
/** How long there is to mend what keeps a row from being recorded; as long as dead letters are meant to be kept. */
const SET_ASIDE_MS = 30 * DAY_MS

export const createLeftovers = (collaborators: LeftoversCollaborators): Leftovers => {
  const { db, vault, clock, logger, engine, instances, recorder, patienceMs } = collaborators
  let timers: NodeJS.Timeout[] = []
  let pass: Promise<unknown> = Promise.resolve()
  let stopped = false

  const takeUpInbox = async (before: number): Promise<void> => {
    let taken = 0
    let setAside = 0
    for (;;) {
      const page = stopped ? [] : await unsettledInbox(db.read, vault, before, CHUNK)
      const outcomes = await Promise.all(page.map(takeUpRow))
      taken += outcomes.filter((outcome) => outcome === 'done').length
      setAside += outcomes.filter((outcome) => outcome === 'set aside').length
      // Each row leaves the list, unless we are being stopped.
      if (page.length === 0 || outcomes.includes('interrupted')) break
    }
    if (taken > 0) logger.info({ messages: taken }, 'Messages that had not been recorded have been taken up')
    if (setAside > 0)
      logger.error(
        { messages: setAside },
        'Messages cannot be recorded: they are reported without content and kept in the inbox for 30 days',
      )
  }

  const takeUpRow = async (row: LeftRow): Promise<'done' | 'set aside' | 'interrupted'> => {
    const read = await contentOf(row)
    if (read === 'nothing') {
      await db.write((tx) => settleInbox(tx, row.instanceId, [row.hash]))
      return 'done'
    }
    if (read !== 'unreadable') {
      const outcome = await recorder.record(row.instanceId, read)
      if (outcome !== 'refused') return outcome === 'recorded' ? 'done' : outcome
    }
    const message = await outsideOf(row)
    const outcome = message === null ? 'refused' : await recorder.record(row.instanceId, { type: 'message', message, inbox: null })
    if (outcome === 'interrupted') return outcome
    await db.write((tx) => setInboxAside(tx, row.instanceId, row.hash))
    logger.error({ instance: row.instanceId, messageId: row.attributes?.id, row: row.hash }, 'An inbox row is set aside')
    return 'set aside'
  }

  const contentOf = async ({
    instanceId,
    hash,
    attributes,
    plaintext,
    receivedAt,
  }: LeftRow): Promise<EngineEvent | 'nothing' | 'unreadable'> => {
    if (attributes === null || plaintext === null) return 'unreadable'
    const { readGroupNews, readInbox } = await engine()
    const row = { hash, attributes, plaintext, receivedAt }
    const self = instances.self(instanceId)
    try {
      const news = readGroupNews(row, self)
      if (news !== null) return { type: 'group', news, inbox: hash }
      const message = readInbox(row, self)
      return message === null ? 'nothing' : { type: 'message', message, inbox: hash }
    } catch {
      return 'unreadable'
    }
  }

  const outsideOf = async ({ instanceId, attributes, receivedAt }: LeftRow): Promise<ReceivedMessage | null> => {
    const { withoutContent } = await engine()
    try {
      return attributes === null ? null : withoutContent({ attributes, receivedAt }, instances.self(instanceId))
    } catch {
      return null
    }
  }

  /** Whose content came meanwhile is in the store, and nobody hears of it again. */
  const giveUpAwaited = async (): Promise<void> => {
    for (;;) {
      const page = stopped ? [] : await awaitedInbox(db.read, vault, clock.now() - patienceMs, CHUNK)
      for (const row of page) {
        const message = await outsideOf(row)
        const outcome = message === null ? 'refused' : await recorder.record(row.instanceId, { type: 'message', message, inbox: row.hash })
        if (outcome === 'interrupted') return
        if (outcome !== 'refused') continue
        logger.error({ instance: row.instanceId, messageId: row.attributes?.id }, 'A message without content cannot be reported')
        await db.write((tx) => settleInbox(tx, row.instanceId, [row.hash]))
      }
      if (page.length < CHUNK) return
    }
  }

  const forgetOldRows = async (): Promise<void> => {
    while (!stopped && (await purgeInbox(db, 'settled', clock.now() - RECOGNISED_MS, CHUNK)) === CHUNK) await sleep(50)
    while (!stopped && (await purgeInbox(db, 'history', clock.now() - RECOGNISED_MS, CHUNK)) === CHUNK) await sleep(50)
    while (!stopped && (await purgeInbox(db, 'setAside', clock.now() - SET_ASIDE_MS, CHUNK)) === CHUNK) await sleep(50)
  }

  const unanswered = (before: number) => settleUnanswered(collaborators, before, () => stopped)

  const every = (ms: number, work: () => Promise<void>): NodeJS.Timeout => {
    const timer = setInterval(() => {
      pass = pass.then(work).catch((error: unknown) => logger.error({ err: error }, 'Unfinished messages could not be settled'))
    }, ms)
    return timer.unref()
  }

  return {
    async takeUp() {
      await unanswered(clock.now())
      await takeUpInbox(Number.MAX_SAFE_INTEGER)
    },
    start() {
      timers = [
        every(PASS_EVERY_MS, async () => {
          await unanswered(clock.now() - UNANSWERED_MS)
          await takeUpInbox(clock.now() - UNRECORDED_MS)
          await forgetOldRows()
        }),
        // The first time only when everybody who can help has had the time to, also after a restart.
        every(patienceMs, giveUpAwaited),
      ]
    },
    async stop() {
      stopped = true
      for (const timer of timers) clearInterval(timer)
      await pass
    },
  }
}
