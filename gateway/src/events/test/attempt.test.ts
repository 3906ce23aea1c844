/** One delivery through the real client to receivers that answer badly: their status is what decides. */
import { expect, it, onTestFinished } from 'vitest'
import { createOutbound } from '../../outbound/outbound.ts'
import { startReceiver } from '../../outbound/test/receiver.ts'
import { createLogger } from '../../runtime/logging.ts'
import { attemptDelivery } from '../webhooks/attempt.ts'
import type { Target } from '../webhooks/repository.ts'
import { usualRules } from '../webhooks/rules.ts'

const deliver = async (url: string, timeoutMs: number) => {
  const outbound = createOutbound({ allow: '127.0.0.1', logger: createLogger('silent') })
  onTestFinished(() => outbound.close())
  const target: Target = {
    id: 'w',
    instanceId: 'i',
    url,
    authorization: '',
    byEvents: false,
    events: null,
    mediaBase64: false,
    signingSecret: `whsec_${Buffer.alloc(24).toString('base64')}`,
    formerSecrets: [],
    failures: 0,
  }
  return attemptDelivery(
    { outbound, clock: { now: () => Date.now() }, rules: { ...usualRules, timeoutMs } },
    { target, event: 'message.exchange', eventId: 'e', body: async () => '{}', otherwise: null, signal: new AbortController().signal },
  )
}

it('a receiver that takes an event and never ends its answer has taken it', async () => {
  const { url } = await startReceiver((_request, response) => void response.writeHead(200).write('thanks'))
  expect(await deliver(url, 300)).toMatchObject({ outcome: { kind: 'taken', status: 200 }, answer: 'thanks' })
})

it('one that breaks off in the middle of its answer too', async () => {
  const { url } = await startReceiver((request, response) => void response.writeHead(202).write('than', () => request.socket.destroy()))
  expect(await deliver(url, 5_000)).toMatchObject({ outcome: { kind: 'taken', status: 202 }, answer: 'than' })
})

it('an answer without end is read no further than it is kept', async () => {
  const { url } = await startReceiver((_request, response) => {
    const more = () => {
      while (response.write('no'.repeat(5_000)));
      response.once('drain', more)
    }
    response.on('error', () => {}).writeHead(500)
    more()
  })
  const { outcome, answer } = await deliver(url, 5_000)
  expect(outcome).toMatchObject({ kind: 'failed', status: 500 })
  expect(answer).toBe('no'.repeat(250))
})

it('one that never says a status has not', async () => {
  const { url } = await startReceiver(() => {})
  expect(await deliver(url, 100)).toMatchObject({ outcome: { kind: 'failed', status: null, error: 'no answer within 100 ms' } })
})
