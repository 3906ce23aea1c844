/** Texts from one account to many chats: through REST, and by the bare engine adapter. Speed, and what each process spends on a text. */
import process from 'node:process'
import { Pool } from 'undici'
import { createAccount, startGateway } from '../acceptance/toolkit/gateway.ts'
import { linkedLine } from '../acceptance/toolkit/line.ts'
import type { Phone, Simulator } from '../acceptance/toolkit/simulator.ts'
import { median, round } from './measurement.ts'
import { type Share, shareText, watchCpu } from './processes.ts'
import { lineOf, profiling, resultOf, startBench } from './programs.ts'

export interface Texts {
  owner: Phone
  /** Numbers or JIDs; one text at a time is on its way to each. */
  chats: readonly string[]
  messages: number
  warmUp: number
}

export interface Run {
  perSecond: number
  /** Gateway, or adapter. */
  sender: Share
  simulator: Share
  /** Of the REST API; null without one. */
  client: Share | null
}

export const throughGateway = async (simulator: Simulator, { owner, chats, messages, warmUp }: Texts): Promise<Run> => {
  const gateway = await startGateway({ network: simulator.url, nodeArguments: profiling(), env: { LOG_LEVEL: 'warn' } })
  try {
    const line = await linkedLine(gateway, gateway.api(await createAccount(gateway, 'bench')), owner, 'bench')
    // First contacts and cold code are costs of their own; both sides leave them out.
    await Promise.all(chats.map((chat) => line.text(chat, 'hello')))
    await sendAll(gateway.url, line.token, chats, warmUp)
    const spent = watchCpu([gateway.pid(), simulator.pid, process.pid])
    const began = performance.now()
    await sendAll(gateway.url, line.token, chats, messages)
    const perSecond = messages / ((performance.now() - began) / 1000)
    const [sender, network, client] = spent(messages) as [Share, Share, Share]
    await gateway.stop()
    return { perSecond, sender, simulator: network, client }
  } finally {
    await gateway.dispose()
  }
}

/** With a folder its store is a database in there, the gateway's kind of; without one it is in memory. */
export const throughAdapter = async (simulator: Simulator, { owner, chats, messages, warmUp }: Texts, folder?: string): Promise<Run> => {
  const counts = [messages, chats.length, warmUp]
  const program = startBench(
    'bare-library',
    ...['send', simulator.url, owner.number, chats.join(','), ...counts, ...(folder === undefined ? [] : [folder])],
  )
  await lineOf(program)
  const spent = watchCpu([program.pid, simulator.pid])
  await lineOf(program, 1)
  const [sender, network] = spent(messages) as [Share, Share]
  return { perSecond: (await resultOf<{ perSecond: number }>(program)).perSecond, sender, simulator: network, client: null }
}

/** Milliseconds of CPU a text, on both sides. */
export const cpuText = (ours: readonly Run[], bare: readonly Run[]): string =>
  [
    `CPU a text in ms: gateway ${shareText(ours.map(({ sender }) => sender))}`,
    `simulator ${shareText(ours.map(({ simulator }) => simulator))}`,
    `client ${shareText(ours.flatMap(({ client }) => client ?? []))}`,
    `bare adapter ${shareText(bare.map(({ sender }) => sender))} with its simulator ${shareText(bare.map(({ simulator }) => simulator))}`,
  ].join(', ')

export const rateOf = (runs: readonly Run[]): number => median(runs.map(({ perSecond }) => perSecond))

export const ratesText = (ours: readonly Run[], bare: readonly Run[]): string => `${round(rateOf(ours))} ÷ ${round(rateOf(bare))} texts/s`

/** A connection per chat, one request at a time on each, by a client that costs little itself. */
const sendAll = async (gateway: string, token: string, chats: readonly string[], amount: number): Promise<void> => {
  const pool = new Pool(gateway, { connections: chats.length })
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
  await Promise.all(chats.map(worker))
  await pool.close()
}
