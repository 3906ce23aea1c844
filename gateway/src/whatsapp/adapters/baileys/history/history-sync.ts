/**
 * History sync, a chunk after the other. A notification is noted in the inbox in the commit that decrypts it, and its row is settled by the transaction
 * that stores the last of its chunk: what a crash or a lost connection leaves behind is taken up by the next session. A chunk is loaded into a
 * file and read twice, first for the identities, so that nothing is stored under a LID whose number stands further down. Reading waits for what was
 * read to be stored.
 */
import { proto, type SignalKeyStore } from 'baileys'
import { backoffDelay } from '../../../../runtime/backoff.ts'
import { type Address, EngineError, type EngineEvent, type InboxRow, type SessionOptions, type StoreBatch } from '../../../engine.ts'
import { addressFrom, isSame } from '../addresses.ts'
import type { Routes } from '../proxy.ts'
import { type Chunk, openChunk } from './chunk.ts'
import { type HistoryKind, itemsOf } from './items.ts'
import { type Extent, extentOf, type Notification, notificationIn, RECENT_DAYS } from './notification.ts'
import { type Pair, type Part, pairOfChat, pairOfMapping, partsOf } from './parts.ts'
import type { Slots } from './slots.ts'
import { hasToken, storeTokens } from './tokens.ts'

/** What is needed of the connection. */
export interface HistoryConnection {
  readonly options: Pick<SessionOptions, 'store' | 'logger' | 'historyDays'>
  readonly self: Address
  readonly routes: Routes
  /** Of an open connection. */
  readonly keys: SignalKeyStore
  commit(batch: StoreBatch): void
  learn(pairs: readonly Pair[]): Promise<void>
  completed(address: Address): Promise<Address>
  report(event: EngineEvent): void
  /** Resolves when everything reported so far has been taken. */
  reported(): Promise<void>
}

export interface HistoryEnvironment {
  mediaHost: string | null
  historyFolder: string
  historySlots: Slots
}

const DAY_MS = 24 * 3_600_000
/** Identities learned, and tokens kept, at once. */
const AT_ONCE = 500
const RETRY = { firstMs: 5_000, maxMs: 10 * 60_000 }

export class HistorySync {
  readonly #connection: HistoryConnection
  readonly #environment: HistoryEnvironment
  readonly #ended = new AbortController()
  #days: number | null
  #written: number | null = null
  #open = false
  #running: Promise<void> | null = null
  #again = false
  #failures = 0
  #timer: NodeJS.Timeout | null = null

  constructor(connection: HistoryConnection, environment: HistoryEnvironment) {
    this.#connection = connection
    this.#environment = environment
    this.#days = connection.options.historyDays
  }

  /** More than phones hand over by themselves is wanted. */
  get wantsFull(): boolean {
    return this.#days !== null && this.#days > RECENT_DAYS
  }

