/** A client of `/ws/:instance`. */
import { WebSocket } from 'ws'
import { createInbox } from './inbox.ts'
import type { Json, Pattern } from './json.ts'
import { witness } from './witness.ts'

export interface Socket {
  /** The next event envelope that looks like this. */
  next(pattern: Pattern, waitMs?: number): Promise<Json>
  events(): readonly Json[]
  /** Close code, once it is closed by either side. */
  readonly closed: Promise<number>
  close(): void
}

/** What the gateway answered instead of upgrading. */
export class UpgradeRefused extends Error {
  readonly status: number
  readonly body: Json
  constructor(status: number, body: Json) {
    super(`upgrade refused: ${status} ${JSON.stringify(body)}`)
    this.status = status
    this.body = body
  }
}

export interface SocketOptions {
  /** Id of the last event that was seen; what came after it is sent first. */
  after?: string
  /** As a browser's page would send it. */
  origin?: string
}

/** Connects to `url` (http://…) with the token in the header. Throws {@link UpgradeRefused}. */
export const openSocket = (url: string, instance: string, token?: string, { after, origin }: SocketOptions = {}): Promise<Socket> => {
  const events = createInbox<Json>(`socket of ${instance}`)
  const socket = new WebSocket(
    `${url.replace(/^http/, 'ws')}/ws/${encodeURIComponent(instance)}${after === undefined ? '' : `?after=${encodeURIComponent(after)}`}`,
    { headers: { ...(token !== undefined && { token }), ...(origin !== undefined && { origin }) } },
  )
  const closed = new Promise<number>((resolve) => socket.once('close', resolve))
  witness.request(token, undefined)
  socket.on('message', (data) => {
    const event = JSON.parse(String(data)) as Json
    witness.event(event)
    events.put(event)
  })
  return new Promise((resolve, reject) => {
    socket.once('open', () => resolve({ next: events.next, events: events.all, closed, close: () => socket.close() }))
    socket.once('unexpected-response', (_, response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () =>
        reject(new UpgradeRefused(response.statusCode ?? 0, JSON.parse(Buffer.concat(chunks).toString('utf8')) as Json)),
      )
    })
    socket.on('error', reject)
  })
}
