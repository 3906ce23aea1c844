/**
 * Sends events to WebSocket clients, as a process of its own: through our log and hub, or with `ws` and nothing else.
 *   fan-out hub <events> <warm-up> <place>
 *   fan-out bare <events> <warm-up>
 * Prints `{"port"}`, begins at SIGUSR2, and ends when the last client has gone: `cpuMs` without the warm-up.
 */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import process from 'node:process'
import { setImmediate as nextTurn, setTimeout as pause } from 'node:timers/promises'
import { type WebSocket, WebSocketServer } from 'ws'
import type { InstanceRequest } from '../../gateway/src/http/operation.ts'
import { openEvents } from './open-events.ts'
import { sampleData } from './sample-event.ts'

const [kind = '', events = '0', warmUp = '0', place = ''] = process.argv.slice(2)

/** Events on their way into the log at once, as they come from many sessions. */
const writers = 32
/** Bytes that may wait for a client before the next event is made: both sides are to be measured at work, not at queueing. */
const ahead = 512 * 1024

interface Side {
  admit(): Promise<(socket: WebSocket) => void>
  send(n: number): unknown
  close(): Promise<void>
}

const http = createServer()
const sockets = new WebSocketServer({ noServer: true })

const bare = (): Side => {
  const instanceData = { baseUrl: 'http://127.0.0.1', instance: 'instance-1', token: 'x'.repeat(49) }
  return {
    admit: async () => () => {},
    send(n) {
      const envelope = {
        id: String(n).padStart(26, '0'),
        event: 'message.exchange',
        timestamp: new Date().toISOString(),
        data: sampleData(n),
        instanceData,
      }
      const frame = Buffer.from(JSON.stringify(envelope))
      for (const client of sockets.clients) client.send(frame, { binary: false })
    },
    close: async () => {},
  }
}

const hub = async (): Promise<Side> => {
  const { events, addInstance, close } = await openEvents(place)
  await addInstance('bench-0')
  await events.websocket.configure('bench-0', { enabled: true })
  await events.start()
  const request = {
    scope: { account: { id: 'bench', allowedOrigins: [] }, instance: { id: 'bench-0', name: 'bench-0' }, by: 'instance' },
    query: {},
    headers: {},
  } as unknown as InstanceRequest<unknown, undefined>
  const [route] = events.socketOperations
  if (route === undefined) throw new Error('no route')
  return {
    admit: () => route.admit(request),
    send: (n) =>
      events.write((_tx, record) => record({ instanceId: 'bench-0', name: 'message.exchange', lane: `${n % 20}`, data: sampleData(n) })),
    close,
  }
}

const side = kind === 'hub' ? await hub() : bare()
http.on('upgrade', async (request, socket, head) => {
  const accept = await side.admit()
  sockets.handleUpgrade(request, socket, head, (client) => {
    sockets.emit('connection', client, request)
    accept(client)
  })
})
const begin = once(process, 'SIGUSR2')
http.listen(0, '127.0.0.1')
await once(http, 'listening')
process.stdout.write(`${JSON.stringify({ port: (http.address() as AddressInfo).port })}\n`)

await begin
let before = process.cpuUsage()
let next = 0
const writer = async () => {
  while (next < Number(events)) {
    const n = next++
    if (n === Number(warmUp)) before = process.cpuUsage()
    await side.send(n)
    while ([...sockets.clients].some((client) => client.bufferedAmount > ahead)) await pause(1)
    if (n % 10 === 0) await nextTurn()
  }
}
await Promise.all(Array.from({ length: kind === 'hub' ? writers : 1 }, writer))
while (sockets.clients.size > 0) await pause(5)
const { user, system } = process.cpuUsage(before)
await side.close()
process.stdout.write(`${JSON.stringify({ cpuMs: (user + system) / 1000 })}\n`, () => process.exit(0))
