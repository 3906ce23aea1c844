/**
 * TCP ports for servers that go away and come back. The system hands the ports of its ephemeral range to any outgoing connection, so one that
 * is free for a moment there may be gone at the restart; these lie outside of it. A process that was given a port keeps all others of ours
 * from it for as long as it lives: it holds the UDP port of that number, which the system takes back whatever becomes of the process.
 */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'

/** Of 127.0.0.1, this process's own until it ends. */
export const freePort = async (): Promise<number> => {
  const { from, to } = portRange(ephemeralRange())
  for (let tries = 0; tries < 200; tries++) {
    const port = from + Math.floor(Math.random() * (to - from + 1))
    if ((await claimed(port)) && (await listenable(port))) return port
  }
  throw new Error(`no free port between ${from} and ${to}`)
}

export interface PortRange {
  from: number
  to: number
}

/** Lower ones belong to well-known servers. */
const lowest = 10_000
const highest = 65_535

/** The larger part of what the ephemeral ports leave; everything where they leave next to nothing. */
export const portRange = (ephemeral: PortRange): PortRange => {
  const below = { from: lowest, to: ephemeral.from - 1 }
  const above = { from: Math.max(lowest, ephemeral.to + 1), to: highest }
  const larger = sizeOf(below) >= sizeOf(above) ? below : above
  return sizeOf(larger) >= 1_000 ? larger : { from: lowest, to: highest }
}

const sizeOf = ({ from, to }: PortRange) => to - from + 1

/** macOS and Windows keep to what the IANA says. */
const ephemeralRange = (): PortRange => {
  try {
    const [from = 0, to = 0] = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').trim().split(/\s+/).map(Number)
    if (from > 0 && to >= from) return { from, to }
  } catch {
    // Not Linux.
  }
  return { from: 49_152, to: highest }
}

const claimed = async (port: number): Promise<boolean> => {
  const claim = createSocket('udp4')
  try {
    claim.bind({ port, address: '127.0.0.1', exclusive: true })
    await once(claim, 'listening')
    claim.unref()
    return true
  } catch {
    claim.close()
    return false
  }
}

const listenable = async (port: number): Promise<boolean> => {
  const probe = createServer()
  try {
    probe.listen({ port, host: '127.0.0.1', exclusive: true })
    await once(probe, 'listening')
    probe.close()
    await once(probe, 'close')
    return true
  } catch {
    return false
  }
}
