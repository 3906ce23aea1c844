/**
 * Loaded into a gateway with `--import`: ends it by SIGKILL at a named point on the way of one message. `KILL_AT` is `<point> <message id>`, `*` being any; without
 * it nothing happens. The points are channels of `node:diagnostics_channel`: the gateway's own (`gateway/src/runtime/milestones.ts`) and undici's.
 */
import { subscribe } from 'node:diagnostics_channel'
import process from 'node:process'

const [point = '', id = ''] = (process.env.KILL_AT ?? '').split(' ')

/** Whether a message passes of which this is the id. */
const isIt = (message: unknown): boolean => id === '*' || idsIn(message).includes(id) || bodyOf(message).includes(id)

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

if (id !== '')
  subscribe(point, (message) => {
    // The kernel ends a process that signals itself before it returns from the call.
    if (isIt(message)) process.kill(process.pid, 'SIGKILL')
  })
