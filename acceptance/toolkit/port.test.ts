import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { expect, it } from 'vitest'
import { freePort, portRange } from './port.ts'
import { startProgram } from './program.ts'

it.each([
  ['Linux', { from: 32_768, to: 60_999 }, { from: 10_000, to: 32_767 }],
  ['IANA', { from: 49_152, to: 65_535 }, { from: 10_000, to: 49_151 }],
  ['low ones', { from: 1_024, to: 40_000 }, { from: 40_001, to: 65_535 }],
  ['nearly all', { from: 1_024, to: 65_000 }, { from: 10_000, to: 65_535 }],
])('ephemeral ports are left alone: %s', (_, ephemeral, range) => {
  expect(portRange(ephemeral)).toEqual(range)
})

it('a port is free to listen on, and nobody gets it twice', async () => {
  const ports = await Promise.all(Array.from({ length: 40 }, freePort))
  expect(new Set(ports).size).toBe(40)
  for (const port of ports.slice(0, 5)) {
    const server = createServer().listen(port, '127.0.0.1')
    await new Promise<void>((resolve, reject) => server.once('listening', resolve).once('error', reject))
    await new Promise((resolve) => server.close(resolve))
  }
})

it.runIf(process.platform === 'linux')('no outgoing connection is given one', async () => {
  const [from = 0, to = 0] = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').trim().split(/\s+/).map(Number)
  if (portRange({ from, to }).to - portRange({ from, to }).from === 55_535) return
  const port = await freePort()
  expect(port < from || port > to).toBe(true)
})

it('another process does not get it either', async () => {
  const port = await freePort()
  const claim = `import { createSocket } from 'node:dgram'
    createSocket('udp4').on('error', ({ code }) => console.log(code)).bind({ port: ${port}, address: '127.0.0.1', exclusive: true })`
  const program = startProgram(['--input-type=module', '-e', claim])
  await program.exited
  expect(program.output().trim()).toBe('EADDRINUSE')
})
