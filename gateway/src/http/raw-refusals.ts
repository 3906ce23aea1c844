/** Answers where there is no Fastify request yet, only a socket: what Node's parser refuses or takes for something else than a request. */
import type { Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { errors } from './errors.ts'

/** Fastify's `clientErrorHandler`. */
export const refuseBrokenRequest = (error: Error & { code?: string }, socket: Duplex): void => {
  if (error.code === 'ECONNRESET' || socket.destroyed) return
  if (error.code === 'HPE_HEADER_OVERFLOW') refuse(socket, 431, 'Request Header Fields Too Large')
  else if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') refuse(socket, 408, 'Request Timeout')
  else refuse(socket, 400, 'Bad Request', errors.badRequest().message)
}

/** Without these Node hangs up, or answers 417 with an empty body. */
export const refuseStrangeRequests = (server: Server): void => {
  server.on('connect', (_request, socket) => refuse(socket, 405, 'Method Not Allowed', errors.methodNotAllowed().message))
  server.on('checkExpectation', (request) => refuse(request.socket, 417, 'Expectation Failed'))
}

const refuse = (socket: Duplex, status: number, reason: string, message = reason): void => {
  const body = JSON.stringify({ success: false, error: { message } })
  const head = `HTTP/1.1 ${status} ${reason}\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n`
  socket.on('error', () => socket.destroy())
  if (socket.writable) socket.end(head + body)
  else socket.destroy()
}
