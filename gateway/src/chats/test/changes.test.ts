import { describe, expect, it } from 'vitest'
import { forEachDatabase } from '../../../testing/databases.ts'
import type { ChatChange } from '../../whatsapp/chat-changes.ts'
import { applyChanges, markReadByMessages } from '../changes.ts'
import { ANA, addInstances, addressOf, BEA, chatsOf, GROUP, INSTANCE, nameOf, say } from './rows.ts'

forEachDatabase((_name, open) => {
  const opened = async () => {
    const { db } = await open()
    await addInstances(db, INSTANCE, 'other')
    const apply = (...changes: ChatChange[]) => applyChanges(db, INSTANCE, changes, nameOf)
    const messages = async () =>
      (await db.read.selectFrom('messages').select('message_id').orderBy('seq').execute()).map((row) => row.message_id)
    return { db, apply, messages }
  }
  const ana = addressOf(ANA)
  const bea = addressOf(BEA)

  describe('what is done with a chat', () => {
    it('archived, pinned, muted, and back', async () => {
      const { db, apply } = await opened()
      await say(db, [{ at: 1 }])
      await apply(
        { kind: 'archive', chat: ana, archived: true, lastMessageAt: 1, at: 5 },
        { kind: 'pin', chat: ana, pinned: true, at: 6 },
        { kind: 'mute', chat: ana, muted: true, until: 99, at: 7 },
      )
      expect(await chatsOf(db)).toMatchObject({ [ANA]: { archived: 1, pinned_at: 6, muted_until: 99, unread: 1, last_at: 1 } })
      await apply({ kind: 'mute', chat: ana, muted: true, until: null, at: 8 })
      expect((await chatsOf(db))[ANA]).toMatchObject({ muted_until: -1 })
      await apply(
        { kind: 'archive', chat: ana, archived: false, lastMessageAt: 1, at: 9 },
        { kind: 'pin', chat: ana, pinned: false, at: 9 },
        { kind: 'mute', chat: ana, muted: false, until: null, at: 9 },
      )
      expect((await chatsOf(db))[ANA]).toMatchObject({ archived: 0, pinned_at: null, muted_until: null })
    })

    it('makes a chat known of which nothing is stored, unless it says nothing of it', async () => {
      const { db, apply } = await opened()
      await apply(
        { kind: 'archive', chat: ana, archived: true, lastMessageAt: 4_000, at: 5 },
        { kind: 'pin', chat: bea, pinned: false, at: 5 },
        { kind: 'mark-read', chat: bea, read: true, lastMessageAt: null, at: 5 },
        { kind: 'mark-read', chat: addressOf(GROUP), read: false, lastMessageAt: null, at: 5 },
      )
      expect(await chatsOf(db)).toMatchObject({
        [ANA]: { archived: 1, last_at: 4_000, last_seq: 0 },
        [GROUP]: { marked_unread: 1, last_at: 0 },
      })
      expect(Object.keys(await chatsOf(db))).toHaveLength(2)
    })

    it('read, as far as whoever read it had come', async () => {
      const { db, apply } = await opened()
      await say(db, [{ at: 1_000 }, { at: 2_000 }, { at: 3_000 }, { at: 3_500, type: 'reaction' }])
      await apply({ kind: 'mark-read', chat: ana, read: true, lastMessageAt: 2_999, at: 9_000 })
      expect((await chatsOf(db))[ANA]).toMatchObject({ unread: 1 })
      await apply({ kind: 'mark-read', chat: ana, read: false, lastMessageAt: 3_000, at: 9_000 })
      expect((await chatsOf(db))[ANA]).toMatchObject({ unread: 1, marked_unread: 1 })
      await apply({ kind: 'mark-read', chat: ana, read: true, lastMessageAt: null, at: 9_000 })
      expect((await chatsOf(db))[ANA]).toMatchObject({ unread: 0, marked_unread: 0 })
    })

    it('read by one of its messages: all before it too', async () => {
      const { db } = await opened()
      await say(db, [
        { at: 1, id: 'A' },
        { at: 2, id: 'B' },
        { at: 3, id: 'C' },
      ])
      await db.write((tx) => markReadByMessages(tx, INSTANCE, ANA, ['NOBODY']))
      await db.write((tx) => markReadByMessages(tx, INSTANCE, BEA, ['B']))
      expect((await chatsOf(db))[ANA]).toMatchObject({ unread: 3 })
      await db.write((tx) => markReadByMessages(tx, INSTANCE, ANA, ['A', 'B']))
      expect((await chatsOf(db))[ANA]).toMatchObject({ unread: 1 })
    })

    it('a count that is higher than what is stored is not made higher by reading', async () => {
      const { db, apply } = await opened()
      await say(db, [{ at: 1 }, { at: 5 }])
      await db.write((tx) => tx.updateTable('chats').set({ unread: 1 }).execute())
      await apply({ kind: 'mark-read', chat: ana, read: true, lastMessageAt: 0, at: 9 })
      expect((await chatsOf(db))[ANA]).toMatchObject({ unread: 1 })
    })

    it('cleared: its messages are gone, starred ones if that was meant; it keeps its place', async () => {
      const { db, apply, messages } = await opened()
      await say(db, [
        { at: 1, id: 'A' },
        { at: 2, id: 'B', starred: true },
        { at: 3, id: 'C' },
        { chat: BEA, at: 2, id: 'D' },
        { instance: 'other', at: 2, id: 'E' },
      ])
      await apply({ kind: 'clear-chat', chat: ana, starredToo: false, lastMessageAt: 2, at: 9 })
      expect(await messages()).toEqual(['B', 'C', 'D', 'E'])
      await apply({ kind: 'clear-chat', chat: ana, starredToo: true, lastMessageAt: null, at: 9 })
      expect(await messages()).toEqual(['D', 'E'])
      expect((await chatsOf(db))[ANA]).toMatchObject({ last_at: 3, last_seq: 0, unread: 0 })
      await say(db, [{ at: 2, id: 'F' }], 'past')
      expect((await chatsOf(db))[ANA]?.last_seq).toBeGreaterThan(0)
    })

    it('deleted: gone, but for what came later', async () => {
      const { db, apply, messages } = await opened()
      await say(db, [
        { at: 1, id: 'A' },
        { at: 9, id: 'B' },
      ])
      await apply({ kind: 'pin', chat: ana, pinned: true, at: 2 }, { kind: 'delete-chat', chat: ana, lastMessageAt: 5, at: 10 })
      expect(await messages()).toEqual(['B'])
      expect((await chatsOf(db))[ANA]).toMatchObject({ last_at: 9, unread: 1, pinned_at: null })
      await apply({ kind: 'delete-chat', chat: ana, lastMessageAt: null, at: 10 })
      expect(await chatsOf(db)).toEqual({})
      await apply({ kind: 'delete-chat', chat: ana, lastMessageAt: null, at: 10 })
    })

    it('deleted with more messages than go at once', async () => {
      const { db, apply, messages } = await opened()
      await say(
        db,
        Array.from({ length: 1_100 }, (_, at) => ({ at })),
      )
      await apply({ kind: 'delete-chat', chat: ana, lastMessageAt: null, at: 5_000 })
      expect(await messages()).toEqual([])
    })

    it('favourites, all of them each time, in their order', async () => {
      const { db, apply } = await opened()
      await say(db, [{ at: 1 }])
      await apply({ kind: 'favorites', chats: [bea, ana], at: 1 })
      expect(await chatsOf(db)).toMatchObject({ [ANA]: { favorite: 1 }, [BEA]: { favorite: 0 } })
      await apply({ kind: 'favorites', chats: [ana], at: 2 })
      expect(await chatsOf(db)).toMatchObject({ [ANA]: { favorite: 0 }, [BEA]: { favorite: null } })
      await apply({ kind: 'favorites', chats: [], at: 3 })
      expect(await chatsOf(db)).toMatchObject({ [ANA]: { favorite: null } })
    })
  })

  describe('what is done with a message', () => {
    const key = (id: string) => ({ id, chat: ana, sender: ana, fromMe: false })

    it('starred, and not', async () => {
      const { db, apply } = await opened()
      await say(db, [
        { at: 1, id: 'A' },
        { chat: BEA, at: 1, id: 'A' },
      ])
      const starred = async () =>
        (await db.read.selectFrom('messages').select('starred').orderBy('seq').execute()).map((row) => row.starred)
      await apply({ kind: 'star', message: key('A'), starred: true, at: 1 }, { kind: 'star', message: key('X'), starred: true, at: 1 })
      expect(await starred()).toEqual([1, 0])
      await apply({ kind: 'star', message: key('A'), starred: false, at: 2 })
      expect(await starred()).toEqual([0, 0])
    })

    it('deleted for oneself: the one before it is the last now', async () => {
      const { db, apply, messages } = await opened()
      const [first] = await say(db, [
        { at: 1, id: 'A' },
        { at: 2, id: 'B' },
        { at: 3, id: 'R', type: 'reaction' },
      ])
      await apply({ kind: 'delete-for-me', message: key('B'), at: 5 })
      expect(await messages()).toEqual(['A', 'R'])
      expect((await chatsOf(db))[ANA]).toMatchObject({ last_seq: first, last_at: 1, unread: 1 })
    })
  })

  it('people are blocked one by one, or listed', async () => {
    const { db, apply } = await opened()
    const blocked = async () =>
      (await db.read.selectFrom('contacts').select('jid').where('blocked', '=', 1).execute()).map((row) => row.jid)
    await apply({ kind: 'block', person: ana, blocked: true, at: 1 })
    expect(await blocked()).toEqual([ANA])
    await apply({ kind: 'blocklist', people: [bea], at: 2 })
    expect(await blocked()).toEqual([BEA])
    await apply({ kind: 'block', person: bea, blocked: false, at: 3 })
    expect(await blocked()).toEqual([])
  })
})
