import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bothDatabases, type DatabaseName, freshDatabaseUrl, openStoredData } from '../toolkit/databases.ts'
import { eventually } from '../toolkit/eventually.ts'
import { createAccount, type Gateway, startGateway } from '../toolkit/gateway.ts'
import { at, type Json, list, text } from '../toolkit/json.ts'
import { type Line, linkedLine } from '../toolkit/line.ts'
import { type Receiver, startReceiver } from '../toolkit/receiver.ts'
import { type Simulator, startSimulator } from '../toolkit/simulator.ts'
import { onStage } from '../toolkit/stage.ts'

const each = 300
const inFlight = 20

describe.each(bothDatabases)('Two gateways writing to each other (%s)', (database) => {
  let simulator: Simulator
  let sides: Side[]
  beforeAll(async () => {
    simulator = await startSimulator()
    sides = [await openSide(simulator, database, 'left'), await openSide(simulator, database, 'right')]
  })
  afterAll(async () => {
    for (const { gateway, receiver } of sides ?? []) {
      await gateway.dispose()
      await receiver.close()
    }
    await simulator?.stop()
  })

  it('600 messages, 20 in flight each way: none lost, doubled or unreadable, in order', async () => {
    const [left, right] = sides as [Side, Side]
    const [toRight, toLeft] = await Promise.all([sendAll(left, right), sendAll(right, left)])
    for (const [sent, there] of [
      [toRight, right],
      [toLeft, left],
    ] as const) {
      const ids = await eventually(
        `all messages to reach ${there.line.name}`,
        async () => {
          const incoming = exchanges(there.receiver, 'incoming')
          return incoming.length >= each && incoming
        },
        60_000,
      )
      expect(ids.map((event) => at(event, 'data.message.type')).filter((type) => type !== 'text')).toEqual([])
      const arrived = ids.map((event) => text(event, 'data.id'))
      expect(new Set(arrived).size).toBe(each)
      expect([...arrived].sort()).toEqual([...sent].sort())
      expect(arrived).toEqual(await orderOf(there))
    }
    expect(await simulator.unanswered()).toEqual([])
  })

  it('strangers who write to each other at the same moment: every text is taken, none lost, doubled or unreadable, in order', async () => {
    const [left, right] = sides as [Side, Side]
    const texts = 10
    const pairs = await Promise.all(
      Array.from({ length: 6 }, async (_, n) => [
        await openLine(simulator, left.gateway, `left-${n}`),
        await openLine(simulator, right.gateway, `right-${n}`),
      ]),
    )
    // One after the other would not do: both ends have to open a session before either has heard of the other's.
    const ways = pairs.flatMap(([one, other]) =>
      one && other
        ? [
            { from: one, to: other },
            { from: other, to: one },
          ]
        : [],
    )
    const sent = await Promise.all(ways.map(({ from, to }) => sendAll(from, to, texts)))
    for (const [way, { to }] of ways.entries()) {
      const incoming = await eventually(`all messages to reach ${to.line.name}`, async () => {
        const events = exchanges(to.receiver, 'incoming')
        return events.length >= texts && events
      })
      expect(incoming.filter((event) => at(event, 'data.message.type') !== 'text')).toEqual([])
      const arrived = incoming.map((event) => text(event, 'data.id'))
      expect([...arrived].sort()).toEqual([...(sent[way] ?? [])].sort())
      expect(arrived).toEqual(await orderOf(to))
    }
    for (const { receiver } of ways.map(({ from }) => from)) await receiver.close()
    expect(await simulator.unanswered()).toEqual([])
  })
})

/** What the network brought, in its order: as the own phone of the receiver saw it. */
const orderOf = async ({ line }: Side): Promise<string[]> =>
  (await line.phone.messages()).filter((message) => at(message, 'fromMe') === false).map((message) => text(message, 'id'))

interface Side {
  gateway: Gateway
  receiver: Receiver
  line: Line
}

const openSide = async (simulator: Simulator, database: DatabaseName, name: string): Promise<Side> => {
  const gateway = await startGateway({ network: simulator.url, databaseUrl: await freshDatabaseUrl(database) })
  return openLine(simulator, gateway, name)
}

const openLine = async (simulator: Simulator, gateway: Gateway, name: string): Promise<Side> => {
  const receiver = await startReceiver()
  const account = gateway.api(await createAccount(gateway, name))
  const line = await linkedLine(gateway, account, await simulator.phone({ name }), name, { webhookEnabled: true, webhookURL: receiver.url })
  return { gateway, receiver, line }
}

