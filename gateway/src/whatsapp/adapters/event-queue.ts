/** Hands a session's events over one at a time and in order, each after the promise of the one before. */
import { AsyncLocalStorage } from 'node:async_hooks'
import type { Logger } from '../../runtime/logging.ts'
import type { EngineEvent } from '../engine.ts'

/** An event, or the work that completes one (looking up the other form of an address); null: there is none. */
export type PendingEvent = EngineEvent | (() => Promise<EngineEvent | null>)

export interface EventQueueOptions {
  deliver(event: EngineEvent): void | Promise<void>
  logger: Logger
  /** Told when too much waits (true) and when it has gone down again (false): the socket stops reading meanwhile. */
  onPressure(high: boolean): void
}

/** A listener that is this far behind makes the socket stop reading. */
const HIGH = 500
const LOW = 50

export class EventQueue {
  readonly #options: EventQueueOptions
  /** Listeners run here, and not in what the first event happened to be pushed from: the library may take that for a transaction of its own. */
  readonly #outside = AsyncLocalStorage.snapshot()
  #waiting: PendingEvent[] = []
  #running: Promise<void> | null = null
  #closed = false
  #high = false

  constructor(options: EventQueueOptions) {
    this.#options = options
  }

  /** Ignored after {@link close}. */
  push(event: PendingEvent): void {
    if (this.#closed) return
    this.#waiting.push(event)
    if (!this.#high && this.#waiting.length > HIGH) this.#press(true)
    this.#running ??= this.#outside(() => this.#run())
  }

  /** Resolves when everything pushed before has been delivered; rejects when nothing is delivered any more. */
  async passed(): Promise<void> {
    if (this.#closed) throw new Error('no events are delivered any more')
    const reached = Promise.withResolvers<void>()
    this.push(async () => {
      reached.resolve()
      return null
    })
    await reached.promise
  }

  /** The last event. Resolves when everything has been delivered. */
  async close(last: EngineEvent): Promise<void> {
    this.push(last)
    this.#closed = true
    await this.#running
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting
      this.#waiting = []
      for (const [index, event] of batch.entries()) {
        await this.#deliver(event)
        if (this.#high && batch.length - index + this.#waiting.length < LOW) this.#press(false)
      }
    }
    this.#running = null
  }

  async #deliver(event: PendingEvent): Promise<void> {
    try {
      const complete = typeof event === 'function' ? await event() : event
      if (complete !== null) await this.#options.deliver(complete)
    } catch (error) {
      this.#options.logger.error({ error: error instanceof Error ? error.message : String(error) }, 'an engine event was not taken')
    }
  }

  #press(high: boolean): void {
    this.#high = high
    this.#options.onPressure(high)
  }
}
