/**
 * First texts to a thousand different people (look-up, devices, prekeys, session), through REST against the bare engine adapter. As many others
 * are written to before: it is the people that are new, not the code.
 */
import { Pool } from 'undici'
import { createAccount, startGateway } from '../acceptance/toolkit/gateway.ts'
import { linkedLine } from '../acceptance/toolkit/line.ts'
import { type Simulator, startSimulator } from '../acceptance/toolkit/simulator.ts'
import { type Measurement, median, round } from './measurement.ts'
import { type Share, shareText, watchCpu } from './processes.ts'
import { lineOf, profiling, resultOf, startBench } from './programs.ts'

const rounds = 3
const people = 1_000
const warmUp = 1_000
const inFlight = 20

interface Run {
  perSecond: number
  /** Gateway, or adapter. */
  sender: Share
  simulator: Share
}

const rateOf = (runs: readonly Run[]): number => median(runs.map(({ perSecond }) => perSecond))
const sharesOf = (runs: readonly Run[], of: 'sender' | 'simulator'): string => shareText(runs.map((run) => run[of]))

export const cold = async (): Promise<Measurement> => {
  const simulator = await startSimulator()
  try {
    const numbers = await crowd(simulator)
    const ours: Run[] = []
    const bare: Run[] = []
    for (let n = 0; n < rounds; n += 1) {
      bare.push(await throughAdapter(simulator, numbers))
      ours.push(await throughGateway(simulator, numbers))
    }
    return {
      what: `first texts to ${people} people/s through REST ÷ bare engine adapter`,
      value: rateOf(ours) / rateOf(bare),
      unit: '',
      bound: { is: 'at least', value: 0.8 },
      detail: [
        `${round(rateOf(ours))} ÷ ${round(rateOf(bare))} texts/s, median of ${rounds}, ${inFlight} in flight; everybody anew for each`,
        `CPU a text in ms: gateway ${sharesOf(ours, 'sender')}, its simulator ${sharesOf(ours, 'simulator')}`,
        `bare adapter ${sharesOf(bare, 'sender')}, its simulator ${sharesOf(bare, 'simulator')}`,
      ].join('; '),
    }
  } finally {
    await simulator.stop()
  }
}

/** Their phones are off: only the sending side works. */
const crowd = async (simulator: Simulator): Promise<string[]> => {
  const numbers: string[] = []
  while (numbers.length < warmUp + people) {
    const some = await Promise.all(Array.from({ length: 50 }, () => simulator.phone()))
    await Promise.all(some.map((phone) => phone.change({ online: false })))
    numbers.push(...some.map(({ number }) => number))
  }
  return numbers
}

/** A new account each time: nobody it writes to is known to it. */
const throughAdapter = async (simulator: Simulator, numbers: readonly string[]): Promise<Run> => {
  const { number } = await simulator.phone()
  const program = startBench('bare-library', 'cold', simulator.url, number, numbers.join(','), inFlight, warmUp)
  await lineOf(program)
  const spent = watchCpu([program.pid, simulator.pid])
  await lineOf(program, 1)
  const [sender, network] = spent(people) as [Share, Share]
  return { perSecond: (await resultOf<{ perSecond: number }>(program)).perSecond, sender, simulator: network }
}

const throughGateway = async (simulator: Simulator, numbers: readonly string[]): Promise<Run> => {
  const gateway = await startGateway({ network: simulator.url, nodeArguments: profiling(), env: { LOG_LEVEL: 'warn' } })
  try {
    const account = gateway.api(await createAccount(gateway, 'bench'))
    const line = await linkedLine(gateway, account, await simulator.phone(), 'bench')
    const pool = new Pool(gateway.url, { connections: inFlight })
    const headers = { token: line.token, 'content-type': 'application/json' }
    const greet = async (some: readonly string[]) => {
      let next = 0
      const worker = async () => {
        for (let number = some[next++]; number !== undefined; number = some[next++]) {
          const body = JSON.stringify({ number, message: 'hello' })
          const answer = await pool.request({ path: '/api/message/text/bench', method: 'POST', headers, body })
          const text = await answer.body.text()
          if (answer.statusCode !== 200) throw new Error(`${answer.statusCode} ${text}`)
        }
      }
      await Promise.all(Array.from({ length: inFlight }, worker))
    }
    await greet(numbers.slice(0, warmUp))
    const spent = watchCpu([gateway.pid(), simulator.pid])
    const began = performance.now()
    await greet(numbers.slice(warmUp))
    const perSecond = people / ((performance.now() - began) / 1000)
    const [sender, network] = spent(people) as [Share, Share]
    await pool.close()
    // In order, so that its CPU profile gets written.
    await gateway.stop()
    return { perSecond, sender, simulator: network }
  } finally {
    await gateway.dispose()
  }
}
