/** A session under test together with what it reported; waits for events instead of sleeping. */
import { pino } from 'pino'
import type { EngineEvent, EngineFactory, EngineSession, IdentityStore, SessionOptions } from '../engine.ts'
import { MemoryIdentityStore } from '../memory/identities.ts'
import type { WireMessage } from '../wire.ts'
import type { InspectableStore, Person, World } from './world.ts'

export type EventOf<T extends EngineEvent['type']> = Extract<EngineEvent, { type: T }>

export class Observed {
  readonly events: EngineEvent[] = []
  readonly session: EngineSession
  readonly store: InspectableStore
  readonly identities: IdentityStore
  readonly sent = new Map<string, WireMessage>()
  /** What is told is not stored. */
  keepsNothing = false
  #wake = Promise.withResolvers<void>()

  constructor(engine: EngineFactory, store: InspectableStore, options: Partial<SessionOptions> = {}) {
    this.store = store
    this.identities = options.identities ?? new MemoryIdentityStore()
    this.session = engine.open({
      instanceId: `test-${Math.random()}`,
      store,
      identities: this.identities,
      proxy: null,
      historyDays: null,
      keepOnline: false,
      storedMessage: async (id) => this.sent.get(id) ?? null,
      logger: pino({ level: process.env.ENGINE_LOG ?? 'silent' }),
      ...options,
      onEvent: async (event) => {
        await options.onEvent?.(event)
        this.events.push(event)
        if ((event.type === 'labels' || event.type === 'chat') && !this.keepsNothing) event.stored()
        if (event.type === 'history') {
          if (event.inbox !== null) this.store.settle(event.inbox)
          event.stored()
        }
        this.#wake.resolve()
        this.#wake = Promise.withResolvers()
      },
    })
  }

  /** The first event of this type that fits, past or future. Rejects when the session ends without one. */
  async next<T extends EngineEvent['type']>(type: T, fits: (event: EventOf<T>) => boolean = () => true): Promise<EventOf<T>> {
    for (;;) {
      const found = this.events.find((event): event is EventOf<T> => event.type === type && fits(event as EventOf<T>))
      if (found !== undefined) return found
      const closed = this.events.find((event): event is EventOf<'closed'> => event.type === 'closed')
      if (closed !== undefined) throw new Error(`no ${type} before the session closed: ${closed.reason} (${closed.detail})`)
      await this.#wake.promise
    }
  }

  message(id: string): Promise<EventOf<'message'>> {
    return this.next('message', ({ message }) => message.id === id)
  }

  count(type: EngineEvent['type']): number {
    return this.events.filter((event) => event.type === type).length
  }

  async send(to: Person, message: WireMessage, options: { id: string; edit?: 'edit' | 'revoke' }): Promise<{ timestamp: number }> {
    this.sent.set(options.id, message)
    return this.session.send({ jid: to.jid, lid: to.lid }, message, options)
  }
}

/** Links a fresh session to the person and waits until it is open. */
export const link = async (world: World, person: Person, options: Partial<SessionOptions> = {}): Promise<Observed> => {
  const observed = new Observed(world.engine, world.store(), options)
  observed.session.start()
  await person.scan((await observed.next('qr')).text)
  await observed.next('open')
  return observed
}

/** Another session on the stored credentials, as after a restart. */
export const relink = (world: World, before: Observed, options: Partial<SessionOptions> = {}): Observed => {
  const observed = new Observed(world.engine, before.store, { identities: before.identities, ...options })
  for (const [id, message] of before.sent) observed.sent.set(id, message)
  observed.session.start()
  return observed
}

let lastId = 0
export const newId = (): string => `3EB0${(++lastId).toString(16).toUpperCase().padStart(16, '0')}`

/** Both names of somebody, as addresses have them. */
export const both = ({ jid, lid }: Person): { jid: string; lid: string } => ({ jid, lid })

export const text = (body: string): WireMessage => ({ extendedTextMessage: { text: body } })
