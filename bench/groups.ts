/** Groups: texts to groups of 10, 100 and 1,000 people against the bare engine adapter, and the list of many large groups. */
import { setTimeout as pause } from 'node:timers/promises'
import { Pool } from 'undici'
import { createAccount, startGateway } from '../acceptance/toolkit/gateway.ts'
import { list } from '../acceptance/toolkit/json.ts'
import { linkedLine } from '../acceptance/toolkit/line.ts'
import { type Phone, type Simulator, startSimulator } from '../acceptance/toolkit/simulator.ts'
import { resultOf, startBareLibrary } from './bare-library.ts'
import { type Measurement, median, round } from './measurement.ts'
import { residentOf } from './processes.ts'

/** Members, and how many groups are written to at once: the messages of one group go one after the other. */
const sizes = [
  { size: 10, atOnce: 20 },
  { size: 100, atOnce: 20 },
  { size: 1_000, atOnce: 10 },
]
const rounds = 3
const messages = 600
const warmUp = 200

const listedGroups = 500
const listedMembers = 100

export const groups = async (): Promise<Measurement[]> => {
  const simulator = await startSimulator()
  try {
    const people = await crowd(simulator, Math.max(...sizes.map(({ size }) => size)) - 2)
    const measurements: Measurement[] = []
    for (const { size, atOnce } of sizes) measurements.push(await sending(simulator, people.slice(0, size - 2), size, atOnce))
    return [...measurements, await listing(simulator, people.slice(0, listedMembers - 1))]
  } finally {
    await simulator.stop()
  }
}

/** People whose phones are off: what they get waits for them, and costs this machine nothing. */
const crowd = async (simulator: Simulator, count: number): Promise<Phone[]> => {
  const people: Phone[] = []
  while (people.length < count) {
    const some = await Promise.all(Array.from({ length: Math.min(50, count - people.length) }, () => simulator.phone()))
    await Promise.all(some.map((phone) => phone.change({ online: false })))
    people.push(...some)
  }
  return people
}

const sending = async (simulator: Simulator, people: readonly Phone[], size: number, atOnce: number): Promise<Measurement> => {
  const ours: number[] = []
  const bare: number[] = []
  for (let n = 0; n < rounds; n += 1) {
    ours.push(await throughGateway(simulator, people, atOnce))
    bare.push(await throughAdapter(simulator, people, atOnce))
  }
  return {
    what: `texts/s to groups of ${size} through REST ÷ bare engine adapter`,
    value: median(ours) / median(bare),
    unit: '',
    bound: { is: 'at least', value: 0.8 },
    detail: `${round(median(ours))} ÷ ${round(median(bare))} texts/s, median of ${rounds} × ${messages}, ${atOnce} groups; ours ${round(1000 / median(ours))} ms each`,
  }
}

/** The owner is in all of them. */
const makeGroups = async (simulator: Simulator, owner: Phone, people: readonly Phone[], count: number): Promise<string[]> => {
  const by = await simulator.phone()
  const made: string[] = []
  for (let n = 0; n < count; n += 1) made.push(await simulator.group({ by, subject: `Group ${n}`, participants: [owner, ...people] }))
  return made
}

const throughAdapter = async (simulator: Simulator, people: readonly Phone[], atOnce: number): Promise<number> => {
  const owner = await simulator.phone()
  const made = await makeGroups(simulator, owner, people, atOnce)
  const counts = [messages, atOnce, warmUp].map(String)
  const { perSecond = Number.NaN } = await resultOf(startBareLibrary('send', simulator.url, owner.number, made.join(','), ...counts))
  return perSecond
}

const throughGateway = async (simulator: Simulator, people: readonly Phone[], atOnce: number): Promise<number> => {
  const gateway = await startGateway({ network: simulator.url, env: { LOG_LEVEL: 'warn' } })
  try {
    const owner = await simulator.phone()
    const made = await makeGroups(simulator, owner, people, atOnce)
    const line = await linkedLine(gateway, gateway.api(await createAccount(gateway, 'bench')), owner, 'bench')
    // Sessions, sender keys and cold code are costs of their own; both sides leave them out.
    await Promise.all(made.map((jid) => line.text(jid, 'hello')))
    await sendAll(gateway.url, line.token, made, warmUp)
    const began = performance.now()
    await sendAll(gateway.url, line.token, made, messages)
    return messages / ((performance.now() - began) / 1000)
  } finally {
    await gateway.dispose()
  }
}

const sendAll = async (gateway: string, token: string, groupJids: readonly string[], amount: number): Promise<void> => {
  const pool = new Pool(gateway, { connections: groupJids.length })
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
  await Promise.all(groupJids.map(worker))
  await pool.close()
}

const listing = async (simulator: Simulator, people: readonly Phone[]): Promise<Measurement> => {
  const owner = await simulator.phone()
  await makeGroups(simulator, owner, people.slice(1), listedGroups)
  const gateway = await startGateway({ network: simulator.url, env: { LOG_LEVEL: 'warn' } })
  try {
    const line = await linkedLine(gateway, gateway.api(await createAccount(gateway, 'bench')), owner, 'bench')
    await pause(2_000)
    const before = residentOf(gateway.pid())
    const seconds: number[] = []
    let peak = before
    const watch = setInterval(() => {
      peak = Math.max(peak, residentOf(gateway.pid()))
    }, 20)
    for (let n = 0; n < rounds; n += 1) {
      const began = performance.now()
      const answer = await line.api.get('/api/group/list/bench')
      seconds.push((performance.now() - began) / 1000)
      const found = list(answer.body, 'groups').length
      if (found !== listedGroups) throw new Error(`${found} groups`)
    }
    clearInterval(watch)
    return {
      what: `a list of ${listedGroups} groups of ${listedMembers}`,
      value: median(seconds),
      unit: ' s',
      bound: { is: 'at most', value: 5 },
      detail: `${seconds.map((value) => value.toFixed(2)).join(', ')} s; resident ${round(before)} MiB before, ${round(peak)} MiB at most`,
    }
  } finally {
    await gateway.dispose()
  }
}
