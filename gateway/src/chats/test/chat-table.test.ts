import { describe, expect, it } from 'vitest'
import { forEachDatabase } from '../../../testing/databases.ts'
import type { HistoryChat } from '../../whatsapp/history.ts'
import { noteListed, renameNoted } from '../chat-table.ts'
import { ANA, addInstances, addressOf, BEA, chatsOf, INSTANCE, nameOf, say } from './rows.ts'

forEachDatabase((_name, open) => {
  const opened = async () => {
    const { db } = await open()
    await addInstances(db, INSTANCE, 'other')
    return db
  }

  describe('a conversation', () => {
    it('is as new as its last message, and counts what nobody has read', async () => {
      const db = await opened()
      const [, second] = await say(db, [{ at: 1_000 }, { at: 2_000 }, { chat: BEA, at: 1_500 }])
      expect(await chatsOf(db)).toMatchObject({
        [ANA]: { last_at: 2_000, last_seq: second, unread: 2, backwards: '22211100643', archived: 0, marked_unread: 0 },
        [BEA]: { last_at: 1_500, unread: 1 },
      })
      expect(await chatsOf(db, 'other')).toEqual({})
    })

    it('is not moved by an older message, and is by one of the same moment', async () => {
      const db = await opened()
      const [, newest] = await say(db, [{ at: 5_000 }, { at: 5_000 }, { at: 3_000 }])
      expect(await chatsOf(db)).toMatchObject({ [ANA]: { last_at: 5_000, last_seq: newest, unread: 3 } })
    })

    it('is read when the account writes', async () => {
      const db = await opened()
      await say(db, [{ at: 1 }, { at: 2 }])
      await db.write((tx) => tx.updateTable('chats').set({ marked_unread: 1 }).execute())
      await say(db, [{ at: 3, fromMe: true }])
      expect(await chatsOf(db)).toMatchObject({ [ANA]: { unread: 0, marked_unread: 0, last_at: 3 } })
      await say(db, [{ at: 4 }])
      expect(await chatsOf(db)).toMatchObject({ [ANA]: { unread: 1 } })
    })

    it('is not about reactions, votes, edits and the like, nor are stories one', async () => {
      const db = await opened()
      await say(db, [{ at: 1 }])
      await say(db, [
        { at: 2, type: 'reaction' },
        { at: 3, type: 'message_edit' },
        { at: 4, type: 'poll_update' },
        { at: 5, chat: 'status@broadcast' },
        { at: 6, chat: BEA, type: 'reaction' },
      ])
      expect(await chatsOf(db)).toMatchObject({ [ANA]: { unread: 1, last_at: 1 } })
      expect(Object.keys(await chatsOf(db))).toEqual([ANA])
    })

    it('of the past, or one that is read as it comes, has nothing unread', async () => {
      const db = await opened()
      await say(db, [{ at: 1 }, { at: 2, fromMe: true }, { at: 3 }], 'past')
      await say(db, [{ chat: BEA, at: 1 }], 'read')
      expect(await chatsOf(db)).toMatchObject({ [ANA]: { unread: 0, last_at: 3 }, [BEA]: { unread: 0, last_at: 1 } })
    })

    it('is as the phone lists it, whatever of its messages comes in which order', async () => {
      const db = await opened()
      const listed = {
        chat: addressOf(ANA),
        unread: 4,
        markedUnread: true,
        archived: true,
        pinnedAt: 7,
        mutedUntil: -1,
        lastMessageAt: 9_000,
      }
      const list = (...chats: HistoryChat[]) => db.write((tx) => noteListed(tx, INSTANCE, chats, nameOf))
      await list({ ...listed, unread: 1 }, listed, { ...listed, chat: addressOf('status@broadcast') })
      const as = { unread: 4, marked_unread: 1, archived: 1, pinned_at: 7, muted_until: -1, last_at: 9_000 }
      expect(await chatsOf(db)).toMatchObject({ [ANA]: { ...as, last_seq: 0 } })
      const [, newest] = await say(db, [{ at: 3_000 }, { at: 8_000 }, { at: 5_000 }, { at: 8_500, type: 'reaction' }], 'past')
      expect((await chatsOf(db))[ANA]).toMatchObject({ ...as, last_seq: newest })
      await say(db, [{ at: 9_500 }])
      await list({ ...listed, unread: 0, markedUnread: false, archived: false, pinnedAt: null, mutedUntil: null })
      const now = { unread: 0, marked_unread: 0, archived: 0, pinned_at: null, muted_until: null, last_at: 9_500 }
      expect((await chatsOf(db))[ANA]).toMatchObject(now)
      expect(Object.keys(await chatsOf(db))).toEqual([ANA])
    })

    it('under a LID becomes the one of the number, with what was known of either', async () => {
      const db = await opened()
      const lid = '77001122334455@lid'
      const [, , newest] = await say(db, [{ at: 1 }, { at: 2 }, { chat: lid, at: 9 }])
      await db.write((tx) => tx.updateTable('chats').set({ pinned_at: 7, archived: 1 }).where('chat', '=', lid).execute())
      await db.write((tx) => renameNoted(tx, INSTANCE, lid, ANA))
      const chats = await chatsOf(db)
      expect(Object.keys(chats)).toEqual([ANA])
      expect(chats[ANA]).toMatchObject({ last_at: 9, last_seq: newest, unread: 3, pinned_at: 7, archived: 0 })

      await say(db, [{ chat: '5@lid', at: 3 }])
      await db.write((tx) => renameNoted(tx, INSTANCE, '5@lid', BEA))
      await db.write((tx) => renameNoted(tx, INSTANCE, '6@lid', '34600999888@s.whatsapp.net'))
      expect(Object.keys(await chatsOf(db)).sort()).toEqual([ANA, BEA])
      expect((await chatsOf(db))[BEA]).toMatchObject({ unread: 1, backwards: '44433300643' })
    })
  })
})
