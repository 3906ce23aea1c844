/** Two small proxies on loopback that count who came through: HTTP CONNECT and SOCKS5, both with credentials. */
import { createServer as createHttpServer } from 'node:http'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import type { ProxyConfiguration } from '../../../engine.ts'

export interface TestProxy {
  configuration: ProxyConfiguration
  /** `host:port` of every tunnel opened. */
  tunnels: string[]
  /** Tries with wrong or no credentials. */
  refused: number
  close(): Promise<void>
}

const username = 'user'
const password = 'p@ss:word'

export const httpProxy = async (): Promise<TestProxy> => {
  const server = createHttpServer()
  const proxy = await serve(server, 'http')
  const expected = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
  server.on('connect', (request, client: Socket, head: Buffer) => {
    if (request.headers['proxy-authorization'] !== expected) {
      proxy.refused += 1
      client.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n')
      return
    }
    const target = request.url ?? ''
    proxy.tunnels.push(target)
    const upstream = join(client, target)
    upstream.once('connect', () => {
      client.write('HTTP/1.1 200 OK\r\n\r\n')
      upstream.write(head)
    })
  })
  return proxy
}

/** RFC 1928 with user name and password (RFC 1929); only CONNECT. */
export const socksProxy = async (): Promise<TestProxy> => {
  const server = createServer()
  const proxy = await serve(server, 'socks5')
  server.on('connection', (client: Socket) => {
    client.on('error', () => {})
    let step: 'hello' | 'credentials' | 'request' | 'open' = 'hello'
    client.on('data', (data: Buffer) => {
      if (step === 'hello') {
        step = 'credentials'
        client.write(Buffer.from([5, 2]))
      } else if (step === 'credentials') {
        const name = data.subarray(2, 2 + (data[1] ?? 0)).toString()
        const secret = data.subarray(3 + (data[1] ?? 0)).toString()
        const good = name === username && secret === password
        if (!good) proxy.refused += 1
        step = 'request'
        client.write(Buffer.from([1, good ? 0 : 1]))
      } else if (step === 'request') {
        step = 'open'
        const isName = data[3] === 3
        const host = isName ? data.subarray(5, 5 + (data[4] ?? 0)).toString() : [...data.subarray(4, 8)].join('.')
        const target = `${host}:${data.readUInt16BE(data.length - 2)}`
        proxy.tunnels.push(target)
        client.removeAllListeners('data')
        join(client, target).once('connect', () => client.write(Buffer.from([5, 0, 0, 1, 0, 0, 0, 0, 0, 0])))
      }
    })
  })
  return proxy
}

const serve = async (server: Server, protocol: ProxyConfiguration['protocol']): Promise<TestProxy> => {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    configuration: { protocol, host: '127.0.0.1', port, username, password },
    tunnels: [],
    refused: 0,
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy()
        server.close(() => resolve())
      }),
  }
}

const join = (client: Socket, target: string): Socket => {
  const [host = '', port = ''] = target.split(':')
  const upstream = connect(Number(port), host)
  client.pipe(upstream)
  upstream.pipe(client)
  for (const socket of [client, upstream]) {
    socket.on('error', () => {})
    socket.on('close', () => {
      client.destroy()
      upstream.destroy()
    })
  }
  return upstream
}
