import { afterEach, describe, expect, test } from 'vitest'
import { forEachDatabase } from '../../../testing/databases.ts'
import { eventually } from '../../events/test/stage.ts'
import type { InboxRow, ReceivedMessage } from '../../whatsapp/engine.ts'
import { inboxSeal } from '../../whatsapp/inbox-table.ts'
import { DatabaseSessionStore } from '../../whatsapp/session-store.ts'
import { encodeWireMessage } from '../../whatsapp/wire.ts'
import { INSTANCE, openStage, type Stage } from './stage.ts'

const damaged = Uint8Array.from([0xff, 0xff])

forEachDatabase((_name, open) => {
  let stage: Stage
  const begin = async () => {
    stage = await openStage(await open())
  }
  afterEach(() => stage.close())

  const row = (id: string, receivedAt: number, more: Partial<InboxRow> = {}): InboxRow => ({
    hash: id,
    attributes: {
      id,
      chat: stage.ana.address.jid ?? '',
      chat_lid: stage.ana.address.lid ?? '',
      from_me: 'false',
      t: '5000',
      notify: 'Ana',
    },
    plaintext: encodeWireMessage({ conversation: `text of ${id}` }),
    receivedAt,
    ...more,
  })
  const store = () => new DatabaseSessionStore(stage.database.db, stage.database.vault, INSTANCE)
  const alter = (hash: string, set: { plaintext?: Uint8Array; attributes?: string; done?: 0 }) =>
    stage.database.db.write((tx) => tx.updateTable('inbox').set(set).where('hash', '=', hash).execute())
  const states = async () =>
    Object.fromEntries(
      (await stage.database.db.read.selectFrom('inbox').select(['hash', 'done']).execute()).map(({ hash, done }) => [hash, done]),
    )
  const events = (count: number) =>
    stage.delivered('message.exchange', count).then((all) => all.map(({ id, message }) => [id, message.type, message.content]))

  describe('a row that cannot be recorded', () => {
    test('is reported without content, set aside and kept; the others are recorded, and no start tries it again', async () => {
      await begin()
      await store().commit({
        put: [],
        remove: [],
        inbox: [
          row('FIRST', 1),
          row('JUNK', 2, { plaintext: damaged }),
          row('SEALED', 3),
          row('TIMELESS', 4, { attributes: { ...row('TIMELESS', 4).attributes, t: '1e999' } }),
          row('NAMELESS', 5),
          row('LAST', 6),
        ],
      })
      await alter('SEALED', { plaintext: damaged })
      await alter('NAMELESS', { attributes: '{"id"' })
      stage = await stage.restart()
      const expected = [
        ['FIRST', 'text', 'text of FIRST'],
        ['LAST', 'text', 'text of LAST'],
        ['JUNK', 'unknown', ''],
        ['SEALED', 'unknown', ''],
      ]
      expect((await events(4)).sort()).toEqual(expected.sort())
      const settled = { FIRST: 1, LAST: 1, JUNK: 3, SEALED: 3, TIMELESS: 3, NAMELESS: 3 }
      expect(await states()).toEqual(settled)

      stage = await stage.restart()
      await store().commit({ put: [], remove: [], inbox: [row('NEXT', 7)] })
      stage = await stage.restart()
      expect(await events(5)).toContainEqual(['NEXT', 'text', 'text of NEXT'])
      expect(await states()).toEqual({ ...settled, NEXT: 1 })
    })

    test('put back by an operator it brings its content, once', async () => {
      await begin()
      await store().commit({ put: [], remove: [], inbox: [row('MENDED', 1, { plaintext: damaged })] })
      stage = await stage.restart()
      expect(await events(1)).toEqual([['MENDED', 'unknown', '']])
      const { vault } = stage.database
      await alter('MENDED', { done: 0, plaintext: vault.seal(row('MENDED', 1).plaintext, inboxSeal(INSTANCE, 'MENDED')) })
      stage = await stage.restart()
      expect(await events(2)).toEqual([
        ['MENDED', 'unknown', ''],
        ['MENDED', 'text', 'text of MENDED'],
      ])
      expect(await stage.rows()).toMatchObject([{ message_id: 'MENDED', type: 'text', content: 'text of MENDED' }])
    })
  })

  describe('a message nobody could read', () => {
    const message = (id: string, content: ReceivedMessage['message']): ReceivedMessage => ({
      id,
      chat: stage.ana.address,
      sender: stage.ana.address,
      fromMe: false,
      timestamp: 5_000,
      pushName: 'Ana',
      message: content,
      viewOnce: false,
      offline: false,
    })
    const arrives = (id: string, content: ReceivedMessage['message'], inbox: string | null = null) =>
      void stage.messages.handle({ id: INSTANCE }, { type: 'message', message: message(id, content), inbox })
    const given = (hash: string) => eventually(async () => (await states())[hash] === 1, `${hash} to be given up`)

    test('is reported without content when its time is up, and completed when the content comes after all', async () => {
      await begin()
      await store().commit({ put: [], remove: [], awaited: [row('LATE', Date.now())] })
      expect(await events(1)).toEqual([['LATE', 'unknown', '']])
      expect(await states()).toEqual({ LATE: 1 })
      arrives('LATE', { conversation: 'here I am' })
      arrives('LATE', { conversation: 'here I am' })
      stage.ana.send(stage.shop, 'next', 'NEXT')
      expect(await events(3)).toEqual([
        ['LATE', 'unknown', ''],
        ['LATE', 'text', 'here I am'],
        ['NEXT', 'text', 'next'],
      ])
      expect((await stage.rows()).map(({ message_id, content }) => [message_id, content])).toEqual([
        ['LATE', 'here I am'],
        ['NEXT', 'next'],
      ])
    })

    test('is not reported when the content came in time', async () => {
      await begin()
      await store().commit({ put: [], remove: [], awaited: [row('INTIME', Date.now())] })
      arrives('INTIME', { conversation: 'repeated' })
      await given('INTIME')
      stage.ana.send(stage.shop, 'next', 'NEXT')
      expect(await events(2)).toEqual([
        ['INTIME', 'text', 'repeated'],
        ['NEXT', 'text', 'next'],
      ])
    })

    test.each([
      ['first', 0],
      ['last', 1],
    ])('whose content comes %s in the very same batch is reported once, with it', async (_when, place) => {
      await begin()
      await store().commit({ put: [], remove: [], inbox: [row('a', Date.now()), row('b', Date.now())] })
      const contents = [{}, {}] as ReceivedMessage['message'][]
      contents[place] = { conversation: 'both' }
      arrives('SAME', contents[0] ?? {}, 'a')
      arrives('SAME', contents[1] ?? {}, 'b')
      await given('a')
      await given('b')
      stage.ana.send(stage.shop, 'next', 'NEXT')
      expect(await events(2)).toEqual([
        ['SAME', 'text', 'both'],
        ['NEXT', 'text', 'next'],
      ])
    })
  })
})
