/** A webhook receiver that keeps count: what came, in which order, and what it answered. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createInbox } from './inbox.ts'
import type { Json, Pattern } from './json.ts'
import { witness } from './witness.ts'

/** One request as it came. */
export type Delivery = { path: string; headers: { [name: string]: Json }; body: Json }

export interface Receiver {
  /** `http://127.0.0.1:<port>` */
  readonly url: string
  /** The next event envelope that looks like this. */
  next(pattern: Pattern, waitMs?: number): Promise<Json>
  deliveries(): readonly Delivery[]
  /** From now on every delivery is answered with this status; 0 hangs up without an answer. */
  answer(status: number): void
  close(): Promise<void>
}

export const startReceiver = async (): Promise<Receiver> => {
  const events = createInbox<Json>('receiver')
  const deliveries: Delivery[] = []
  let status = 200
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const body = JSON.parse(Buffer.concat(chunks).toString('utf8')) as Json
      witness.event(body)
      deliveries.push({ path: request.url ?? '', headers: { ...request.headers } as { [name: string]: Json }, body })
      if (status === 0) return void request.socket.destroy()
      if (status < 300) events.put(body)
      response.writeHead(status).end()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    next: events.next,
    deliveries: () => deliveries,
    answer(next) {
      status = next
    },
    async close() {
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await closed
    },
  }
}
