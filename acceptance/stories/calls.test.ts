/** Calls of our own: the phone rings, and stops. */
import { expect, it } from 'vitest'
import { eventually } from '../toolkit/eventually.ts'
import { at, type Json, matches, text } from '../toolkit/json.ts'
import { onStage } from '../toolkit/stage.ts'

const refusal = (status: number, message: string) => ({ status, body: { success: false, error: { message } } })

onStage('Calls', (stage) => {
  it('ring a phone and hang up by themselves', async () => {
    const friend = await stage.phone()
    const line = await stage.line('caller')
    const call = (body: { [key: string]: Json }) => line.api.post('/api/call/fake/caller', body)
    const since = await stage.simulator.trafficCursor()
    const placed = await call({ number: friend.number, duration: 1 })
    expect(placed).toMatchObject({
      status: 200,
      body: { success: true, message: 'Call placed successfully', number: friend.number, duration: 1 },
    })
    const callId = text(placed.body, 'callId')
    const state = async (expected: string) => (await friend.calls()).some((one) => matches(one, { callId, state: expected }))
    await eventually('the phone to ring, and to stop', () => state('terminated'))
    // Every device got a key of its own.
    const offer = (await stage.simulator.traffic({ after: since, phone: line.phone.number, tag: 'call', direction: 'in' })).find((one) =>
      JSON.stringify(one).includes('"offer"'),
    )
    expect(JSON.stringify(at(offer ?? null, 'stanza'))).toContain('"enc"')

    const second = await call({ number: friend.jid, duration: 60 })
    await eventually('it to ring', async () =>
      (await friend.calls()).some((one) => matches(one, { callId: text(second.body, 'callId'), state: 'ringing' })),
    )
    expect((await call({ number: friend.number })).body).toMatchObject({ duration: 8 })

    expect(await call({})).toMatchObject(refusal(400, 'Number is required'))
    for (const duration of [-1, 61])
      expect(await call({ number: friend.number, duration })).toMatchObject(refusal(400, 'Duration must be between 1 and 60 seconds'))
    expect(await call({ number: '120363000000000001@g.us' })).toMatchObject(refusal(400, 'Only people can be called'))
    expect(await call({ number: '34699999999' })).toMatchObject(refusal(400, 'Number 34699999999 is not registered on WhatsApp'))
  })
})
