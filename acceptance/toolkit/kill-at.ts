/**
 * Loaded into a gateway with `--import`: on SIGUSR2 it reads from the file `KILL_AT_FILE` where to end, `<point> <message id>`, `*` being any,
 * takes the file away, and ends by SIGKILL when that message comes to that point. The points are channels of `node:diagnostics_channel`: the
 * gateway's own (`gateway/src/runtime/milestones.ts`) and undici's.
 */
import { subscribe } from 'node:diagnostics_channel'
import { readFileSync, rmSync } from 'node:fs'
import process from 'node:process'

process.on('SIGUSR2', () => {
  const file = process.env.KILL_AT_FILE ?? ''
  const [point = '', id = ''] = readFileSync(file, 'utf8').split(' ')
  subscribe(point, (message) => {
    // The kernel ends a process that signals itself before it returns from the call.
    if (isIt(message, id)) process.kill(process.pid, 'SIGKILL')
  })
  rmSync(file)
})

/** Whether a message passes of which this is the id. */
const isIt = (message: unknown, id: string): boolean => id === '*' || idsIn(message).includes(id) || bodyOf(message).includes(id)

const idsIn = (message: unknown): unknown[] => {
  const ids: unknown = field(message, 'ids')
  return Array.isArray(ids) ? ids : []
}

/** What an undici request sends. */
const bodyOf = (message: unknown): string => {
  const body = field(field(message, 'request'), 'body')
  return typeof body === 'string' || body instanceof Uint8Array ? Buffer.from(body as Uint8Array).toString() : ''
}

const field = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined
