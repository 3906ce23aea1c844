/** Looking at another process: CPU it used, memory it holds. */
import { readFileSync } from 'node:fs'
import { WebSocket } from 'ws'
import { eventually } from '../acceptance/toolkit/eventually.ts'
import { median } from './measurement.ts'

/** Milliseconds of CPU used so far, all threads. Linux only; resolution 10 ms. */
export const cpuOf = (pid: number): number => cpuIn(`/proc/${pid}/stat`)

const cpuIn = (file: string): number => {
  const fields = readFileSync(file, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ')
  return (Number(fields[11]) + Number(fields[12])) * 10
}

/** CPU of a process per piece of work, in milliseconds. */
export interface Share {
  all: number
  /** Of the thread that runs the JavaScript; the others collect garbage, compile and wait for files. */
  main: number
}

/** Measures what these processes use from now on; to be divided by the pieces of work they did. Steadier than seconds beside other work. */
export const watchCpu = (pids: readonly number[]): ((pieces: number) => Share[]) => {
  const now = () => pids.map((pid) => ({ all: cpuOf(pid), main: cpuIn(`/proc/${pid}/task/${pid}/stat`) }))
  const before = now()
  return (pieces) =>
    now().map(({ all, main }, n) => ({
      all: (all - (before[n]?.all ?? Number.NaN)) / pieces,
      main: (main - (before[n]?.main ?? Number.NaN)) / pieces,
    }))
}

/** `0.70 ms (main thread 0.61)`, of several rounds the median. */
export const shareText = (rounds: readonly (Share | undefined)[]): string => {
  const shares = rounds.filter((share) => share !== undefined)
  return `${median(shares.map(({ all }) => all)).toFixed(2)} (main thread ${median(shares.map(({ main }) => main)).toFixed(2)})`
}

/** Resident memory in MiB. */
export const residentOf = (pid: number): number => memoryIn(pid, 'VmRSS')

/** The most resident memory so far, in MiB. */
export const peakOf = (pid: number): number => memoryIn(pid, 'VmHWM')

const memoryIn = (pid: number, field: string): number =>
  Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024

/** Makes a process started with `--inspect=127.0.0.1:0` collect its garbage. `output` is what it wrote so far. */
export const collectGarbage = async (output: () => string): Promise<void> => {
  const url = await eventually('the inspector', async () => /Debugger listening on (ws:\S+)/.exec(output())?.[1])
  const socket = new WebSocket(url)
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject))
  for (const id of [1, 2, 3]) {
    socket.send(JSON.stringify({ id, method: 'HeapProfiler.collectGarbage' }))
    await new Promise<void>((resolve) => {
      const listen = (data: unknown) => {
        if ((JSON.parse(String(data)) as { id?: number }).id !== id) return
        socket.off('message', listen)
        resolve()
      }
      socket.on('message', listen)
    })
  }
  socket.close()
}
