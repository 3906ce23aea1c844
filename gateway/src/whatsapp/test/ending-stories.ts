/** How a session of any engine ends: part of the conformance suite. */
import { expect, it } from 'vitest'
import { EngineError } from '../engine.ts'
import type { ConformanceStage } from './conformance-stage.ts'
import { link, newId, Observed, relink, text } from './linked-session.ts'

export const endingStories = (stage: ConformanceStage): void => {
  it('is one closed event, and nothing follows it', async () => {
    const person = await stage.world().person('Stopped')
    const other = await link(stage.world(), person)
    await Promise.all([other.session.stop(), other.session.stop()])
    await stage.bob().send(person, { conversation: 'too late' })
    expect(other.events.at(-1)).toMatchObject({ type: 'closed', reason: 'stopped' })
    expect(other.count('closed')).toBe(1)
    await expect(other.send(stage.bob(), text('?'), { id: newId() })).rejects.toMatchObject({ code: 'not-connected' })
    await expect(other.session.lookUpNumbers(['1'])).rejects.toBeInstanceOf(EngineError)
  })

  it('comes before the start when nobody started it', async () => {
    const other = new Observed(stage.world().engine, stage.world().store())
    await other.session.stop()
    expect(other.events).toMatchObject([{ type: 'closed', reason: 'stopped' }])
    expect(() => other.session.start()).toThrow()
  })

  it('is logged-out after our log-out, and for the stored credentials from then on', async () => {
    const person = await stage.world().person('Leaver')
    const other = await link(stage.world(), person)
    await other.session.logout()
    expect(await other.next('closed')).toMatchObject({ reason: 'logged-out' })
    const again = relink(stage.world(), other)
    expect(await again.next('closed')).toMatchObject({ reason: 'logged-out' })
  })

  it('is logged-out when the phone unlinks us', async () => {
    const person = await stage.world().person('Cleaner')
    const other = await link(stage.world(), person)
    await person.unlinkAll()
    expect(await other.next('closed')).toMatchObject({ reason: 'logged-out' })
  })

  it('is replaced when somebody else connects with the same credentials', async () => {
    const person = await stage.world().person('Twice')
    const first = await link(stage.world(), person)
    const second = relink(stage.world(), first)
    await second.next('open')
    expect(await first.next('closed')).toMatchObject({ reason: 'replaced' })
    await second.session.stop()
  })

  it('is lost when the connection breaks', async () => {
    const person = await stage.world().person('Unlucky')
    const other = await link(stage.world(), person)
    await stage.world().cut(person)
    expect(await other.next('closed')).toMatchObject({ reason: 'lost' })
  })

  it('of a log-out that can not be confirmed is an error, and the session ends all the same', async () => {
    const person = await stage.world().person('Cut off')
    const other = await link(stage.world(), person)
    await other.session.stop()
    await expect(other.session.logout()).rejects.toMatchObject({ code: 'not-connected' })
    expect(other.count('closed')).toBe(1)
  })
}
