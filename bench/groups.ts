/** Groups: texts to groups of 10, 100 and 1,000 people against the bare engine adapter, and the list of many large groups. */
import { setTimeout as pause } from 'node:timers/promises'
import { createAccount, startGateway } from '../acceptance/toolkit/gateway.ts'
import { list } from '../acceptance/toolkit/json.ts'
import { linkedLine } from '../acceptance/toolkit/line.ts'
import type { Phone, Simulator } from '../acceptance/toolkit/simulator.ts'
import { type Measurement, median, round } from './measurement.ts'
import { residentOf } from './processes.ts'
import { startNetwork } from './programs.ts'
import { cpuText, type Run, rateOf, ratesText, throughAdapter, throughGateway } from './texts.ts'

/** Members, and how many groups are written to at once: the messages of one group go one after the other. */
const sizes = [
  { size: 10, atOnce: 20 },
  { size: 100, atOnce: 20 },
  { size: 1_000, atOnce: 10 },
]
const rounds = 3
const messages = 600
const warmUp = 2_000

const listedGroups = 500
const listedMembers = 100

export const groups = async (): Promise<Measurement[]> => {
  const simulator = await startNetwork()
  try {
    const people = await crowd(simulator, Math.max(...sizes.map(({ size }) => size)) - 2)
    const sent: Sending[] = []
    for (const { size, atOnce } of sizes) sent.push(await sending(simulator, people.slice(0, size - 2), size, atOnce))
    return [...sent.map(({ measurement }) => measurement), growth(sent), await listing(simulator, people.slice(0, listedMembers - 1))]
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

interface Sending {
  size: number
  /** Of one text through the gateway. */
  ms: number
  measurement: Measurement
}

/** A text is encrypted once, however many read it; what grows is the list of devices it is meant for. */
const growth = (sent: readonly Sending[]): Measurement => {
  const [smallest, largest] = [sent[0], sent.at(-1)]
  return {
    what: `time of a text to ${largest?.size} people ÷ to ${smallest?.size}`,
    value: (largest?.ms ?? Number.NaN) / (smallest?.ms ?? Number.NaN),
    unit: '',
    bound: { is: 'at most', value: 10 },
    detail: sent.map(({ size, ms }) => `${round(ms)} ms to ${size}`).join(', '),
  }
}

const sending = async (simulator: Simulator, people: readonly Phone[], size: number, atOnce: number): Promise<Sending> => {
  const ours: Run[] = []
  const bare: Run[] = []
  const texts = async () => {
    const owner = await simulator.phone()
    return { owner, chats: await makeGroups(simulator, owner, people, atOnce), messages, warmUp }
  }
  for (let n = 0; n < rounds; n += 1) {
    ours.push(await throughGateway(simulator, await texts()))
    bare.push(await throughAdapter(simulator, await texts()))
  }
  const measurement: Measurement = {
    what: `texts/s to groups of ${size} through REST ÷ bare engine adapter`,
    value: rateOf(ours) / rateOf(bare),
    unit: '',
    bound: { is: 'at least', value: 0.8 },
    detail: `${ratesText(ours, bare)}, median of ${rounds} × ${messages}, ${atOnce} groups; ours ${round(1000 / rateOf(ours))} ms each. ${cpuText(ours, bare)}`,
  }
  return { size, ms: 1000 / rateOf(ours), measurement }
}

/** The owner is in all of them. */
const makeGroups = async (simulator: Simulator, owner: Phone, people: readonly Phone[], count: number): Promise<string[]> => {
  const by = await simulator.phone()
  const made: string[] = []
  for (let n = 0; n < count; n += 1) made.push(await simulator.group({ by, subject: `Group ${n}`, participants: [owner, ...people] }))
  return made
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
