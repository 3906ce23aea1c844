import { describe, expect, it } from 'vitest'
import { forEachDatabase } from '../../../testing/databases.ts'
import type { Database } from '../../storage/database.ts'
import { applyChanges } from '../changes.ts'
import { newRow } from '../chat-table.ts'
import { type ChatQuery, MOST_ROWS, readPage } from '../list/chat-page.ts'
import { parseSearch, searchPage } from '../list/search.ts'
import { ANA, addInstances, addressOf, BEA, call, GROUP, INSTANCE, nameOf, say } from './rows.ts'

const NOW = 1_000_000
const all: ChatQuery = { instanceId: INSTANCE, limit: 10, after: null, archived: null, marks: new Set(), kind: null, now: NOW }

forEachDatabase((_name, open) => {
  const opened = async () => {
    const { db } = await open()
    await addInstances(db, INSTANCE, 'other')
    return db
  }
  /** `count` chats, the newest last; every tenth archived. */
  const fill = (db: Database, count: number) =>
    db.write(async (tx) => {
      const rows = Array.from({ length: count }, (_, index) => ({
        ...newRow(INSTANCE, `${34_600_000_000 + index}@s.whatsapp.net`),
        last_at: 1_000 + Math.floor(index / 2),
        archived: index % 10 === 0 ? (1 as const) : (0 as const),
      }))
      for (let start = 0; start < count; start += 500)
        await tx
          .insertInto('chats')
          .values(rows.slice(start, start + 500))
          .execute()
    })
  const pages = async (db: Database, query: ChatQuery): Promise<string[][]> => {
    const found: string[][] = []
    for (let after = query.after; ; ) {
      const page = await readPage(db.read, { ...query, after })
      found.push(page.chats.map(({ chat }) => chat))
      if (page.next === null) return found
      after = page.next
    }
  }

  describe('pages', () => {
    it('show every chat once, the newest first, archived or not', async () => {
      const db = await opened()
      await fill(db, 25)
      await say(db, [{ instance: 'other', at: 9_999 }])
      const found = await pages(db, all)
      expect(found.map((page) => page.length)).toEqual([10, 10, 5])
      expect(found.flat()).toEqual(Array.from({ length: 25 }, (_, index) => `${34_600_000_024 - index}@s.whatsapp.net`))
      expect((await pages(db, { ...all, archived: true })).flat()).toHaveLength(3)
      expect((await pages(db, { ...all, archived: false })).flat()).toHaveLength(22)
      expect(await pages(db, { ...all, limit: 25 })).toHaveLength(1)
    })

    it('of those that are marked somehow', async () => {
      const db = await opened()
      await fill(db, 5)
      await say(db, [
        { chat: ANA, at: 1 },
        { chat: BEA, at: 2, fromMe: true },
        { chat: GROUP, at: 3, fromMe: true },
      ])
      const [bea, group] = [addressOf(BEA), addressOf(GROUP)]
      await applyChanges(
        db,
        INSTANCE,
        [
          { kind: 'mark-read', chat: bea, read: false, lastMessageAt: null, at: 1 },
          { kind: 'pin', chat: bea, pinned: true, at: 1 },
          { kind: 'mute', chat: bea, muted: true, until: NOW - 1, at: 1 },
          { kind: 'mute', chat: group, muted: true, until: NOW + 1, at: 1 },
          { kind: 'archive', chat: group, archived: true, lastMessageAt: null, at: 1 },
          { kind: 'favorites', chats: [group, bea], at: 1 },
        ],
        nameOf,
      )
      const marked = async (...marks: ('unread' | 'pinned' | 'muted' | 'favorite')[]) =>
        (await pages(db, { ...all, marks: new Set(marks) })).flat()
      expect(await marked('unread')).toEqual([BEA, ANA])
      expect(await marked('pinned')).toEqual([BEA])
      expect(await marked('muted')).toEqual([GROUP])
      expect(await marked('favorite')).toEqual([GROUP, BEA])
      expect(await marked('favorite', 'pinned')).toEqual([BEA])
      expect((await pages(db, { ...all, marks: new Set(['favorite']), archived: false })).flat()).toEqual([BEA])
      expect((await pages(db, { ...all, kind: 'group' })).flat()).toEqual([GROUP])
    })

    it('that look for what is rare come to an end, and go on from there', async () => {
      const db = await opened()
      await fill(db, MOST_ROWS + 600)
      await say(db, [{ chat: GROUP, at: 1, fromMe: true }])
      const first = await readPage(db.read, { ...all, kind: 'group' })
      expect(first).toMatchObject({ chats: [], next: { chat: expect.any(String) } })
      expect((await pages(db, { ...all, kind: 'group' })).flat()).toEqual([GROUP])
    })
  })

  describe('search', () => {
    const search = async (db: Database, text: string, query: Partial<ChatQuery> = {}) => {
      const wanted = await parseSearch(text, async (digits) => [digits, digits.replace(/^5521(\d{8})$/, '55219$1')])
      return wanted === null ? null : (await searchPage(db.read, { ...all, ...query }, wanted)).chats.map(({ chat }) => chat)
    }

    it('finds people by the beginnings of their names, and by the ends of their numbers', async () => {
      const db = await opened()
      const brazil = '5521988887777@s.whatsapp.net'
      await say(db, [
        { chat: ANA, at: 1 },
        { chat: BEA, at: 2 },
        { chat: GROUP, at: 3 },
        { chat: brazil, at: 4 },
      ])
      await call(db, ANA, 'Ána Ruiz')
      await call(db, BEA, 'Bea Anaya')
      await call(db, GROUP, 'Família 2026')
      await call(db, '34600999999@s.whatsapp.net', 'Ana without a chat')
      expect(await search(db, 'ana')).toEqual([BEA, ANA])
      expect(await search(db, 'RUIZ an')).toEqual([ANA])
      expect(await search(db, 'familia')).toEqual([GROUP])
      expect(await search(db, '2026')).toEqual([GROUP])
      expect(await search(db, 'na')).toEqual([])
      expect(await search(db, '+34 600')).toEqual([BEA, ANA])
      expect(await search(db, '111222')).toEqual([ANA])
      expect(await search(db, '55 21 8888-7777')).toEqual([brazil])
      expect(await search(db, '34')).toEqual([])
      expect(await search(db, '…')).toBeNull()
      expect(await search(db, 'ana', { marks: new Set(['unread']), limit: 1 })).toEqual([BEA])
      expect(await search(db, 'ana', { after: { lastAt: 2, lastSeq: 2, chat: BEA } })).toEqual([ANA])
    })

    it('of what very many are called goes through the newest', async () => {
      const db = await opened()
      await fill(db, 1_500)
      await db.write(async (tx) => {
        const people = Array.from({ length: 1_500 }, (_, index) => `${34_600_000_000 + index}@s.whatsapp.net`)
        for (let start = 0; start < people.length; start += 100) {
          const some = people.slice(start, start + 100)
          const names = some.map((jid) => ({ instance_id: INSTANCE, jid, push_name: 'Maria', saved_name: null, updated_at: 0 }))
          await tx.insertInto('contacts').values(names).execute()
          await tx
            .insertInto('contact_words')
            .values(some.map((jid) => ({ instance_id: INSTANCE, word: 'maria', jid })))
            .execute()
        }
      })
      expect(await search(db, 'mari', { limit: 3 })).toEqual([1_499, 1_498, 1_497].map((n) => `${34_600_000_000 + n}@s.whatsapp.net`))
      expect(await search(db, '346000', { limit: 1 })).toEqual(['34600001499@s.whatsapp.net'])
      expect(await search(db, '346000014', { limit: 1 })).toEqual(['34600001499@s.whatsapp.net'])
    })
  })
})
