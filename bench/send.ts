/** Texts per second through REST, recorder, database and events, against the bare engine adapter with its store in memory. */
import { Pool } from 'undici'
import { createAccount, startGateway } from '../acceptance/toolkit/gateway.ts'
import { linkedLine } from '../acceptance/toolkit/line.ts'
import { type Simulator, startSimulator } from '../acceptance/toolkit/simulator.ts'
import { resultOf, startBareLibrary } from './bare-library.ts'
import { type Measurement, median, round } from './measurement.ts'

const rounds = 3
const messages = 3_000
const warmUp = 2_000
const inFlight = 20
const friends = 20

export const send = async (): Promise<Measurement> => {
  const simulator = await startSimulator()
  try {
    const numbers = await Promise.all(Array.from({ length: friends }, async () => (await simulator.phone()).number))
    const ours: number[] = []
    const theirs: number[] = []
    for (let n = 0; n < rounds; n += 1) {
      const owner = await simulator.phone()
      const bare = await resultOf(
        startBareLibrary('send', simulator.url, owner.number, numbers.join(','), String(messages), String(inFlight), String(warmUp)),
      )
      theirs.push(bare.perSecond ?? Number.NaN)
      ours.push(await throughGateway(simulator, numbers))
    }
    return {
      what: 'texts/s through REST ÷ bare engine adapter',
      value: median(ours) / median(theirs),
      unit: '',
      bound: { is: 'at least', value: 0.7 },
      detail: `${round(median(ours))} ÷ ${round(median(theirs))} texts/s, median of ${rounds} × ${messages}, ${inFlight} in flight, ${friends} chats`,
    }
  } finally {
    await simulator.stop()
  }
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
