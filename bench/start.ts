/** Process start to listening, on a data folder that exists. */
import { setTimeout as pause } from 'node:timers/promises'
import { startGateway } from '../acceptance/toolkit/gateway.ts'
import { startProgram } from '../acceptance/toolkit/program.ts'
import { type Measurement, median } from './measurement.ts'

const starts = 7

export const start = async (): Promise<Measurement> => {
  const gateway = await startGateway()
  await gateway.stop()
  const seconds: number[] = []
  for (let round = 0; round < starts; round += 1) {
    const { port } = new URL(gateway.url)
    const began = performance.now()
    const program = startProgram(['gateway/start.js'], { HOST: '127.0.0.1', PORT: port, DATA_DIR: gateway.dataDir, LOG_LEVEL: 'warn' })
    // Asking over and over would take the second core from what is measured.
    while (!program.output().includes('listens on')) {
      if (program.exit() !== null) throw new Error(program.output())
      await pause(2)
    }
    if (!(await answers(gateway.url))) throw new Error('it says that it listens, and does not answer')
    seconds.push((performance.now() - began) / 1000)
    program.kill('SIGTERM')
    await program.exited
  }
  await gateway.dispose()
  return {
    what: 'process start to listening',
    value: median(seconds),
    unit: ' s',
    bound: { is: 'at most', value: 1 },
    detail: `median of ${starts}: ${seconds.map((value) => value.toFixed(2)).join(', ')}`,
  }
}

const answers = (url: string) =>
  fetch(`${url}/health`).then(
    (response) => response.ok,
    () => false,
  )