  /** What was wanted when the device was linked counts as long as it is: chunks come for hours, also after a restart. */
  async load(linked: boolean): Promise<void> {
    const stored = (await this.#connection.options.store.load(KIND, [DAYS])).get(DAYS)
    this.#written = stored === undefined ? null : Number(Buffer.from(stored).toString()) || null
    if (linked) this.want(this.#written)
  }

  /** So many days, or more if more were wanted before. */
  want(days: number | null): void {
    if (days !== null) this.#days = Math.max(days, this.#days ?? 0)
    if (this.#open) this.#writeDown()
  }

  opened(): void {
    this.#open = true
    this.#writeDown()
    this.wake()
  }

  /** There may be rows to be taken up. */
  wake(): void {
    if (!this.#open || this.#ended.signal.aborted) return
    this.#again = true
    this.#running ??= this.#run()
  }

  /** Resolves when nothing is read any more. */
  async end(): Promise<void> {
    this.#ended.abort(new EngineError('not-connected', 'the session has ended'))
    if (this.#timer !== null) clearTimeout(this.#timer)
    await this.#running
  }

  #writeDown(): void {
    const days = this.#days
    if (days === this.#written) return
    this.#written = days
    const record = { kind: KIND, id: DAYS }
    this.#connection.commit(
      days === null ? { put: [], remove: [record] } : { put: [{ ...record, value: Buffer.from(String(days)) }], remove: [] },
    )
  }

  async #run(): Promise<void> {
    try {
      while (this.#again && !this.#ended.signal.aborted) {
        this.#again = false
        await this.#takeAll()
      }
    } catch (error) {
      this.#connection.options.logger.error({ error: String(error) }, 'history could not be looked for in the inbox')
    } finally {
      this.#running = null
    }
  }

  /** Rows that fail are left where they are; later ones do not wait for them. */
  async #takeAll(): Promise<void> {
    const { signal } = this.#ended
    let failed = false
    let row = await this.#connection.options.store.nextHistory(null)
    while (row !== null && !signal.aborted) {
      failed = !(await this.#take(row)) || failed
      row = await this.#connection.options.store.nextHistory(row)
    }
    if (!failed) this.#failures = 0
    else if (!signal.aborted) {
      this.#timer = setTimeout(() => this.wake(), backoffDelay(this.#failures, RETRY))
      this.#failures += 1
    }
  }

  /** True when the row is dealt with. */
  async #take(row: InboxRow): Promise<boolean> {
    const { logger } = this.#connection.options
    const { signal } = this.#ended
    const notification = notificationIn(row)
    const extent = notification !== null && this.#isOurs(row) ? extentOf(notification, this.#days) : null
    if (notification === null || extent === null) {
      this.#connection.commit({ put: [], remove: [], settleInbox: [row.hash] })
      return true
    }
    const { syncType, chunkOrder, progress } = notification
    const about = { syncType, chunkOrder, progress }
    const begun = performance.now()
    try {
      const messages = await this.#environment.historySlots.run(() => this.#read(row, notification, extent), signal)
      logger.info({ ...about, messages, ms: Math.round(performance.now() - begun) }, 'history has been stored')
      return true
    } catch (error) {
      if (signal.aborted) return false
      const isLost = error instanceof EngineError && ['gone', 'damaged', 'too-large'].includes(error.code)
      logger.warn({ ...about, error: String(error) }, isLost ? 'history cannot be had' : 'history could not be read and is tried again')
      if (isLost) this.#connection.commit({ put: [], remove: [], settleInbox: [row.hash] })
      return isLost
    }
  }

  /** Only the own phone has anything to tell of the past; and rows outlive the link they came with. */
  #isOurs({ attributes }: InboxRow): boolean {
    return isSame(addressFrom(attributes.participant ?? attributes.from), this.#connection.self)
  }

  /** Gives the number of messages. */
  async #read(row: InboxRow, notification: Notification, extent: NonNullable<Extent>): Promise<number> {
    const { signal } = this.#ended
    const { mediaHost, historyFolder: folder } = this.#environment
    const chunk = await openChunk(notification, { routes: this.#connection.routes, mediaHost, folder, signal })
    try {
      await this.#learnFrom(chunk)
      return await this.#store(chunk, row, notification, extent)
    } finally {
      await chunk.discard()
    }
  }

  async #learnFrom(chunk: Chunk): Promise<void> {
    let pairs: Pair[] = []
    let tokens: proto.IConversation[] = []
    const keep = async (): Promise<void> => {
      await this.#connection.learn(pairs)
      await storeTokens(this.#connection.keys, tokens, (address) => this.#connection.completed(address))
      pairs = []
      tokens = []
    }
    for await (const item of itemsOf(chunk.read(), new Set<HistoryKind>(['chat', 'mapping']))) {
      this.#ended.signal.throwIfAborted()
      if (item.kind === 'mapping') pairs.push(...pairOfMapping(item.mapping))
      else if (item.kind === 'chat') {
        pairs.push(...pairOfChat(item.chat))
        if (hasToken(item.chat)) tokens.push(item.chat)
      }
      if (pairs.length + tokens.length >= AT_ONCE) await keep()
    }
    await keep()
  }

  async #store(chunk: Chunk, row: InboxRow, { progress = null, syncType }: Notification, extent: NonNullable<Extent>): Promise<number> {
    const kinds = new Set<HistoryKind>(extent === 'names' ? ['chat', 'push-name'] : ['chat', 'push-name', 'message'])
    const since = extent === 'names' || extent.days === null ? 0 : row.receivedAt - extent.days * DAY_MS
    let count = 0
    let last: Part = { messages: [], chats: [], names: [], pairs: [] }
    for await (const part of partsOf(itemsOf(chunk.read(), kinds), {
      self: this.#connection.self,
      since,
      settings: syncType !== proto.HistorySync.HistorySyncType.ON_DEMAND,
    })) {
      count += part.messages.length
      await this.#report(last, progress, null)
      last = part
    }
    await this.#report(last, progress, row.hash)
    return count
  }

  /** Resolves when it is stored. `inbox` ends the row. */
  async #report({ messages, chats, names, pairs }: Part, progress: number | null, inbox: string | null): Promise<void> {
    this.#ended.signal.throwIfAborted()
    if (inbox === null && messages.length + chats.length + names.length === 0) return
    if (pairs.length > 0) await this.#connection.learn(pairs)
    const completed = this.#memory()
    let stored = false
    this.#connection.report({
      type: 'history',
      messages: await all(messages, async (message) => ({
        ...message,
        chat: await completed(message.chat),
        sender: await completed(message.sender),
      })),
      chats: await all(chats, async (chat) => ({ ...chat, chat: await completed(chat.chat) })),
      names: await all(names, async (name) => ({ ...name, address: await completed(name.address) })),
      progress,
      inbox,
      stored: () => {
        stored = true
      },
    })
    await this.#connection.reported()
    if (!stored) throw new EngineError('rejected', 'a part of the history was not stored')
  }

  /** Completes addresses, each once: a part speaks of few. */
  #memory(): (address: Address) => Address | Promise<Address> {
    const known = new Map<string, Address>()
    return (address) => {
      const key = `${address.jid} ${address.lid}`
      const found = known.get(key)
      if (found !== undefined) return found
      return this.#connection.completed(address).then((complete) => {
        known.set(key, complete)
        return complete
      })
    }
  }
}

/** Where the days that are wanted are written down. */
const KIND = 'history'
const DAYS = 'days'

/** One after the other. */
const all = async <T, U>(items: readonly T[], work: (item: T) => Promise<U>): Promise<U[]> => {
  const done: U[] = []
  for (const item of items) done.push(await work(item))
  return done
}
