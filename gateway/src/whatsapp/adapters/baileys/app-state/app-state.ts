/**
 * App state: what all devices of an account share of its settings, chats and labels, in five collections of numbered, sealed changes. This is
 * ours and not the library's: Baileys 7 skips what it cannot verify and counts it as read, applies what does not fit, forgets a missing key
 * when the process ends, and does not look whether WhatsApp took what was written.
 *
 *   · Nothing counts as read before it was told and taken, so a crash repeats news and loses none.
 *   · What cannot be verified is not applied. The collection is read from the beginning, once; if that cannot be verified either, it is left
 *     alone for a while, and the log says so once.
 *   · What needs a key we do not have waits for it, and the phone is asked for it.
 *   · What is written stands on everything that was there before; when another device was faster, its changes are read first.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { BinaryNode, WAPatchName } from 'baileys'
import type { Logger } from '../../../../runtime/logging.ts'
import { EngineError, type SessionStore } from '../../../engine.ts'
import { loadStates, Macs, saveState } from './collections.ts'
import { MissingKey, sealPatch } from './patches.ts'
import type { PhoneKeys } from './phone-keys.ts'
import { NotTaken, Reading, type ReadingParts } from './reading.ts'
import { type Change, Damaged, indexMacOf } from './records.ts'
import { answerAbout, CONFLICT, readRequest, writeRequest } from './sync-nodes.ts'

export interface AppStateOptions {
  store: Pick<SessionStore, 'load' | 'commit'>
  keys: PhoneKeys
  /** A query with an answer; throws {@link EngineError}. */
  request(node: BinaryNode): Promise<BinaryNode>
  download: ReadingParts['download']
  tell: ReadingParts['tell']
  logger: Logger
  limits?: Partial<typeof usualLimits>
}

/** A change to be written, with the version WhatsApp's clients give this kind of action. */
export type Written = Change & { version: number }

export const COLLECTIONS: readonly WAPatchName[] = ['critical_block', 'critical_unblock_low', 'regular_high', 'regular_low', 'regular']

export const usualLimits = {
  /** Another device wrote at the same moment; each try reads first what it wrote. */
  attempts: 5,
  /** How long who wants to write waits for a key. */
  keyPatienceMs: 5_000,
  /** How long a collection is left alone that could not be verified from its beginning either. */
  brokenMs: 10 * 60_000,
  /** What could not be read is tried again; then the next change, or the next connect, is waited for. */
  retryMs: [2_000, 15_000, 60_000, 300_000] as readonly number[],
}

/** Answers in a row to one reading. WhatsApp gives about a hundred changes in each. */
const PAGES = 500

export class AppState {
  readonly #options: AppStateOptions
  readonly #limits: typeof usualLimits
  readonly #due = new Set<string>()
  /** Until when they are left alone. */
  readonly #broken = new Map<string, number>()
  /** What the log has said of them. */
  readonly #said = new Map<string, string>()
  #lane: Promise<unknown> = Promise.resolve()
  #scheduled = false
  #failures = 0
  #timer: NodeJS.Timeout | null = null
  #ended = false

  constructor(options: AppStateOptions) {
    this.#options = options
    this.#limits = { ...usualLimits, ...options.limits }
  }

