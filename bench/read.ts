/** A read over REST against bare Fastify with the same answer schema: what routing, tokens, limits and the envelope cost. */
import autocannon from 'autocannon'
import { createAccount, startGateway } from '../acceptance/toolkit/gateway.ts'
import { createInstance } from '../acceptance/toolkit/line.ts'
import { freePort } from '../acceptance/toolkit/port.ts'
import { type Program, startProgram } from '../acceptance/toolkit/program.ts'
import { type Measurement, median, round } from './measurement.ts'

const rounds = 5
const seconds = 3
const connections = 32

export const read = async (): Promise<Measurement> => {
  const gateway = await startGateway({ env: { LOG_LEVEL: 'warn' } })
  const token = await createInstance(gateway.api(await createAccount(gateway, 'bench')), 'read')
  const bare = await startBare()
  const path = '/api/instance/getSettings/read'
  try {
    const ours: number[] = []
    const theirs: number[] = []
    for (let n = 0; n <= rounds; n += 1) {
      const there = await rate(`${bare.url}${path}`, token)
      const here = await rate(`${gateway.url}${path}`, token)
      // The first round warms both up.
      if (n > 0) {
        theirs.push(there)
        ours.push(here)
      }
    }
    return {
      what: 'REST read ÷ bare Fastify',
      value: median(ours) / median(theirs),
      unit: '',
      bound: { is: 'at least', value: 0.6 },
      detail: `${round(median(ours))} ÷ ${round(median(theirs))} requests/s, median of ${rounds} × ${seconds} s, ${connections} connections`,
    }
  } finally {
    bare.program.kill('SIGTERM')
    await gateway.dispose()
  }
}

const rate = async (url: string, token: string): Promise<number> => {
  const result = await autocannon({ url, connections, duration: seconds, headers: { token } })
  if (result.non2xx > 0 || result.errors > 0) throw new Error(`${url}: ${result.non2xx} answers other than 2xx, ${result.errors} errors`)
  return result.requests.average
}

const startBare = async (): Promise<{ url: string; program: Program }> => {
  const port = await freePort()
  const program = startProgram(['bench/programs/bare-fastify.ts', String(port)])
  const url = `http://127.0.0.1:${port}`
  while (
    !(await fetch(url).then(
      () => true,
      () => false,
    ))
  ) {
    if (program.exit() !== null) throw new Error(program.output())
  }
  return { url, program }
}
