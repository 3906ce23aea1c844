/**
 * Stands between a gateway and the simulated network and counts who comes: the gateway is told to find the network here, so whatever it
 * does without its instance's proxy is a connection more than the proxy made.
 */
import { createServer as createHttpServer } from 'node:http'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { createApi } from './api.ts'
import { text } from './json.ts'
import type { Simulator } from './simulator.ts'

export interface Crossing {
  /** For WHATSAPP_NETWORK. */
  readonly url: string
  /** `host:port` of WhatsApp and of its media, as the gateway sees them. */
  readonly whatsapp: string
  readonly media: string
  /** How many came so far, to either. */
  connections(): number
  close(): Promise<void>
}

export const startCrossing = async (simulator: Simulator): Promise<Crossing> => {
  const { body } = await createApi(simulator.url).get('/network')
  let connections = 0
  const open = new Set<Socket>()
  const relayTo = async (target: URL): Promise<Server> => {
    const server = createServer((client) => {
      connections += 1
      const upstream = connect(Number(target.port), target.hostname)
      const pair = [client, upstream]
      client.pipe(upstream).pipe(client)
      for (const socket of pair) {
        open.add(socket)
        socket.on('error', () => {})
        socket.on('close', () => {
          for (const one of pair) {
            open.delete(one)
            one.destroy()
          }
        })
      }
    })
    return listening(server)
  }
  const whatsappUrl = new URL(text(body, 'whatsappUrl'))
  const mediaUrl = new URL(text(body, 'mediaUrl'))
  const relays = [await relayTo(whatsappUrl), await relayTo(mediaUrl)] as const
  const [whatsapp, media] = relays.map((server) => `127.0.0.1:${portOf(server)}`) as [string, string]
  const described = {
    ...(body as object),
    whatsappUrl: whatsappUrl.href.replace(whatsappUrl.host, whatsapp),
    mediaUrl: mediaUrl.href.replace(mediaUrl.host, media).replace(/\/$/, ''),
  }
  const description = await listening(createHttpServer((_, response) => response.end(JSON.stringify(described))))
  return {
    url: `http://127.0.0.1:${portOf(description)}`,
    whatsapp,
    media,
    connections: () => connections,
    async close() {
      const closed = [...relays, description].map((server) => new Promise((resolve) => server.close(resolve)))
      for (const socket of open) socket.destroy()
      await Promise.all(closed)
    },
  }
}

const listening = async <T extends Server>(server: T): Promise<T> => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return server
}

const portOf = (server: Server): number => (server.address() as AddressInfo).port
