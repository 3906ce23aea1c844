/** Texts per second from the network to a stored message with its event, against the bare engine adapter with its store in memory. */
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as pause } from 'node:timers/promises'
import { Pool } from 'undici'
import { createAccount, startGateway } from '../acceptance/toolkit/gateway.ts'
import { linkedLine } from '../acceptance/toolkit/line.ts'
import type { Simulator } from '../acceptance/toolkit/simulator.ts'
import { type Databases, withDatabases } from './databases.ts'
import { type Measurement, median, round } from './measurement.ts'
import { lineOf, profiling, resultOf, startBench, startNetwork } from './programs.ts'

const rounds = 2
const messages = 5_000
const warmUp = 2_000
const friends = 20

/**
 * The messages were sent, and encrypted, before the receiver connects: the network only hands them over, so that it is the receiver whose
 * speed shows.
 */
export const receive = (): Promise<Measurement> =>
  withDatabases('SQLite', async (databases) => {
    const simulator = await startNetwork()
    try {
      const numbers = await Promise.all(Array.from({ length: friends }, async () => (await simulator.phone()).number))
      const ours: number[] = []
      const onDisk: number[] = []
      const inMemory: number[] = []
      for (let n = 0; n < rounds; n += 1) {
        onDisk.push(await byAdapter(simulator, numbers, (await databases.fresh()).dataDir))
        ours.push(await byGateway(simulator, numbers, databases))
        inMemory.push(await byAdapter(simulator, numbers))
      }
      return {
        what: 'received texts/s until stored ÷ bare engine adapter',
        value: median(ours) / median(inMemory),
        unit: '',
        bound: { is: 'at least', value: 0.7 },
        detail: `${round(median(ours))} ÷ ${round(median(inMemory))} texts/s, median of ${rounds} × ${messages - warmUp}, ${friends} chats; the adapter on the gateway's kind of database: ${round(median(onDisk))}`,
      }
    } finally {
      await simulator.stop()
    }
  })

const byAdapter = async (simulator: Simulator, numbers: readonly string[], ...folder: string[]): Promise<number> => {
  const { number } = await simulator.phone()
  const adapter = startBench('bare-library', 'receive', simulator.url, number, numbers.join(','), messages, warmUp, ...folder)
  await lineOf(adapter)
  await sendAll(simulator.url, numbers, number)
  adapter.kill('SIGUSR2')
  return (await resultOf<{ perSecond: number }>(adapter)).perSecond
}

const byGateway = async (simulator: Simulator, numbers: readonly string[], databases: Databases): Promise<number> => {
  const { dataDir } = await databases.fresh()
  const gateway = await startGateway({ network: simulator.url, dataDir, nodeArguments: profiling(), env: { LOG_LEVEL: 'warn' } })
  try {
    const account = gateway.api(await createAccount(gateway, 'bench'))
    const line = await linkedLine(gateway, account, await simulator.phone(), 'bench')
    for (const number of numbers) await line.text(number, 'hello')
    await pause(500)
    await gateway.stop()
    await sendAll(simulator.url, numbers, line.phone.number)
    await gateway.restart()
    const perSecond = await storedPerSecond(join(dataDir, 'gateway.sqlite'))
    await gateway.stop()
    return perSecond
  } finally {
    await gateway.dispose()
  }
}

/** Looks on from outside: readers cost the gateway nothing. */
const storedPerSecond = async (file: string): Promise<number> => {
  const database = new DatabaseSync(file, { readOnly: true, timeout: 1_000 })
  const count = database.prepare('select count(*) as count from messages where from_me = 0')
  let first: { count: number; at: number } | null = null
  for (;;) {
    const now = { count: Number(count.get()?.count), at: performance.now() }
    if (first === null && now.count >= warmUp) first = now
    if (first !== null && now.count >= messages) {
      database.close()
      return (now.count - first.count) / ((now.at - first.at) / 1000)
    }
    await pause(10)
  }
}

/** Each friend sends one after the other, so that the network keeps the order of the chat. */
const sendAll = async (simulator: string, numbers: readonly string[], to: string): Promise<void> => {
  const pool = new Pool(simulator, { connections: numbers.length })
  let next = 0
  const friend = async (number: string) => {
    while (next < messages) {
      const body = JSON.stringify({ to, text: `message ${next++}, about as long as people write them` })
      const headers = { 'content-type': 'application/json' }
      const answer = await pool.request({ path: `/phones/${number}/messages`, method: 'POST', headers, body })
      const text = await answer.body.text()
      if (answer.statusCode >= 300) throw new Error(`${answer.statusCode} ${text}`)
    }
  }
  await Promise.all(numbers.map(friend))
  await pool.close()
}
