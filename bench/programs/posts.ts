/**
 * The bare side of delivery: POSTs through undici and nothing else, as a process of its own. Ends with a JSON line, `cpuMs`.
 *   posts <url> <requests> <in flight>
 */
import process from 'node:process'
import { Agent } from 'undici'
import { sampleData } from './sample-event.ts'

const [url = '', ...counts] = process.argv.slice(2)
const [requests = 0, inFlight = 1] = counts.map(Number)
const { origin, pathname: path } = new URL(url)
const agent = new Agent({ connections: inFlight, pipelining: 1 })
const instanceData = { baseUrl: 'http://127.0.0.1', instance: 'instance-1', token: 'x'.repeat(49) }

const before = process.cpuUsage()
let next = 0
const worker = async () => {
  while (next < requests) {
    const n = next++
    const id = String(n).padStart(26, '0')
    const body = JSON.stringify({
      id,
      event: 'message.exchange',
      timestamp: '2026-11-23T12:00:00.000Z',
      data: sampleData(n),
      instanceData,
    })
    const answer = await agent.request({
      origin,
      path,
      method: 'POST',
      headers: { 'content-type': 'application/json', 'webhook-id': id },
      body,
    })
    await answer.body.dump()
  }
}
await Promise.all(Array.from({ length: inFlight }, worker))
await agent.close()
const { user, system } = process.cpuUsage(before)
process.stdout.write(`${JSON.stringify({ cpuMs: (user + system) / 1000 })}\n`)
