/** What every engine must do about the history: part of the conformance suite. */
import { expect, it } from 'vitest'
import type { ConformanceStage } from './conformance-stage.ts'
import { both, link } from './linked-session.ts'

export const historyStories = (stage: ConformanceStage): void => {
  it('comes with the first link when asked for, and not otherwise', async () => {
    const person = await stage.world().person('Old hand')
    const id = await stage.bob().send(person, { conversation: 'long ago' })
    await person.received(id)
    const asked = await link(stage.world(), person, { historyDays: 7 })
    const { messages } = await asked.next('history', (event) => event.messages.some((message) => message.id === id))
    expect(messages.find((message) => message.id === id)).toMatchObject({ chat: both(stage.bob()), fromMe: false })
    expect(asked.count('message')).toBe(0)
    await asked.session.stop()
    const newcomer = await stage.world().person('Newcomer')
    const unasked = await link(stage.world(), newcomer)
    await unasked.message(await stage.bob().send(newcomer, { conversation: 'hi' }))
    expect(unasked.events.flatMap((event) => (event.type === 'history' ? event.messages : []))).toEqual([])
    await unasked.session.stop()
  })

  stage.shows(['history-request'], 'comes for one chat from a message on, as many as are asked for', async () => {
    const person = await stage.world().person('Forgetful')
    const ids: string[] = []
    for (const words of ['one', 'two', 'three', 'four']) ids.push(await stage.bob().send(person, { conversation: words }))
    for (const id of ids) await person.received(id)
    const linked = await link(stage.world(), person)
    const last = { id: ids[3] ?? '', chat: both(stage.bob()), sender: both(stage.bob()), fromMe: false, timestamp: Date.now() }
    const { requestId } = await linked.session.requestOlder(last, 2)
    expect(requestId).not.toBe('')
    const { messages } = await linked.next('history', (event) => event.messages.length > 0)
    expect(messages.map(({ id }) => id).sort()).toEqual([ids[1], ids[2]].sort())
    expect(messages[0]).toMatchObject({ chat: both(stage.bob()), sender: both(stage.bob()), fromMe: false })
    expect(linked.count('message')).toBe(0)
    await linked.session.stop()
  })

  stage.shows(['history-request'], 'comes again when it is asked for', async () => {
    const id = await stage.bob().send(stage.shop(), { conversation: 'of today' })
    await stage.engine().message(id)
    await stage.engine().session.requestHistory(7)
    const { messages } = await stage.engine().next('history', (event) => event.messages.some((message) => message.id === id))
    expect(messages.find((message) => message.id === id)).toMatchObject({ chat: both(stage.bob()), fromMe: false })
  })
}
