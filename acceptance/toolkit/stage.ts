/**
 * Where stories play: a simulator and a gateway, each a process of its own, and an account without practical rate limits. A describe block has
 * them for itself as long as it runs (`venue.ts`). After every story the network must have understood everything it was asked.
 */
import { afterAll, afterEach, beforeAll, describe, expect } from 'vitest'
import type { Api } from './api.ts'
import type { DatabaseName } from './databases.ts'
import { createAccount, type Gateway } from './gateway.ts'
import type { Json } from './json.ts'
import { type Line, linkedLine } from './line.ts'
import { type Receiver, startReceiver } from './receiver.ts'
import type { Phone, Simulator } from './simulator.ts'
import { enterVenue, type Venue, type VenueOptions } from './venue.ts'

export interface Stage {
  readonly simulator: Simulator
  readonly gateway: Gateway
  /** The REST API with the token of the stage's own account. */
  readonly account: Api
  readonly accountToken: string
  phone(options?: { name?: string; echo?: boolean; number?: string; business?: boolean }): Promise<Phone>
  /** A new instance linked to a new phone. */
  line(name: string, more?: { [key: string]: Json }): Promise<Line>
  /** A webhook receiver, closed with the stage. */
  receiver(): Promise<Receiver>
}

export interface StageOptions extends VenueOptions {
  databases?: readonly DatabaseName[]
}

/** `describe` with a stage; once per database. */
export const onStage = (title: string, stories: (stage: Stage, database: DatabaseName) => void, options: StageOptions = {}): void => {
  const { databases = ['SQLite'] } = options
  for (const database of databases)
    describe(databases.length > 1 ? `${title} (${database})` : title, () => stories(setUp(database, options), database))
}

const setUp = (database: DatabaseName, options: VenueOptions): Stage => {
  const receivers: Receiver[] = []
  let venue: Venue | undefined
  let accountToken: string | undefined
  let spoilt = false

  const ready = () => {
    if (venue === undefined || accountToken === undefined) throw new Error('the stage is only set while a story runs')
    return { ...venue, accountToken }
  }

  beforeAll(async () => {
    venue = await enterVenue(database, options)
    accountToken = await createAccount(venue.gateway, 'stories')
  })

  afterEach(async ({ task }) => {
    if (venue === undefined) return
    const failed = task.result?.state === 'fail'
    if (failed) process.stderr.write(`--- gateway log of "${task.name}"\n${venue.gateway.output().slice(-6000)}\n`)
    const unanswered = await venue.simulator.unanswered()
    spoilt ||= failed || unanswered.length > 0
    expect(unanswered, 'requests the network did not understand').toEqual([])
  })

  afterAll(async () => {
    try {
      await venue?.leave({ spoilt })
    } finally {
      await Promise.all(receivers.map((receiver) => receiver.close()))
    }
  })

  return {
    get simulator() {
      return ready().simulator
    },
    get gateway() {
      return ready().gateway
    },
    get accountToken() {
      return ready().accountToken
    },
    get account() {
      return ready().gateway.api(ready().accountToken)
    },
    phone: (options) => ready().simulator.phone(options),
    async line(name, more) {
      const { simulator, gateway, accountToken } = ready()
      return linkedLine(gateway, gateway.api(accountToken), await simulator.phone({ name: `Owner of ${name}` }), name, more)
    },
    async receiver() {
      const receiver = await startReceiver()
      receivers.push(receiver)
      return receiver
    },
  }
}
