/** Small proxy servers that count what goes through them. */
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import { connect, createServer, type Server, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Certificate } from './certificate.ts'
import { freePort } from './port.ts'

export interface TestProxy {
  readonly port: number
  /** `host:port` of every connection asked for with the right credentials. */
  targets(): readonly string[]
  /** Requests with wrong or no credentials. */
  refused(): number
  close(): Promise<void>
}

export interface ProxyCredentials {
  username: string
  password: string
}

/** HTTP proxy: CONNECT with Basic credentials. With a certificate it is spoken to in TLS. */
export const startHttpProxy = async ({ username, password }: ProxyCredentials, tls?: Certificate): Promise<TestProxy> => {
  const book = createBook()
  const expected = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
  const refuseOthers = (_: IncomingMessage, response: ServerResponse) => void response.writeHead(405).end()
  const server =
    tls === undefined ? createHttpServer(refuseOthers) : createHttpsServer({ key: tls.key, cert: tls.certificate }, refuseOthers)
  server.on('connect', (request: IncomingMessage, client: Duplex) => {
    if (request.headers['proxy-authorization'] !== expected) {
      book.refuse()
      return void client.end('HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\n')
    }
    book.join(client, request.url ?? '', 'HTTP/1.1 200 Connection established\r\n\r\n')
  })
  return listening(server, book)
}

/** SOCKS5 with user name and password (RFC 1928, RFC 1929). */
export const startSocksProxy = async ({ username, password }: ProxyCredentials): Promise<TestProxy> => {
  const book = createBook()
  const server = createServer((client) => {
    client.once('data', (greeting: Buffer) => {
      if (!greeting.subarray(2).includes(2)) return void client.end(Buffer.from([5, 0xff]))
      client.write(Buffer.from([5, 2]))
      client.once('data', (credentials: Buffer) => {
        const nameEnd = 2 + (credentials[1] ?? 0)
        const name = credentials.subarray(2, nameEnd).toString()
        const secret = credentials.subarray(nameEnd + 1, nameEnd + 1 + (credentials[nameEnd] ?? 0)).toString()
        if (name !== username || secret !== password) {
          book.refuse()
          return void client.end(Buffer.from([1, 1]))
        }
        client.write(Buffer.from([1, 0]))
        client.once('data', (request: Buffer) => book.join(client, targetOf(request), Buffer.from([5, 0, 0, 1, 0, 0, 0, 0, 0, 0])))
      })
    })
    client.on('error', () => client.destroy())
  })
  return listening(server, book)
}

/** Address types 1 (IPv4) and 3 (name). */
const targetOf = (request: Buffer): string => {
  const named = request[3] === 3
  const end = named ? 5 + (request[4] ?? 0) : 8
  const host = named ? request.subarray(5, end).toString() : request.subarray(4, end).join('.')
  return `${host}:${request.readUInt16BE(end)}`
}

const createBook = () => {
  const targets: string[] = []
  const open = new Set<Duplex>()
  let refused = 0
  return {
    targets,
    refused: () => refused,
    refuse() {
      refused += 1
    },
    /** Connects the client with its target; both ends live and die together. */
    join(client: Duplex, target: string, greeting: string | Buffer) {
      targets.push(target)
      const [host = '', port = ''] = target.split(':')
      const upstream: Socket = connect(Number(port), host, () => {
        client.write(greeting)
        client.pipe(upstream).pipe(client)
      })
      const join = (one: Duplex, other: Duplex) => {
        open.add(one)
        one.on('error', () => one.destroy())
        one.on('close', () => {
          open.delete(one)
          other.destroy()
        })
      }
      join(client, upstream)
      join(upstream, client)
    },
    closeAll() {
      for (const socket of open) socket.destroy()
    },
  }
}

const listening = async (server: Server, book: ReturnType<typeof createBook>): Promise<TestProxy> => {
  // Where one was that is gone, nobody else shall answer.
  const port = await freePort()
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  return {
    port,
    targets: () => book.targets,
    refused: book.refused,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve))
      book.closeAll()
      await closed
    },
  }
}
