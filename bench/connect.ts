/** CPU per saved instance to come back after a restart, against the bare library with the same Signal repository and its store in memory. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { startGateway } from '../acceptance/toolkit/gateway.ts'
import { allConnected, benchAccount, linkFleet } from './fleet.ts'
import type { Measurement } from './measurement.ts'
import { cpuOf } from './processes.ts'
import { resultOf, startBench, startNetwork } from './programs.ts'

const instances = 200
/** CONNECT_CONCURRENCY's default. */
const atOnce = 10

export const connect = async (): Promise<Measurement> => {
  const ours = await gatewayCpu()
  const theirs = await bareCpu()
  return {
    what: 'CPU per reconnected instance ÷ bare library',
    value: ours / theirs,
    unit: '',
    bound: { is: 'at most', value: 1.3 },
    detail: `${ours.toFixed(1)} ÷ ${theirs.toFixed(1)} ms per instance, ${instances} instances, ${atOnce} at a time`,
  }
}

const gatewayCpu = async (): Promise<number> => {
  const simulator = await startNetwork()
  const gateway = await startGateway({ network: simulator.url, env: { LOG_LEVEL: 'warn' } })
  try {
    await gateway.restart()
    await pause(3_000)
    const idle = cpuOf(gateway.pid())
    await linkFleet(gateway, simulator, await benchAccount(gateway), instances)
    await gateway.restart()
    await allConnected(simulator.url, instances)
    return (cpuOf(gateway.pid()) - idle) / instances
  } finally {
    await gateway.dispose()
    await simulator.stop()
  }
}

const bareCpu = async (): Promise<number> => {
  const simulator = await startNetwork()
  const folder = await mkdtemp(join(tmpdir(), 'ryzeapi-bench-'))
  const file = join(folder, 'sessions.json')
  try {
    const numbers = await Promise.all(Array.from({ length: instances }, async () => (await simulator.phone()).number))
    await resultOf(startBench('bare-library', 'link', simulator.url, file, numbers.join(','), String(atOnce)))
    const { cpuMs } = await resultOf<{ cpuMs: number }>(startBench('bare-library', 'connect', simulator.url, file, String(atOnce)))
    return cpuMs / instances
  } finally {
    await simulator.stop()
    await rm(folder, { recursive: true, force: true })
  }
}
