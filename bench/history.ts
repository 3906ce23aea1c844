/** The history of a phone that has talked a lot: how long it takes until it is stored, and how much memory, against decoding it with Baileys alone. */
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as pause } from 'node:timers/promises'
import { createAccount, startGateway } from '../acceptance/toolkit/gateway.ts'
import { text } from '../acceptance/toolkit/json.ts'
import { createInstance, unlinkedLine } from '../acceptance/toolkit/line.ts'
import type { Phone, Simulator } from '../acceptance/toolkit/simulator.ts'
import { type Databases, withDatabases } from './databases.ts'
import { type Measurement, round } from './measurement.ts'
import { cpuOf, peakOf, residentOf } from './processes.ts'
import { profiling, resultOf, startBench, startNetwork } from './programs.ts'

const chats = 1_000
const each = 100
const messages = chats * each
const days = 60
const warmUp = 10_000

interface Reading {
  seconds: number
  /** Of CPU, for a message. */
  microseconds: number
  /** More MiB than before, at most. */
  memory: number
}

export const history = (): Promise<Measurement[]> =>
  withDatabases('SQLite', async (databases) => {
    const simulator = await startNetwork()
    try {
      const bare = await decoded(simulator, await oldHand(simulator))
      const ours = await stored(simulator, await oldHand(simulator), databases)
      const of = `${messages} messages of ${chats} chats`
      return [
        {
          what: `memory while ${of} come in, more than before`,
          value: ours.memory,
          unit: ' MiB',
          bound: { is: 'at most', value: 200 },
          detail: `at most; decoding each chunk with Baileys takes ${round(bare.memory)} more`,
        },
        {
          what: `CPU to store ${of} ÷ to decode them`,
          value: ours.microseconds / bare.microseconds,
          unit: '',
          bound: { is: 'at most', value: 20 },
          detail: `${round(ours.microseconds)} ÷ ${round(bare.microseconds)} µs a message, in ${round(ours.seconds)} and ${round(bare.seconds)} s`,
        },
      ]
    } finally {
      await simulator.stop()
    }
  })

const oldHand = async (simulator: Simulator, amount = chats): Promise<Phone> => {
  const phone = await simulator.phone()
  await phone.remember({ chats: amount, messages: each, days })
  return phone
}

const decoded = async (simulator: Simulator, { number }: Phone): Promise<Reading> => {
  const { cpuMs, ...reading } = await resultOf<{ seconds: number; cpuMs: number; memory: number }>(
    startBench('bare-history', simulator.url, number, messages),
  )
  return { ...reading, microseconds: (cpuMs * 1000) / messages }
}

const stored = async (simulator: Simulator, phone: Phone, databases: Databases): Promise<Reading> => {
  const { dataDir } = await databases.fresh()
  const gateway = await startGateway({ network: simulator.url, dataDir, nodeArguments: profiling(), env: { LOG_LEVEL: 'warn' } })
  try {
    const account = gateway.api(await createAccount(gateway, 'bench'))
    const take = async (name: string, from: Phone, total: number): Promise<void> => {
      const line = unlinkedLine(gateway, from, name, await createInstance(account, name))
      const answer = await line.api.get(`/api/instance/connect/${name}?history=90`)
      await from.scan(text(answer.body, 'qrCode'))
      await storedAtLast(join(dataDir, 'gateway.sqlite'), total)
    }
    // What cold code, pools and a first history take is no history's.
    await take('earlier', await oldHand(simulator, warmUp / each), warmUp)
    await pause(2_000)
    const [cpu, resident] = [cpuOf(gateway.pid()), residentOf(gateway.pid())]
    const began = performance.now()
    await take('bench', phone, warmUp + messages)
    const reading = {
      seconds: (performance.now() - began) / 1000,
      microseconds: ((cpuOf(gateway.pid()) - cpu) * 1000) / messages,
      memory: peakOf(gateway.pid()) - resident,
    }
    await gateway.stop()
    return reading
  } finally {
    await gateway.dispose()
  }
}

/** Looks on from outside: readers cost the gateway nothing. */
const storedAtLast = async (file: string, total: number): Promise<void> => {
  const database = new DatabaseSync(file, { readOnly: true, timeout: 1_000 })
  const count = database.prepare('select count(*) as count from messages')
  while (Number(count.get()?.count) < total) await pause(100)
  database.close()
}
