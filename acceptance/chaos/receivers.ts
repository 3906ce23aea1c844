/** Webhook receivers with moods. Every request is noted in the ledger with what became of it. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { at, type Json } from '../toolkit/json.ts'
import type { Attempt, Ledger } from './ledger.ts'
import type { Mood } from './misfortunes.ts'

export interface MoodyReceiver {
  /** `http://127.0.0.1:<port>`; the path is the number of the instance. */
  readonly url: string
  be(mood: Mood): void
  close(): Promise<void>
}

/** `run` tells which run of the gateway is up. */
export const startMoodyReceiver = async (ledger: Ledger, run: () => number): Promise<MoodyReceiver> => {
  let mood: Mood = { kind: 'fine' }
  const hanging = new Set<ServerResponse>()

  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (mood.kind === 'resets') return void request.socket.destroy()
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const attempt = read(request.url?.slice(1) ?? '', JSON.parse(Buffer.concat(chunks).toString('utf8')) as Json, run())
    const accepted = await answer(request, response, mood)
    ledger.attempts.push({ ...attempt, accepted })
  }

  /** Gives whether it said 2xx and got it across. */
  const answer = async (request: IncomingMessage, response: ServerResponse, present: Mood): Promise<boolean> => {
    switch (present.kind) {
      case 'resets':
      case 'cuts':
        request.socket.destroy()
        return false
      case 'hangs':
        hanging.add(response)
        await new Promise((resolve) => response.once('close', resolve))
        hanging.delete(response)
        return false
      case 'answers':
        response.writeHead(present.status, present.retryAfter === null ? {} : { 'retry-after': present.retryAfter }).end()
        return false
      case 'slow':
        await pause(present.ms)
    }
    if (request.socket.destroyed) return false
    const across = new Promise<boolean>((resolve) => {
      response.once('finish', () => resolve(true))
      response.once('close', () => resolve(response.writableFinished))
    })
    response.writeHead(200).end()
    return across
  }

  // A request that the gateway gives up in the middle is no event.
  const server = createServer((request, response) => void serve(request, response).catch(() => {}))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    be(next) {
      mood = next
      for (const response of hanging) response.socket?.destroy()
    },
    async close() {
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await closed
    },
  }
}

const read = (line: string, body: Json, run: number): Omit<Attempt, 'accepted'> => {
  const word = (path: string) => String(at(body, path) ?? '')
  const exchange = at(body, 'event') === 'message.exchange'
  const ids = at(body, 'data.messageIds')
  const direction = at(body, 'data.direction')
  return {
    line,
    eventId: word('id'),
    event: word('event'),
    messageIds: exchange ? [word('data.id')] : Array.isArray(ids) ? ids.map(String) : [],
    direction: direction === 'incoming' || direction === 'outgoing' ? direction : null,
    words: word('data.message.content'),
    type: exchange ? word('data.message.type') : word('data.status'),
    run,
  }
}
