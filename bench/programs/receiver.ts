/**
 * Webhook receiver, as a process of its own. Prints `{"url"}` when it listens, and a JSON line with what it noted when the last expected
 * request has come. Times are milliseconds of the clock all processes share.
 *   receiver <requests expected> <warm-up>          `perSecond` of what came after the warm-up
 *   receiver <requests expected> <warm-up> times    and `arrivals`: webhook-id → time of the first byte
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import process from 'node:process'
import { sharedTime } from './shared-time.ts'

const [expected = 0, warmUp = 0] = process.argv.slice(2).map(Number)
const wantsTimes = process.argv[4] === 'times'
const arrivals: Record<string, number> = {}
let count = 0
let began = 0

const server = createServer((request, response) => {
  // The head has just been read, as a rule in one piece with its first byte.
  const now = sharedTime()
  if (wantsTimes) arrivals[String(request.headers['webhook-id'])] ??= now
  count += 1
  if (count === warmUp + 1) began = now
  request.resume()
  request.on('end', () => response.writeHead(204).end())
  if (count !== expected) return
  const perSecond = (expected - warmUp - 1) / ((now - began) / 1000)
  process.stdout.write(`${JSON.stringify({ perSecond, arrivals })}\n`)
})
server.keepAliveTimeout = 60_000
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`${JSON.stringify({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook` })}\n`)
})
process.once('SIGTERM', () => process.exit(0))
