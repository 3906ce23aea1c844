import { sql } from 'kysely'
import { describe, expect, it } from 'vitest'
import { forEachDatabase } from '../../../testing/databases.ts'
import { applyChange, renameChat } from '../../messages/message-repository.ts'
import type { Database } from '../../storage/database.ts'
import { applyChanges } from '../changes.ts'
import { momentOf } from '../search/index-table.ts'
import { indexPortion, PORTION } from '../search/indexer.ts'
import { type MessageQuery, searchPage } from '../search/search-page.ts'
import { messageWords } from '../search/terms.ts'
import { ANA, addInstances, addressOf, BEA, GROUP, INSTANCE, messageRow, nameOf, type Said, say } from './rows.ts'

/** Late enough for every second to be one of its own. */
const START = 1_790_000_000_000

forEachDatabase((name, open) => {
  const opened = async () => {
    const { db } = await open()
    await addInstances(db, INSTANCE, 'other')
    return db
  }
  const index = async (db: Database): Promise<void> => {
    while ((await indexPortion(db)) > 0);
  }
  const page = (db: Database, text: string, query: Partial<MessageQuery> = {}) =>
    searchPage(db, {
      ...{ instanceId: INSTANCE, words: messageWords(text), chats: null, from: null, to: null, type: null, fromMe: null },
      ...{ limit: 50, before: null },
      ...query,
    })
  const search = async (db: Database, text: string, query: Partial<MessageQuery> = {}): Promise<string[]> =>
    (await page(db, text, query)).messages.map(({ id }) => id)
  /** Message n is said in second n. */
  const sayAll = (db: Database, ...said: Partial<Said>[]) =>
    say(
      db,
      said.map((one, n) => ({ at: START + n * 1000, ...one })),
    )
  /** Many at once; the ids are their numbers. */
  const fill = (db: Database, count: number, text: (n: number) => string) =>
    db.write(async (tx) => {
      const rows = Array.from({ length: count }, (_, n) => messageRow({ id: String(n), at: START + n * 1000, text: text(n) }))
      for (let done = 0; done < count; done += 500) {
        await tx
          .insertInto('messages')
          .values(rows.slice(done, done + 500))
          .execute()
      }
    })

  describe('search', () => {
    it('finds words whatever their case and accents, the last one as the beginning of a word, the newest first', async () => {
      const db = await opened()
      await sayAll(
        db,
        { id: 'a', text: 'A conta de AÇÚCAR' },
        { id: 'b', text: 'acucarado, sim' },
        { id: 'c', text: 'sem conta' },
        { id: 'd', text: '東京タワー 👍' },
      )
      await index(db)
      expect(await search(db, 'açucar')).toEqual(['b', 'a'])
      expect(await search(db, 'ACUCAR con')).toEqual(['a'])
      expect(await search(db, 'acuca conta')).toEqual([])
      expect(await search(db, 'conta a')).toEqual(['a'])
      expect(await search(db, 'con')).toEqual(['c', 'a'])
      expect(await search(db, '京タワ')).toEqual(['d'])
      expect(await search(db, '👍')).toEqual(['d'])
      expect(await search(db, 'acucaradosim')).toEqual([])
    })

    it('takes everything but words for nothing', async () => {
      const db = await opened()
      await sayAll(db, { id: 'a', text: `it's "quoted": NOT (this) AND* that^2` })
      await index(db)
      for (const text of ['"', "'", '* ^ : - + ( ) { }', '', '\u0000']) expect(await search(db, text)).toEqual([])
      for (const text of ['"quoted', "it's", 'NOT (', 'AND "this"*', 'that^2', '& that |', "that':*", "\\'that\\", 'this)', '^it'])
        expect([text, await search(db, text)]).toEqual([text, ['a']])
      for (const text of ['quoted OR x', 'words:it', 'NEAR(it this)', '- that not there'])
        expect([text, await search(db, text)]).toEqual([text, []])
    })

    it('stays in the instance', async () => {
      const db = await opened()
      await sayAll(db, { id: 'a', text: 'secret' }, { id: 'b', text: 'secret', instance: 'other' })
      await index(db)
      expect(await search(db, 'secret')).toEqual(['a'])
      expect(await search(db, 'secret', { instanceId: 'other' })).toEqual(['b'])
      expect(await search(db, 'secret', { instanceId: 'nobody' })).toEqual([])
    })

    it('leaves out reactions, edits, stories and what has no text', async () => {
      const db = await opened()
      await sayAll(
        db,
        { type: 'reaction', text: 'word' },
        { type: 'message_edit', text: 'word' },
        { chat: 'status@broadcast', text: 'word' },
        { id: 'a', type: 'image', text: 'word' },
        { type: 'image', text: '' },
      )
      await index(db)
      expect(await search(db, 'word')).toEqual(['a'])
    })

    it('finds by chat, time, type and side', async () => {
      const db = await opened()
      await sayAll(
        db,
        { id: 'a', text: 'word' },
        { id: 'b', text: 'word', chat: BEA },
        { id: 'c', text: 'word', chat: GROUP, type: 'image' },
        { id: 'd', text: 'word', fromMe: true },
      )
      await index(db)
      expect(await search(db, 'word', { chats: [ANA] })).toEqual(['d', 'a'])
      expect(await search(db, 'wo', { chats: ['34699@s.whatsapp.net', BEA] })).toEqual(['b'])
      expect(await search(db, 'word', { from: START + 1000, to: START + 2000 })).toEqual(['c', 'b'])
      expect(await search(db, 'word', { from: START + 1001, to: START + 1999 })).toEqual([])
      expect(await search(db, 'word', { type: 'image' })).toEqual(['c'])
      expect(await search(db, 'word', { fromMe: true })).toEqual(['d'])
      expect(await search(db, 'word', { fromMe: false, chats: [ANA] })).toEqual(['a'])
    })

    it('gives every match once, in pages, also of one second and of before the epoch of the index', async () => {
      const db = await opened()
      await fill(db, 23, () => 'same word')
      await say(db, [
        { at: START + 5_000, id: 'twin', text: 'word' },
        { at: 0, id: 'zero', text: 'word' },
        { at: 1, id: 'one', text: 'word' },
      ])
      await index(db)
      const found: string[][] = []
      for (let before: MessageQuery['before'] = null; ; ) {
        const { messages, next } = await page(db, 'word', { limit: 5, before })
        found.push(messages.map(({ id }) => id))
        if (next === null) break
        before = next
      }
      expect(found.map(({ length }) => length)).toEqual([5, 5, 5, 5, 5, 1])
      const numbers = Array.from({ length: 23 }, (_, n) => String(22 - n))
      expect(found.flat()).toEqual([...numbers.slice(0, 17), 'twin', ...numbers.slice(17), 'one', 'zero'])
      expect((await page(db, 'word', { limit: 26 })).next).toBeNull()
      expect((await page(db, 'nothing', { limit: 5 })).next).toBeNull()
    })

    it('looks for rare company among frequent words, and comes to an end with what is not there', async () => {
      const db = await opened()
      await fill(db, 3_000, (n) => (n % 2 === 0 ? 'even' : 'odd') + (n === 7 ? ' even' : '') + (n % 1000 === 500 ? ' rare' : ''))
      await index(db)
      expect(await search(db, 'odd even')).toEqual(['7'])
      expect(await search(db, 'even rare')).toEqual(['2500', '1500', '500'])
      expect(await search(db, 'odd', { type: 'image' })).toEqual([])
      expect(await search(db, 'odd', { from: START + 6_000, to: START + 10_000 })).toEqual(['9', '7'])
      expect(await search(db, 'even odd', { chats: [BEA] })).toEqual([])
    })

    it('finds what stands behind a bound with the next page', async () => {
      const db = await opened()
      await fill(db, 12_000, () => 'word')
      await say(db, [{ at: START - 1_000, id: 'picture', type: 'image', text: 'word' }])
      await index(db)
      const { messages, next } = await page(db, 'word', { type: 'image' })
      expect({ messages, next }).toEqual({ messages: [], next: expect.anything() })
      expect(await search(db, 'word', { type: 'image', before: next })).toEqual(['picture'])
    })
  })

  describe('the index', () => {
    const edit = (db: Database, id: string, kind: 'edit' | 'revoke', content = '') =>
      db.write((tx) => applyChange(tx, INSTANCE, { kind, chat: ANA, sender: ANA, messageId: id, content }))

    it('follows edits and revocations', async () => {
      const db = await opened()
      await sayAll(db, { id: 'a', text: 'before' }, { id: 'b', text: 'before' }, { id: 'c', text: '' })
      await index(db)
      await edit(db, 'a', 'edit', 'after')
      await edit(db, 'b', 'revoke')
      await edit(db, 'c', 'edit', 'after all')
      // The old text is found no more, even before the index has been told.
      expect(await search(db, 'before')).toEqual([])
      await index(db)
      expect(await search(db, 'before')).toEqual([])
      expect(await search(db, 'after')).toEqual(['c', 'a'])
      // Twice between two portions, and one that was never indexed.
      await sayAll(db, { id: 'd', text: 'before' })
      await edit(db, 'd', 'edit', 'meanwhile')
      await edit(db, 'd', 'edit', 'at last')
      await index(db)
      expect(await search(db, 'meanwhile')).toEqual([])
      expect(await search(db, 'last')).toEqual(['d'])
      expect(await indexed(db)).toBe(3)
    })

    it('lets go of what is deleted: messages, chats, instances', async () => {
      const db = await opened()
      await sayAll(db, { id: 'a', text: 'word' }, { id: 'b', text: 'word' }, { id: 'c', text: 'word', chat: BEA })
      await say(db, [{ instance: 'other', at: START, id: 'd', text: 'word' }])
      await index(db)
      const message = { id: 'a', chat: addressOf(ANA), sender: addressOf(ANA), fromMe: false }
      await applyChanges(db, INSTANCE, [{ kind: 'delete-for-me', message, at: START }], nameOf)
      expect(await search(db, 'word')).toEqual(['c', 'b'])
      await applyChanges(db, INSTANCE, [{ kind: 'delete-chat', chat: addressOf(ANA), lastMessageAt: null, at: START + 9_000 }], nameOf)
      expect(await search(db, 'word')).toEqual(['c'])
      await db.write((tx) => tx.deleteFrom('instances').where('id', '=', 'other').execute())
      await index(db)
      expect(await indexed(db)).toBe(1)
      await db.write((tx) => tx.deleteFrom('instances').execute())
      await index(db)
      expect(await indexed(db)).toBe(0)
      expect(await db.read.selectFrom('search_queue').selectAll().execute()).toEqual([])
    })

    it.runIf(name === 'SQLite')('does not keep the words of a deleted instance', async () => {
      const db = await opened()
      const blocksWith = async (word: string) => {
        const { rows } = await sql<{ count: number }>`
          select count(*) as count from message_words_data where instr(block, cast(${word} as blob)) > 0
        `.execute(db.read)
        return rows[0]?.count
      }
      await fill(db, 1_000, (n) => `word ${n} needle`)
      await index(db)
      expect(await blocksWith('needle')).toBeGreaterThan(0)
      await db.write((tx) => tx.deleteFrom('instances').execute())
      await index(db)
      expect(await blocksWith('needle')).toBe(0)
    })

    it('of a message deleted before its turn stays empty', async () => {
      const db = await opened()
      await sayAll(db, { id: 'a', text: 'word' })
      await db.write((tx) => tx.deleteFrom('messages').execute())
      await index(db)
      expect(await indexed(db)).toBe(0)
    })

    it('moves with a chat whose number became known', async () => {
      const db = await opened()
      const lid = '77001122334455@lid'
      await sayAll(db, { id: 'a', text: 'word', chat: lid }, { id: 'b', text: 'word', chat: ANA })
      await index(db)
      await db.write((tx) => renameChat(tx, INSTANCE, lid, ANA))
      await index(db)
      expect(await search(db, 'word', { chats: [ANA] })).toEqual(['b', 'a'])
      expect(await search(db, 'word', { chats: [lid] })).toEqual([])
      expect(await indexed(db)).toBe(2)
    })

    it('takes up a portion anew that was killed before its end', async () => {
      const db = await opened()
      await fill(db, PORTION + 50, (n) => `word ${n}`)
      expect(await indexPortion(db)).toBe(PORTION)
      const dying: Database = {
        ...db,
        write: (work) =>
          db.write(async (tx) => {
            await work(tx)
            throw new Error('killed')
          }),
      }
      await expect(indexPortion(dying)).rejects.toThrow('killed')
      expect(await indexed(db)).toBe(PORTION)
      expect(await indexPortion(db)).toBe(50)
      expect(await indexPortion(db)).toBe(0)
      expect(await indexed(db)).toBe(PORTION + 50)
      expect(await search(db, `word ${PORTION + 49}`)).toEqual([String(PORTION + 49)])
    })

    it('stands where the triggers of the database say', async () => {
      const db = await opened()
      for (const at of [0, 1_199_999_999_999, 1_200_000_000_000, START + 1, START + 999, 3_347_483_647_000, 9_999_999_999_999]) {
        await say(db, [{ at, id: String(at), text: 'word' }])
        await index(db)
        await edit(db, String(at), 'edit', `word ${momentOf(at)}`)
        await index(db)
      }
      expect(await indexed(db)).toBe(7)
    })
  })

  const indexed = async (db: Database): Promise<number> => {
    const { count } = await db.read
      .selectFrom('message_words')
      .select(({ fn }) => fn.countAll<number>().as('count'))
      .executeTakeFirstOrThrow()
    return count
  }
})
