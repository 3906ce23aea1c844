/** What an engine cannot do: the operation is there, checks who asks, and says so. */
import { expect, test } from 'vitest'
import { z } from 'zod'
import { asFarAsSupported } from '../not-built.ts'
import { instanceOperation } from '../operation.ts'
import { openHarness, tokens } from './harness.ts'

const polls = (needs: readonly ('text' | 'poll')[]) =>
  instanceOperation({
    id: 'message.poll',
    needs,
    method: 'POST',
    once: 'resumed',
    path: '/api/message/poll/:instance',
    token: 'any',
    rateLimit: 'global',
    tag: 'Messages',
    summary: 'Send a poll',
    body: z.object({ question: z.string() }),
    answers: { 200: z.object({ success: z.literal(true) }) },
    errors: [],
    handle: async () => ({ status: 200, body: { success: true } }),
  })

test.each([
  [['text', 'poll'] as const, 200],
  [['text'] as const, 501],
])('an engine that can %j answers %i', async (can, status) => {
  const harness = await openHarness({ operations: asFarAsSupported([polls(['text', 'poll'])], new Set(can)) })
  const send = (token: string, body: unknown) => harness.call('POST', '/api/message/poll/shop', { token, body })
  expect((await send(tokens.shop, { question: '?' })).status).toBe(status)
  // Whether it can be done is nobody's business but the owner's.
  expect((await send(tokens.foreign, { question: '?' })).status).toBe(403)
  if (status === 501) {
    expect((await send(tokens.shop, {})).body).toEqual({
      success: false,
      error: { message: 'Send a poll is not supported by this gateway yet' },
    })
  }
  await harness.server.close()
})

test('what needs nothing of the engine is served by any', () => {
  const operation = polls([])
  expect(asFarAsSupported([operation], new Set())).toEqual([operation])
})