  /** The session is open. What changed meanwhile may have been announced to nobody. */
  opened(): void {
    if (this.#options.keys.writing !== null) this.changed(COLLECTIONS)
  }

  /** WhatsApp says that these have changed. Unknown names are of no interest. */
  changed(names: readonly string[]): void {
    for (const name of names) if ((COLLECTIONS as readonly string[]).includes(name)) this.#due.add(name)
    if (this.#due.size === 0 || this.#scheduled || this.#ended) return
    this.#scheduled = true
    void this.#inLane(() => this.#readDue())
  }

  /** Writes what `decide` says when everything before it has been read and told, see `LabelSession.change`. */
  write(name: WAPatchName, decide: () => Promise<readonly Written[]>): Promise<void> {
    const until = Date.now() + this.#limits.keyPatienceMs
    return this.#inLane(() => this.#write(name, decide, until))
  }

  /** Reads all of it again. */
  refresh(name: WAPatchName): Promise<void> {
    const until = Date.now() + this.#limits.keyPatienceMs
    return this.#inLane(() => this.#demand(name, 'whole', until))
  }

  end(): void {
    this.#ended = true
    this.#options.keys.end()
    if (this.#timer !== null) clearTimeout(this.#timer)
  }

  /** One after the other: two at once would take the same version. */
  #inLane<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#lane.then(work)
    this.#lane = done.catch(() => {})
    return done
  }

  // ── reading ────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Never throws. */
  async #readDue(): Promise<void> {
    this.#scheduled = false
    const now = Date.now()
    const names = [...this.#due].filter((name) => (this.#broken.get(name) ?? 0) <= now)
    this.#due.clear()
    if (names.length === 0 || this.#ended) return
    let again: string[] = []
    try {
      const failed = await this.#read(names, 'known')
      again = [...failed].flatMap(([name, error]) => (error instanceof MissingKey || error instanceof Damaged ? [] : [name]))
    } catch (error) {
      if (this.#ended) return
      this.#options.logger.debug({ error: messageOf(error) }, 'settings of the account could not be read')
      again = names
    }
    if (again.length === 0) this.#failures = 0
    else this.#later(again)
  }

  #later(names: readonly string[]): void {
    const ms = this.#limits.retryMs[this.#failures]
    this.#failures += 1
    if (ms === undefined || this.#ended) return
    if (this.#timer !== null) clearTimeout(this.#timer)
    for (const name of names) this.#due.add(name)
    this.#timer = setTimeout(() => this.changed(names), ms)
  }

  /** Reads one, now; a key is waited for until then. Throws {@link EngineError}. */
  async #demand(name: string, from: 'known' | 'whole', until: number): Promise<void> {
    const { keys } = this.#options
    for (;;) {
      if (this.#ended) throw new EngineError('not-connected', 'the session has ended')
      if (from === 'known' && (this.#broken.get(name) ?? 0) > Date.now()) throw unverifiable()
      const failure = keys.writing === null ? new MissingKey(new Uint8Array()) : (await this.#read([name], from)).get(name)
      if (failure === undefined) return
      if (failure instanceof Damaged) throw unverifiable()
      if (!(failure instanceof MissingKey)) throw failure
      const left = until - Date.now()
      if (left <= 0) throw new EngineError('not-ready', 'the phone has not shared the key of its settings yet')
      await keys.arrival(left)
    }
  }

  /** Gives what went wrong, by collection. Throws {@link EngineError} when WhatsApp cannot be asked. */
  async #read(names: readonly string[], from: 'known' | 'whole'): Promise<Map<string, unknown>> {
    const states = await loadStates(this.#options.store, names)
    const begin = (name: string, how: 'known' | 'whole') => new Reading(this.#options, name, states.get(name) ?? null, how)
    let readings = names.map((name) => begin(name, from))
    const failed = new Map<string, unknown>()
    for (let page = 0; readings.length > 0; page += 1) {
      const answer = page < PAGES ? await this.#options.request(readRequest(readings.map(({ wanted }) => wanted))) : null
      const left: Reading[] = []
      for (const reading of readings) {
        const { collection } = reading
        try {
          if (answer === null) throw new Damaged('it has no end')
          if (await reading.take(answer)) left.push(reading)
          else this.#wellRead(collection)
        } catch (error) {
          if (error instanceof Damaged && !reading.whole) {
            this.#say(collection, `cannot be verified and are read from the beginning: ${error.message}`, 'warn')
            left.push(begin(collection, 'whole'))
          } else {
            failed.set(collection, error)
            await this.#failed(collection, error)
          }
        }
      }
      readings = left
    }
    return failed
  }

  #wellRead(name: string): void {
    this.#broken.delete(name)
    this.#said.delete(name)
  }

  async #failed(name: string, error: unknown): Promise<void> {
    if (error instanceof Damaged) {
      this.#broken.set(name, Date.now() + this.#limits.brokenMs)
      this.#say(name, `cannot be verified from the beginning either and are left alone: ${error.message}`, 'error')
    } else if (error instanceof MissingKey) {
      this.#say(name, 'wait for a key of the phone', 'info')
      await this.#options.keys.ask(error.keyId).catch((cause: unknown) => {
        this.#options.logger.debug({ error: messageOf(cause) }, 'the phone could not be asked for a key')
      })
    } else if (error instanceof NotTaken) this.#say(name, 'could not be stored', 'warn')
    else this.#options.logger.debug({ collection: name, error: messageOf(error) }, 'settings of the account could not be read')
  }

  /** Once, until it could be read. */
  #say(collection: string, what: string, level: 'info' | 'warn' | 'error'): void {
    if (this.#said.get(collection) === what) return
    this.#said.set(collection, what)
    this.#options.logger[level]({ collection }, `Settings of the account ${what}`)
  }

  // ── writing ────────────────────────────────────────────────────────────────────────────────────────────────────────

  async #write(name: WAPatchName, decide: () => Promise<readonly Written[]>, until: number): Promise<void> {
    const { store, keys, request } = this.#options
    for (let attempt = 1; attempt <= this.#limits.attempts; attempt += 1) {
      if (attempt > 1) await sleep(Math.random() * attempt * 50)
      await this.#demand(name, 'known', until)
      const changes = await decide()
      if (changes.length === 0) return
      const key = await keys.toWrite()
      const state = (await loadStates(store, [name])).get(name)
      if (key === null || state === undefined) throw new EngineError('not-ready', 'the phone has not shared the key of its settings yet')
      const macs = new Macs(store, name, 'stored')
      await macs.load(changes.map(({ index }) => indexMacOf(Buffer.from(JSON.stringify(index)), key.keys)))
      const { state: next, patch } = sealPatch({ collection: name, state, macs }, changes, key.id, key.keys)
      const refusal = answerAbout(name, await request(writeRequest(name, state.version, patch)))?.refusal ?? null
      if (refusal === null) {
        const news = { collection: name, version: next.version, whole: false, first: false, changes }
        // Not taken: it comes again with what is read next.
        if (!(await this.#options.tell([news]))) throw new NotTaken()
        return saveState(store, name, next, macs)
      }
      if (refusal !== CONFLICT) throw new EngineError('rejected', `WhatsApp refused: ${refusal}`, refusal)
    }
    throw new EngineError('conflict', 'other devices of the account kept changing the same settings', CONFLICT)
  }
}

const unverifiable = (): EngineError => new EngineError('damaged', 'what WhatsApp keeps of the settings cannot be verified')
const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
