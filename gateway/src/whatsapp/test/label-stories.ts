/** What every engine must do about labels: part of the conformance suite. */
import { expect, it } from 'vitest'
import type { EngineEvent } from '../engine.ts'
import type { LabelChange } from '../labels.ts'
import { link, type Observed, relink } from './linked-session.ts'
import type { Person, World } from './world.ts'

type Told = (EngineEvent & { type: 'labels' })['news']

const label = (id: string, name: string, more: { color?: number; deleted?: boolean } = {}): LabelChange => ({
  kind: 'edit',
  id,
  name,
  color: 1,
  type: 'CUSTOM',
  predefined: null,
  deleted: false,
  ...more,
})

/** Whether the other name of the chat is known depends on what else was heard of the person. */
const on = (labelId: string, { jid }: Person, labeled = true): LabelChange => ({
  kind: 'chat',
  labelId,
  chat: { jid, lid: null },
  named: jid,
  labeled,
})

const bare = ({ at: _, ...change }: LabelChange & { at: number }): LabelChange =>
  change.kind === 'edit' ? change : { ...change, chat: { ...change.chat, lid: null } }

export const labelStories = (stage: { world(): World; bob(): Person }): void => {
  const told = (session: Observed): Told[] => session.events.flatMap((event) => (event.type === 'labels' ? [event.news] : []))
  /** The first news that has such a change. */
  const news = async (session: Observed, change: LabelChange): Promise<Told> =>
    (await session.next('labels', ({ news: { changes } }) => changes.some((one) => isSame(one, change)))).news

  it('that were there before the link are told as a whole, once', async () => {
    const person = await stage.world().person('Sorted')
    await person.label({ id: '1', name: 'New', color: 1 })
    await person.label({ id: '2', name: 'Old', color: 2 })
    await person.label({ id: '2', name: 'Old', color: 2, deleted: true })
    await person.carry('1', stage.bob())
    const session = await link(stage.world(), person)
    const first = await news(session, label('1', 'New'))
    expect(first).toMatchObject({ whole: true, first: true })
    expect(first.changes.map(bare)).toEqual(
      expect.arrayContaining([label('1', 'New'), label('2', 'Old', { color: 2, deleted: true }), on('1', stage.bob())]),
    )
    expect(told(session)).toHaveLength(1)
    await session.session.stop()
  })

  it('made, changed and deleted on the phone are told one by one, with what carries them', async () => {
    const person = await stage.world().person('Sorting')
    const session = await link(stage.world(), person)
    await session.next('labels')
    await person.label({ id: '7', name: 'Paid', color: 3 })
    const made = await news(session, label('7', 'Paid', { color: 3 }))
    expect(made).toMatchObject({ whole: false, first: false })
    expect(Math.abs((made.changes[0]?.at ?? 0) - Date.now())).toBeLessThan(60_000)
    await person.carry('7', stage.bob())
    await news(session, on('7', stage.bob()))
    await person.carry('7', stage.bob(), { messageId: '3EB0AA' })
    const { jid } = stage.bob()
    await news(session, { kind: 'message', labelId: '7', chat: { jid, lid: null }, named: jid, messageId: '3EB0AA', labeled: true })
    await person.carry('7', stage.bob(), { labeled: false })
    await news(session, on('7', stage.bob(), false))
    await person.label({ id: '7', name: 'Paid', color: 3, deleted: true })
    await news(session, label('7', 'Paid', { color: 3, deleted: true }))
    const versions = told(session).map(({ version }) => version)
    expect(versions).toEqual([...new Set(versions)].sort((a, b) => a - b))
    await session.session.stop()
  })

  it('we write stand on the phone, and are told to us as well, before it is done', async () => {
    const person = await stage.world().person('Writing')
    const session = await link(stage.world(), person)
    await session.next('labels')
    await session.session.labels.change(async () => [label('1', 'Quote', { color: 8 })])
    await session.session.labels.change(async () => [on('1', stage.bob())])
    expect(told(session).map(({ changes }) => changes.map(bare))).toEqual([
      expect.anything(),
      [label('1', 'Quote', { color: 8 })],
      [on('1', stage.bob())],
    ])
    await eventually(async () => {
      expect(await person.labels()).toEqual([{ id: '1', name: 'Quote', color: 8, deleted: false, chats: [stage.bob().jid] }])
    })
    await session.session.labels.change(async () => [on('1', stage.bob(), false), label('1', 'Quote', { color: 8, deleted: true })])
    await eventually(async () => {
      expect(await person.labels()).toEqual([{ id: '1', name: 'Quote', color: 8, deleted: true, chats: [] }])
    })
    await session.session.stop()
  })

  it('the phone was faster: what it wrote is told first, and we decide again', async () => {
    const person = await stage.world().person('Racing')
    const session = await link(stage.world(), person)
    await session.next('labels')
    const known: number[] = []
    await session.session.labels.change(async () => {
      known.push(told(session).length)
      if (known.length === 1) await person.label({ id: '1', name: 'Mine', color: 1 })
      return [label(String(known.length), 'Ours')]
    })
    expect(known).toHaveLength(2)
    expect(known[1]).toBeGreaterThan(known[0] ?? 0)
    await eventually(async () => {
      expect((await person.labels()).map(({ id, name }) => [id, name])).toEqual([
        ['1', 'Mine'],
        ['2', 'Ours'],
      ])
    })
    await session.session.stop()
  })

  it('nothing is written when we think better of it', async () => {
    const person = await stage.world().person('Hesitating')
    const session = await link(stage.world(), person)
    await session.next('labels')
    await session.session.labels.change(async () => [])
    const thought = new Error('no such label')
    const change = session.session.labels.change(async () => {
      throw thought
    })
    await expect(change).rejects.toBe(thought)
    expect(await person.labels()).toEqual([])
    await session.session.stop()
  })

  it('changed while we were away are told when we are back, one by one', async () => {
    const person = await stage.world().person('Busy')
    const before = await link(stage.world(), person)
    await before.next('labels')
    await before.session.stop()
    await person.label({ id: '1', name: 'First', color: 1 })
    await person.label({ id: '1', name: 'Second', color: 1 })
    const after = relink(stage.world(), before)
    await news(after, label('1', 'Second'))
    expect(told(after).map(({ whole, first, changes: [change] }) => [whole, first, change?.kind === 'edit' && change.name])).toEqual([
      [false, false, 'First'],
      [false, false, 'Second'],
    ])
    await after.session.stop()
  })

  it('that could not be stored are told again', async () => {
    const person = await stage.world().person('Forgetful')
    const before = await link(stage.world(), person)
    await before.next('labels')
    before.keepsNothing = true
    await person.label({ id: '1', name: 'Keep me', color: 1 })
    const lost = await news(before, label('1', 'Keep me'))
    await before.session.stop()
    const after = relink(stage.world(), before)
    expect(await news(after, label('1', 'Keep me'))).toEqual(lost)
    await after.session.stop()
  })

  it('all of them are read again on demand', async () => {
    const person = await stage.world().person('Doubtful')
    const session = await link(stage.world(), person)
    await session.next('labels')
    await person.label({ id: '1', name: 'One', color: 1 })
    await news(session, label('1', 'One'))
    await session.session.labels.refresh()
    const last = told(session).at(-1)
    expect(last).toMatchObject({ whole: true, first: false, version: told(session).at(-2)?.version })
    expect(last?.changes.map(bare)).toEqual([label('1', 'One')])
    await session.session.stop()
    await expect(session.session.labels.refresh()).rejects.toMatchObject({ code: 'not-connected' })
    await expect(session.session.labels.change(async () => [])).rejects.toMatchObject({ code: 'not-connected' })
  })
}

const isSame = (one: LabelChange & { at: number }, other: LabelChange): boolean =>
  JSON.stringify(sorted(bare(one))) === JSON.stringify(sorted(other))

const sorted = (change: object): unknown => Object.entries(change).sort(([a], [b]) => (a < b ? -1 : 1))

const eventually = async (check: () => Promise<void>): Promise<void> => {
  const until = Date.now() + 10_000
  for (;;) {
    try {
      return await check()
    } catch (error) {
      if (Date.now() > until) throw error
      await new Promise((resolve) => setTimeout(resolve, 30))
    }
  }
}
