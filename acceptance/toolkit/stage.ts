/**
 * Where stories play: one simulator and one gateway per describe block, each a process of its own, and an account without practical rate
 * limits. After every story the network must have understood everything it was asked.
 */
import { afterAll, afterEach, beforeAll, describe, expect } from 'vitest'
import type { Api } from './api.ts'
import { type DatabaseName, freshDatabaseUrl } from './databases.ts'
import { createAccount, type Gateway, startGateway } from './gateway.ts'
import type { Json } from './json.ts'
import { type Line, linkedLine } from './line.ts'
import { type Receiver, startReceiver } from './receiver.ts'
import { type Phone, type Simulator, startSimulator } from './simulator.ts'

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

export interface StageOptions {
  databases?: readonly DatabaseName[]
  env?: Record<string, string>
  /** For Node itself. */
  nodeArguments?: readonly string[]
}

/** `describe` with a stage; once per database. */
export const onStage = (title: string, stories: (stage: Stage, database: DatabaseName) => void, options: StageOptions = {}): void => {
  const { databases = ['SQLite'] } = options
  for (const database of databases)
    describe(databases.length > 1 ? `${title} (${database})` : title, () => stories(setUp(database, options), database))
}

const setUp = (database: DatabaseName, { env = {}, nodeArguments = [] }: StageOptions): Stage => {
  const receivers: Receiver[] = []
  let parts: { simulator: Simulator; gateway: Gateway; accountToken: string } | undefined

  const ready = () => {
    if (parts === undefined) throw new Error('the stage is only set while a story runs')
    return parts
  }

  beforeAll(async () => {
    const simulator = await startSimulator()
    const gateway = await startGateway({
      network: simulator.url,
      databaseUrl: await freshDatabaseUrl(database),
      nodeArguments,
      // All clients of a story share one address.
      env: { UNKNOWN_TOKENS_PER_MINUTE: '1000000', ...env },
    })
    parts = { simulator, gateway, accountToken: await createAccount(gateway, 'stories') }
  })

  afterEach(async ({ task }) => {
    if (parts === undefined) return
    expect(await parts.simulator.unanswered(), 'requests the network did not understand').toEqual([])
    if (task.result?.state === 'fail') process.stderr.write(`--- gateway log of "${task.name}"\n${parts.gateway.output().slice(-6000)}\n`)
  })

  afterAll(async () => {
    try {
      await parts?.gateway.dispose()
    } finally {
      await parts?.simulator.stop()
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
