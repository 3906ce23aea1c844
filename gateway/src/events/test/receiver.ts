/** A webhook receiver on loopback that keeps what it gets and answers as told. */
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import { freePort } from '../../../../acceptance/toolkit/port.ts'

export interface Delivered {
  path: string
  headers: IncomingHttpHeaders
  text: string
  // biome-ignore lint/suspicious/noExplicitAny: a test reads what it expects to be there.
  json: any
  /** Milliseconds. */
  at: number
}

export interface Receiver {
  url: string
  port: number
  /** Every request, in order of arrival, refused ones too. */
  requests: Delivered[]
  /** Most requests that were open at the same time. */
  mostAtOnce: number
  /** Decides about each request; 200 without. */
  answer: (request: Delivered, response: ServerResponse) => void | Promise<void>
  /** The n-th request (from 0), past or future. */
  at(index: number): Promise<Delivered>
  /** Resolves when as many requests have been there. */
  count(requests: number): Promise<Delivered[]>
  close(): Promise<void>
}

/** With the port of one that was closed, it is that one come back. */
export const openReceiver = async (givenPort?: number): Promise<Receiver> => {
  const port = givenPort ?? (await freePort())
  let waiters: (() => void)[] = []
  let open = 0
  const server = createServer((request, response) => void take(request, response))

  const take = async (request: IncomingMessage, response: ServerResponse) => {
    open++
    receiver.mostAtOnce = Math.max(receiver.mostAtOnce, open)
    response.on('close', () => open--)
    let text = ''
    for await (const chunk of request.setEncoding('utf8')) text += chunk
    const delivered: Delivered = { path: request.url ?? '', headers: request.headers, text, json: JSON.parse(text), at: Date.now() }
    receiver.requests.push(delivered)
    for (const wake of waiters.splice(0)) wake()
    await receiver.answer(delivered, response)
    if (!response.writableEnded) response.end()
  }

  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  const receiver: Receiver = {
    url: `http://127.0.0.1:${port}`,
    port,
    requests: [],
    mostAtOnce: 0,
    answer: () => {},
    async count(requests) {
      while (receiver.requests.length < requests) await new Promise<void>((resolve) => waiters.push(resolve))
      return receiver.requests.slice(0, requests)
    },
    async at(index) {
      const found = (await receiver.count(index + 1))[index]
      if (found === undefined) throw new Error('unreachable')
      return found
    },
    async close() {
      waiters = []
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  return receiver
}
