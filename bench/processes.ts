/** Looking at another process: CPU it used, memory it holds. */
import { readFileSync } from 'node:fs'
import { WebSocket } from 'ws'
import { eventually } from '../acceptance/toolkit/eventually.ts'

/** Milliseconds of CPU used so far, all threads. Linux only; resolution 10 ms. */
export const cpuOf = (pid: number): number => {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ')
  return (Number(fields[11]) + Number(fields[12])) * 10
}

/** Resident memory in MiB. */
export const residentOf = (pid: number): number =>
  Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024

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