/** Sends `count` texts with a fixed number in flight; gives their ids. */
const sendAll = async (from: Side, to: Side, count = each): Promise<string[]> => {
  const ids: string[] = []
  let next = 0
  const worker = async () => {
    while (next < count) {
      next += 1
      const answer = await from.line.text(to.line.phone.number, `${from.line.name} ${next}`)
      expect(answer).toMatchObject({ status: 200, body: { success: true } })
      ids.push(text(answer.body, 'data.messageId'))
    }
  }
  await Promise.all(Array.from({ length: inFlight }, worker))
  return ids
}

const exchanges = (receiver: Receiver, direction: 'incoming' | 'outgoing'): Json[] =>
  receiver
    .deliveries()
    .map(({ body }) => body)
    .filter((body) => at(body, 'event') === 'message.exchange' && at(body, 'data.direction') === direction)

onStage(
  'A gateway killed in the middle of traffic',
  (stage) => {
    it('has stored every message it acknowledged, and announces each after the restart', async () => {
      const receiver = await stage.receiver()
      const friends = await Promise.all([stage.phone(), stage.phone(), stage.phone()])
      const line = await stage.line('crashes', { webhookEnabled: true, webhookURL: receiver.url })
      const sent: string[] = []
      let flowing = true
      const flows = friends.map(async (friend, index) => {
        for (let n = 0; flowing && n < 200; n += 1) sent.push(await friend.send(line.phone.number, `${index}:${n}`))
      })
      for (const threshold of [20, 60, 110]) {
        await eventually('traffic', async () => sent.length >= threshold)
        await stage.gateway.kill()
        const acknowledged = await receiptsOf(stage.simulator, line.phone.number)
        const data = await openStoredData(stage.gateway.dataDir, stage.gateway.databaseUrl)
        // SQLite's log of the killed process is replayed by whoever opens it for writing: the gateway does, before we look.
        await data.close()
        await stage.gateway.restart()
        const stored = await storedIds(stage.gateway)
        const missing = acknowledged.filter((id) => sent.includes(id) && !stored.has(id))
        if (missing.length > 0)
          await eventually('what was acknowledged to be in the store', async () => {
            const now = await storedIds(stage.gateway)
            return missing.every((id) => now.has(id))
          })
      }
      flowing = false
      await Promise.all(flows)
      await eventually(
        'every message to be announced',
        async () => {
          const announced = new Set(exchanges(receiver, 'incoming').map((event) => text(event, 'data.id')))
          return sent.every((id) => announced.has(id))
        },
        60_000,
      )
      const events = exchanges(receiver, 'incoming')
      expect(events.filter((event) => at(event, 'data.message.type') !== 'text')).toEqual([])
      // A delivery may be repeated after a crash, but only as the same event.
      const eventsOfMessage = new Map<string, Set<string>>()
      for (const event of events) {
        const of = eventsOfMessage.get(text(event, 'data.id')) ?? new Set()
        eventsOfMessage.set(text(event, 'data.id'), of.add(text(event, 'id')))
      }
      expect([...eventsOfMessage.values()].filter((ids) => ids.size > 1)).toEqual([])
      expect((await storedIds(stage.gateway)).size).toBe(sent.length)
    })
  },
  { databases: bothDatabases },
)

/** Ids the companion told WhatsApp to forget. */
const receiptsOf = async (simulator: Simulator, phone: string): Promise<string[]> =>
  (await simulator.traffic({ phone, tag: 'receipt', direction: 'in' }))
    .filter((entry) => at(entry, 'device') !== 0 && at(entry, 'stanza.attrs.type') === undefined)
    .flatMap((entry) => [
      text(entry, 'stanza.attrs.id'),
      ...(JSON.stringify(entry).match(/"id":"[^"]+"/g) ?? []).map((id) => id.slice(6, -1)),
    ])

const storedIds = async ({ dataDir, databaseUrl }: Gateway): Promise<Set<string>> => {
  const data = await openStoredData(dataDir, databaseUrl)
  try {
    return new Set((await data.query('select message_id from messages')).map(({ message_id }) => String(message_id)))
  } finally {
    await data.close()
  }
}

onStage('Fifty linked instances', (stage) => {
  it('are all back after a restart, none with a new QR', async () => {
    const names = Array.from({ length: 50 }, (_, index) => `fleet-${index}`)
    for (let start = 0; start < names.length; start += 10) await Promise.all(names.slice(start, start + 10).map((name) => stage.line(name)))
    const since = await stage.simulator.trafficCursor()
    await stage.gateway.restart()
    await eventually(
      'all instances to be connected',
      async () =>
        list((await stage.account.get('/api/instance/list')).body, 'instances').every((instance) => at(instance, 'status') === 'connected'),
      60_000,
    )
    const pairings = (await stage.simulator.traffic({ after: since, tag: 'iq' })).filter((entry) =>
      JSON.stringify(entry).includes('pair-device'),
    )
    expect(pairings).toEqual([])
  }, 150_000)
})
