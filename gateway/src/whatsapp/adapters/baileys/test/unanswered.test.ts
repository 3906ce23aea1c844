import { EventEmitter } from 'node:events'
import type { BinaryNode } from 'baileys'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { link, newId, text } from '../../../test/linked-session.ts'
import { type Simulator, simulatedWorld } from '../../../test/simulator.ts'
import type { Person, World } from '../../../test/world.ts'
import { answerUnanswered } from '../unanswered.ts'

describe('a question of the library that WhatsApp does not answer', () => {
  let world: World & { simulator: Simulator }
  let bob: Person

  beforeAll(async () => {
    world = await simulatedWorld()
    bob = await world.person('Bob')
  }, 30_000)

  afterAll(() => world.close(), 30_000)

  /** The first question about devices gets no answer. */
  const unanswered = async (name: string) => {
    const person = await world.person(name)
    const observed = await link(world, person)
    const match = { phone: person.number, xmlns: 'usync', direction: 'in' }
    return { observed, silence: () => world.simulator.call('POST', '/faults', { action: 'drop', match, times: 1 }) }
  }

  it('fails what needed the answer as a timeout, and is no answer without anybody: not a stranger to WhatsApp, not a story nobody is shown', async () => {
    const [writer, teller] = await Promise.all([unanswered('Writer'), unanswered('Teller')])
    for (const { silence } of [writer, teller]) await silence()
    const results = await Promise.allSettled([
      writer.observed.send(bob, text('hello'), { id: newId() }),
      teller.observed.session.send({ jid: 'status@broadcast', lid: null }, text('news'), { id: newId(), audience: [bob] }),
    ])
    const told = results.map((result) => (result.status === 'rejected' ? result.reason.code : 'sent'))
    expect(told).toEqual(['timeout', 'timeout'])
    const id = newId()
    await writer.observed.send(bob, text('hello again'), { id })
    expect(await bob.received(id)).toMatchObject({ text: 'hello again' })
    await Promise.all([writer, teller].map(({ observed }) => observed.session.stop()))
  }, 90_000)
})

it('is answered with an error once, and only while somebody waits; nothing is left of one that is over', () => {
  vi.useFakeTimers()
  const ws = new EventEmitter()
  answerUnanswered(ws, 1_000)
  const answers: BinaryNode[] = []
  const take = (answer: BinaryNode): void => void answers.push(answer)
  for (const event of ['TAG:1', 'TAG:2', 'CB:message']) ws.on(event, take)
  ws.off('TAG:2', take)
  expect(vi.getTimerCount()).toBe(1)
  vi.advanceTimersByTime(5_000)
  expect(answers.map(({ attrs }) => attrs)).toEqual([{ id: '1', type: 'error' }])
  expect(vi.getTimerCount()).toBe(0)
  vi.useRealTimers()
})
