/** Texts per second through REST, database, recorder and events, against the bare engine adapter with its store in memory. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Measurement, round } from './measurement.ts'
import { startNetwork } from './programs.ts'
import { cpuText, type Run, rateOf, ratesText, throughAdapter, throughGateway } from './texts.ts'

const rounds = 3
const messages = 3_000
const warmUp = 4_000
const friends = 20

export const send = async (): Promise<Measurement> => {
  const simulator = await startNetwork()
  const folder = await mkdtemp(join(tmpdir(), 'ryzeapi-bench-'))
  try {
    const chats = await Promise.all(Array.from({ length: friends }, async () => (await simulator.phone()).number))
    const texts = async () => ({ owner: await simulator.phone(), chats, messages, warmUp })
    const ours: Run[] = []
    const onDisk: Run[] = []
    const inMemory: Run[] = []
    for (let n = 0; n < rounds; n += 1) {
      onDisk.push(await throughAdapter(simulator, await texts(), join(folder, String(n))))
      ours.push(await throughGateway(simulator, await texts()))
      inMemory.push(await throughAdapter(simulator, await texts()))
    }
    return {
      what: 'texts/s through REST ÷ bare engine adapter',
      value: rateOf(ours) / rateOf(inMemory),
      unit: '',
      bound: { is: 'at least', value: 0.7 },
      detail: `${ratesText(ours, inMemory)}, median of ${rounds} × ${messages}, ${friends} chats with a text on its way to each; the adapter on the gateway's kind of database: ${round(rateOf(onDisk))}. ${cpuText(ours, inMemory)}`,
    }
  } finally {
    await simulator.stop()
    await rm(folder, { recursive: true })
  }
}
