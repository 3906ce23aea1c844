/** What one more connected, idle instance costs in resident memory, after a restart and a garbage collection. */
import { startGateway } from '../acceptance/toolkit/gateway.ts'
import { startSimulator } from '../acceptance/toolkit/simulator.ts'
import { allConnected, benchAccount, linkFleet } from './fleet.ts'
import type { Measurement } from './measurement.ts'
import { collectGarbage, residentOf } from './processes.ts'

/** Connected before the first look, so that code and pools are paid for. */
const few = 10
const many = 200

export const memory = async (): Promise<Measurement> => {
  const simulator = await startSimulator()
  const gateway = await startGateway({ network: simulator.url, nodeArguments: ['--inspect=127.0.0.1:0'], env: { LOG_LEVEL: 'warn' } })
  try {
    const account = await benchAccount(gateway)
    const idleWith = async (count: number) => {
      await gateway.restart()
      await allConnected(simulator.url, count)
      await collectGarbage(gateway.output)
      return residentOf(gateway.pid())
    }
    await linkFleet(gateway, simulator, account, few)
    const before = await idleWith(few)
    await linkFleet(gateway, simulator, account, many)
    const after = await idleWith(few + many)
    return {
      what: 'memory per connected instance',
      value: (after - before) / many,
      unit: ' MiB',
      bound: { is: 'at most', value: 1 },
      detail: `${before.toFixed(0)} MiB with ${few}, ${after.toFixed(0)} MiB with ${few + many} instances`,
    }
  } finally {
    await gateway.dispose()
    await simulator.stop()
  }
}
