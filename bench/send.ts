/** Texts per second through REST, recorder, database and events, against the bare engine adapter with its store in memory. */
import { createAccount, startGateway } from '../acceptance/toolkit/gateway.ts'
import { linkedLine } from '../acceptance/toolkit/line.ts'
import { type Simulator, startSimulator } from '../acceptance/toolkit/simulator.ts'
import { resultOf, startBareLibrary } from './bare-library.ts'
import { type Measurement, median, round } from './measurement.ts'

const rounds = 3
export const messages = 1_500
export const inFlight = 20
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
        startBareLibrary('send', simulator.url, owner.number, numbers.join(','), String(messages), String(inFlight)),
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
    const text = async (n: number) => {
      const { status, body } = await line.text(numbers[n % numbers.length] ?? '', `message ${n}`)
      if (status !== 200) throw new Error(`${status} ${JSON.stringify(body)}`)
    }
    // First contacts are a cost of their own; both sides leave them out.
    await Promise.all(numbers.map((_, n) => text(n)))
    let next = 0
    const worker = async () => {
      while (next < messages) await text(next++)
    }
    const began = performance.now()
    await Promise.all(Array.from({ length: inFlight }, worker))
    return messages / ((performance.now() - began) / 1000)
  } finally {
    await gateway.dispose()
  }
}
