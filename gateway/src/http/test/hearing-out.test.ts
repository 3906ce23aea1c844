import { connect } from 'node:net'
import { fastify } from 'fastify'
import { expect, test } from 'vitest'
import { hearOut } from '../hearing-out.ts'

test('who is refused and does not come to an end is cut off', async () => {
  const app = fastify({ bodyLimit: 10 })
  hearOut(app, 200)
  app.post('/', async () => ({}))
  const { port } = new URL(await app.listen({ host: '127.0.0.1', port: 0 }))
  const socket = connect(Number(port), '127.0.0.1')
  let answer = ''
  socket.on('data', (chunk) => {
    answer += chunk
  })
  socket.on('error', () => {})
  const cut = new Promise((resolve) => socket.on('close', resolve))
  socket.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n"never')
  // Answered at once, and only then waited for.
  await expect.poll(() => answer).toContain('HTTP/1.1 413')
  expect(socket.destroyed).toBe(false)
  await cut
  await app.close()
})
