/** Texts per second through REST, database, recorder and events, against the bare engine adapter with its store in memory. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Pool } from 'undici'
import { createAccount, startGateway } from '../acceptance/toolkit/gateway.ts'
import { linkedLine } from '../acceptance/toolkit/line.ts'
import { type Simulator, startSimulator } from '../acceptance/toolkit/simulator.ts'
import { resultOf, startBareLibrary } from './bare-library.ts'
import { type Measurement, median, round } from './measurement.ts'

const rounds = 3
const messages = 3_000
const warmUp = 4_000
const inFlight = 20
const friends = 20

export const send = async (): Promise<Measurement> => {
  const simulator = await startSimulator()
  const folder = await mkdtemp(join(tmpdir(), 'ryzeapi-bench-'))
  try {
    const numbers = await Promise.all(Array.from({ length: friends }, async () => (await simulator.phone()).number))
    const ours: number[] = []
    const onDisk: number[] = []
    const inMemory: number[] = []
    for (let n = 0; n < rounds; n += 1) {
      onDisk.push(await throughAdapter(simulator, numbers, join(folder, String(n))))
      ours.push(await throughGateway(simulator, numbers))
      inMemory.push(await throughAdapter(simulator, numbers))
    }
    return {
      what: 'texts/s through REST ÷ bare engine adapter',
      value: median(ours) / median(inMemory),
      unit: '',
      bound: { is: 'at least', value: 0.7 },
      detail: `${round(median(ours))} ÷ ${round(median(inMemory))} texts/s, median of ${rounds} × ${messages}, ${inFlight} in flight, ${friends} chats; the adapter on the gateway's kind of database: ${round(median(onDisk))}`,
    }
  } finally {
    await simulator.stop()
    await rm(folder, { recursive: true })
  }
}

const throughAdapter = async (simulator: Simulator, numbers: readonly string[], folder?: string): Promise<number> => {
  const { number } = await simulator.phone()
  const counts = [messages, inFlight, warmUp].map(String)
  const { perSecond = Number.NaN } = await resultOf(
    startBareLibrary('send', simulator.url, number, numbers.join(','), ...counts, ...(folder === undefined ? [] : [folder])),
  )
  return perSecond
}

const throughGateway = async (simulator: Simulator, numbers: readonly string[]): Promise<number> => {
  const gateway = await startGateway({ network: simulator.url, env: { LOG_LEVEL: 'warn' } })
  try {
    const account = gateway.api(await createAccount(gateway, 'bench'))
    const line = await linkedLine(gateway, account, await simulator.phone(), 'bench')
    // First contacts and cold code are costs of their own; both sides leave them out.
    await Promise.all(numbers.map((number) => line.text(number, 'hello')))
    await sendAll(gateway.url, line.token, numbers, warmUp)
    const began = performance.now()
    await sendAll(gateway.url, line.token, numbers, messages)
    return messages / ((performance.now() - began) / 1000)
  } finally {
    await gateway.dispose()
  }
}

/** A connection per chat, one request at a time on each: as many in flight as there are chats, by a client that costs little itself. */
const sendAll = async (gateway: string, token: string, numbers: readonly string[], amount: number): Promise<void> => {
  const pool = new Pool(gateway, { connections: numbers.length })
  const headers = { token, 'content-type': 'application/json' }
  let next = 0
  const worker = async (number: string) => {
    const body = JSON.stringify({ number, message: 'hello again' })
    while (next++ < amount) {
      const answer = await pool.request({ path: '/api/message/text/bench', method: 'POST', headers, body })
      const text = await answer.body.text()
      if (answer.statusCode !== 200) throw new Error(`${answer.statusCode} ${text}`)
    }
  }
  await Promise.all(numbers.map(worker))
  await pool.close()
}
