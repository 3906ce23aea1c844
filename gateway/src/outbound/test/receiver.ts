/** An HTTP server on loopback for the tests of one file. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'

export interface Receiver {
  port: number
  url: string
  /** Connections ever opened. */
  connections(): number
  /** Requests so far, oldest first. */
  requests: { method: string | undefined; url: string | undefined; headers: IncomingMessage['headers']; body: string }[]
}

export async function startReceiver(listener: RequestListener, host = '127.0.0.1'): Promise<Receiver> {
  const requests: Receiver['requests'] = []
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    requests.push({ method: request.method, url: request.url, headers: request.headers, body: Buffer.concat(chunks).toString() })
    listener(request, response)
  })
  let connections = 0
  server.on('connection', () => {
    connections += 1
  })
  server.listen(0, host)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  return { port, url: `http://${host}:${port}`, connections: () => connections, requests }
}
