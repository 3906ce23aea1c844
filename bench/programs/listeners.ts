/**
 * WebSocket clients that cost little: they shake hands, then only count bytes. A process of its own.
 *   listeners <host:port> <path> <clients> <frames> <warm-up>
 * Prints `{"ready"}` when all are connected and, when every client has every frame, the times at which the warm-up and the last frame were
 * complete. All frames have to be of one length.
 */
import { randomBytes } from 'node:crypto'
import { connect } from 'node:net'
import process from 'node:process'
import { sharedTime } from './shared-time.ts'

const [address = '', path = '', ...counts] = process.argv.slice(2)
const [clients = 0, frames = 0, warmUp = 0] = counts.map(Number)
const [host = '', port = ''] = address.split(':')

let frameLength = 0
let received = 0
let warmAt = 0

const count = (chunk: Buffer): void => {
  if (chunk.length === 0) return
  if (frameLength === 0) frameLength = lengthOf(chunk)
  received += chunk.length
  if (warmAt === 0 && received >= clients * warmUp * frameLength) warmAt = sharedTime()
  if (received < clients * frames * frameLength) return
  const exact = received === clients * frames * frameLength
  process.stdout.write(`${JSON.stringify({ exact, frameLength, warmAt, doneAt: sharedTime() })}\n`, () => process.exit(0))
}

/** Of an unmasked frame, its head included (RFC 6455 §5.2). */
const lengthOf = (frame: Buffer): number => {
  const short = (frame[1] ?? 0) & 0x7f
  return short < 126 ? 2 + short : short === 126 ? 4 + frame.readUInt16BE(2) : 10 + Number(frame.readBigUInt64BE(2))
}

const open = () =>
  new Promise<void>((resolve, reject) => {
    const socket = connect(Number(port), host)
    socket.on('error', reject)
    socket.on('close', () => reject(new Error('the server hung up')))
    socket.write(
      `GET ${path} HTTP/1.1\r\nHost: ${address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n` +
        `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\n\r\n`,
    )
    let head = Buffer.alloc(0)
    const shake = (chunk: Buffer) => {
      head = Buffer.concat([head, chunk])
      const end = head.indexOf('\r\n\r\n')
      if (end < 0) return
      if (!head.toString('latin1').startsWith('HTTP/1.1 101')) return reject(new Error(head.toString('latin1')))
      socket.off('data', shake)
      socket.on('data', count)
      count(head.subarray(end + 4))
      resolve()
    }
    socket.on('data', shake)
  })

for (let n = 0; n < clients; n += 50) await Promise.all(Array.from({ length: Math.min(50, clients - n) }, open))
process.stdout.write(`${JSON.stringify({ ready: clients })}\n`)
