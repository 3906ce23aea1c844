/** 100 MB up and down: the memory it takes beside that of a gateway which handles files of 8 MB, and how long others wait meanwhile. */
import { randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { setTimeout as pause } from 'node:timers/promises'
import type { Api } from '../acceptance/toolkit/api.ts'
import { createAccount, startGateway } from '../acceptance/toolkit/gateway.ts'
import { type Line, linkedLine } from '../acceptance/toolkit/line.ts'
import { type Phone, type Simulator, startSimulator } from '../acceptance/toolkit/simulator.ts'
import type { Measurement } from './measurement.ts'
import { residentOf } from './processes.ts'
import { resultOf, resultsOf, startBench } from './programs.ts'

const MEGABYTE = 1024 * 1024
const SIZE = 100 * MEGABYTE
const WARM_UP = 8 * MEGABYTE

export const media = async (): Promise<Measurement[]> => {
  const simulator = await startSimulator()
  try {
    return [...(await up(simulator)), ...(await down(simulator))]
  } finally {
    await simulator.stop()
  }
}

const up = async (simulator: Simulator): Promise<Measurement[]> => {
  const { number } = await simulator.phone()
  const files = createServer((incoming, response) => {
    const { pathname, searchParams } = new URL(incoming.url ?? '/', 'http://files')
    const bytes = noise(Number(searchParams.get('size')))
    Readable.from(pathname === '/json' ? jsonOf(bytes) : bytes, { objectMode: false }).pipe(response)
  })
  await new Promise<void>((resolve) => files.listen(0, '127.0.0.1', resolve))
  const base = `http://127.0.0.1:${(files.address() as AddressInfo).port}`
  try {
    const results = await resultsOf<{ way: string; before: number; most: number; seconds: number }>(
      startBench('media-up', simulator.url, number, `${base}/file`, `${base}/json`),
    )
    return results.map(({ way, before, most, seconds }) => ({
      what: `memory while 100 MB go up from ${way === 'url' ? 'an address' : 'base64 in a JSON body'}`,
      value: most - before,
      unit: ' MiB',
      bound: { is: 'at most', value: 60 },
      detail: `${before.toFixed(0)} MiB before, ${most.toFixed(0)} MiB at most; ${seconds.toFixed(1)} s to fetch, encrypt, upload and keep`,
    }))
  } finally {
    files.closeAllConnections()
    files.close()
  }
}

const down = async (simulator: Simulator): Promise<Measurement[]> => {
  const gateway = await startGateway({ network: simulator.url, env: { LOG_LEVEL: 'warn' } })
  try {
    const account = gateway.api(await createAccount(gateway, 'bench'))
    const line = await linkedLine(gateway, account, await simulator.phone(), 'bench')
    const friend = await simulator.phone()
    for (let time = 0; time < 3; time++) await fetched(gateway.url, line, await sendFile(simulator, friend, line.phone, WARM_UP))
    await pause(500)
    const idle = await waits(line.api, pause(3_000))
    const before = residentOf(gateway.pid())
    const watch = watchMemory(gateway.pid())
    const began = performance.now()
    // The sender's part, which makes and encrypts the file on these same cores, is not what others wait for.
    const transfer = fetched(gateway.url, line, await sendFile(simulator, friend, line.phone, SIZE), 3)
    const busy = await waits(line.api, transfer)
    const seconds = (performance.now() - began) / 1000
    const most = watch.stop()
    if ((await transfer) < SIZE) throw new Error('the file came back short')
    return [
      {
        what: 'memory while 100 MB come down and are read as base64 three times',
        value: most - before,
        unit: ' MiB',
        bound: { is: 'at most', value: 60 },
        detail: `${before.toFixed(0)} MiB before, ${most.toFixed(0)} MiB at most; ${seconds.toFixed(1)} s with the sender's part`,
      },
      {
        what: 'p99 of other requests meanwhile',
        value: busy,
        unit: ' ms',
        // Sender, network and gateway share the machine's cores here, so a few milliseconds are doubled whatever we do.
        bound: { is: 'at most', value: Math.max(2 * idle, 40) },
        detail: `${idle.toFixed(1)} ms while nothing is transferred`,
      },
    ]
  } finally {
    await gateway.dispose()
  }
}

/** Gives the message id. In a process of its own: making 100 MB would hold up the clock that others are measured by. */
const sendFile = async (simulator: Simulator, from: Phone, to: Phone, size: number): Promise<string> =>
  (await resultOf<{ id: string }>(startBench('media-sender', simulator.url, from.number, to.number, size))).id

/** Reads the media of a message through the API once it is there; gives the length of the answer. In a process of its own, too. */
const fetched = async (gateway: string, line: Line, id: string, times = 1): Promise<number> =>
  (await resultOf<{ length: number }>(startBench('media-reader', gateway, line.token, line.name, id, times))).length

/** p99 in milliseconds of a small request, 50 a second, until the work is done. */
const waits = async (api: Api, work: Promise<unknown>): Promise<number> => {
  const times: number[] = []
  const done = { yet: false }
  const ended = work.finally(() => {
    done.yet = true
  })
  while (!done.yet) {
    const began = performance.now()
    await api.get('/api/instance/list')
    times.push(performance.now() - began)
    await pause(20)
  }
  await ended
  times.sort((one, other) => one - other)
  return times[Math.floor(times.length * 0.99)] ?? Number.NaN
}

const watchMemory = (pid: number) => {
  let most = 0
  const timer = setInterval(() => {
    most = Math.max(most, residentOf(pid))
  }, 5)
  return {
    stop() {
      clearInterval(timer)
      return most
    },
  }
}

/** Bytes nobody can compress, made as they are asked for. */
function* noise(size: number): Generator<Buffer> {
  const piece = randomBytes(48 * 1024)
  for (let left = size; left > 0; left -= piece.length) yield piece.subarray(0, Math.min(left, piece.length))
}

function* jsonOf(bytes: Iterable<Buffer>): Generator<Buffer> {
  yield Buffer.from('{"number":"1","mediaType":"document","mediaBase64":"')
  // Pieces of 48 KiB are a whole number of groups of three.
  for (const piece of bytes) yield Buffer.from(piece.toString('base64'))
  yield Buffer.from('"}')
}
