/** What the owner of an account does with its chats on the phone is seen in the store, and so is what is done here. */
import { expect, it } from 'vitest'
import { bothDatabases } from '../toolkit/databases.ts'
import { eventually } from '../toolkit/eventually.ts'
import { at, type Json, list, matches, text } from '../toolkit/json.ts'
import type { Line } from '../toolkit/line.ts'
import type { Phone } from '../toolkit/simulator.ts'
import { onStage } from '../toolkit/stage.ts'

onStage(
  'Changes on the phone',
  (stage) => {
    const listed = async (line: Line, query = ''): Promise<Json[]> =>
      list((await line.api.get(`/api/chat/list/${line.name}${query}`)).body, 'chats')
    /** The chat as the list has it, once it looks like this. */
    const chat = (line: Line, jid: string, pattern: object): Promise<Json> =>
      eventually(`the chat ${jid} to look like ${JSON.stringify(pattern)}`, async () =>
        (await listed(line)).find((one) => at(one, 'jid') === jid && matches(one, pattern as Json)),
      )
    const now = async (line: Line, jid: string) => (await listed(line)).find((one) => at(one, 'jid') === jid) ?? null
    const jids = async (line: Line, query: string) => (await listed(line, query)).map((one) => at(one, 'jid'))
    const stored = async (line: Line, number: string) =>
      list((await line.api.post(`/api/chat/history/${line.name}`, { number })).body, 'messages').map((one) => at(one, 'content'))
    const heard = async (line: Line, from: Phone, words: string) => {
      const id = await from.send(line.phone.number, words)
      await chat(line, from.jid, { lastMessage: { id } })
      return id
    }

    it('archived, pinned, muted, read, favourite, blocked: in the list, and taken back', async () => {
      const line = await stage.line('settings')
      const { phone } = line
      const [ana, bea] = [await stage.phone({ name: 'Ana' }), await stage.phone({ name: 'Bea' })]
      await heard(line, ana, 'one')
      await heard(line, bea, 'two')

      await phone.set('regular_low', ['archive', ana.jid], { archiveChatAction: { archived: true } })
      await phone.set('regular_low', ['pin_v1', ana.lid], { pinAction: { pinned: true } })
      await phone.set('regular_high', ['mute', ana.jid], { muteAction: { muted: true, muteEndTimestamp: -1 } })
      await phone.set('regular_high', ['favorites'], { favoritesAction: { favorites: [{ id: bea.jid }, { id: ana.lid }] } })
      await phone.block(ana.jid, true)
      await chat(line, ana.jid, {
        archived: true,
        pinned: true,
        muted: true,
        mutedUntil: null,
        favorite: true,
        blocked: true,
        unreadCount: 1,
      })
      for (const kind of ['archived', 'pinned', 'muted']) expect(await jids(line, `?${kind}=true`), kind).toEqual([ana.jid])
      expect(await jids(line, '?archived=false')).toEqual([bea.jid])
      expect(await jids(line, '?favorite=true')).toEqual([bea.jid, ana.jid])

      await phone.set('regular_low', ['markChatAsRead', ana.jid], { markChatAsReadAction: { read: true } })
      await chat(line, ana.jid, { unreadCount: 0, markedUnread: false })
      await phone.set('regular_low', ['markChatAsRead', ana.jid], { markChatAsReadAction: { read: false } })
      await chat(line, ana.jid, { unreadCount: 0, markedUnread: true })
      expect(await jids(line, '?unread=true')).toEqual([bea.jid, ana.jid])

      await phone.set('regular_low', ['archive', ana.lid], { archiveChatAction: { archived: false } })
      await phone.set('regular_low', ['pin_v1', ana.jid], { pinAction: { pinned: false } })
      await phone.set('regular_high', ['mute', ana.jid], { muteAction: { muted: true, muteEndTimestamp: Date.now() + 3_600_000 } })
      await phone.set('regular_high', ['favorites'], { favoritesAction: { favorites: [{ id: bea.jid }] } })
      await phone.block(ana.jid, false)
      const muted = { muted: true, mutedUntil: expect.stringMatching(/^\d{4}-/) }
      const rest = { archived: false, pinned: false, pinnedAt: null, favorite: false, blocked: false }
      await chat(line, ana.jid, { ...rest, muted: true })
      expect(await now(line, ana.jid)).toMatchObject({ ...rest, ...muted })
      await phone.set('regular_high', ['mute', ana.jid], { muteAction: { muted: false } })
      await chat(line, ana.jid, { muted: false, mutedUntil: null })
    })

    it('starred, deleted for oneself, cleared, deleted', async () => {
      const line = await stage.line('messages')
      const { phone } = line
      const ana = await stage.phone({ name: 'Ana' })
      const first = await heard(line, ana, 'first')
      const second = await heard(line, ana, 'second')
      const third = await heard(line, ana, 'third')
      await phone.set('regular_high', ['star', ana.jid, first, '0', '0'], { starAction: { starred: true } })
      await phone.set('regular_high', ['star', ana.jid, third, '0', '0'], { starAction: { starred: true } })
      await chat(line, ana.jid, { lastMessage: { id: third, starred: true } })
      await phone.set('regular_high', ['deleteMessageForMe', ana.jid, third, '0', '0'], { deleteMessageForMeAction: { deleteMedia: true } })
      await chat(line, ana.jid, { unreadCount: 2, lastMessage: { id: second } })
      expect(await stored(line, ana.number)).toEqual(['second', 'first'])

      await phone.set('regular_high', ['clearChat', ana.jid, '0', '0'], { clearChatAction: {} })
      await chat(line, ana.jid, { lastMessage: { id: first, starred: true } })
      expect(await stored(line, ana.number)).toEqual(['first'])
      await phone.set('regular_high', ['deleteChat', ana.jid, '1'], { deleteChatAction: {} })
      await eventually('the chat to go', async () => (await now(line, ana.jid)) === null)
      expect(await stored(line, ana.number)).toEqual([])
      await heard(line, ana, 'anew')
      expect(await now(line, ana.jid)).toMatchObject({ unreadCount: 1, lastMessage: { content: 'anew' } })
    })

    it('what is changed by a request is in the list when it is answered', async () => {
      const line = await stage.line('own')
      const ana = await stage.phone({ name: 'Ana' })
      const id = await heard(line, ana, 'hello')
      const { number } = ana
      const post = async (action: string, body: { [key: string]: Json }) => {
        expect((await line.api.post(`/api/chat/${action}/own`, body)).status, action).toBe(200)
        return now(line, ana.jid)
      }
      expect(await post('archive', { number })).toMatchObject({ archived: true })
      expect(await post('archive', { number, archive: false })).toMatchObject({ archived: false })
      expect(await post('pinChat', { number })).toMatchObject({ pinned: true })
      expect(await post('pin', { number, pin: false })).toMatchObject({ pinned: false })
      expect(await post('mute', { number, duration: '8h' })).toMatchObject({ muted: true })
      expect(await post('mute', { number, mute: false })).toMatchObject({ muted: false })
      expect(await post('favorite', { number })).toMatchObject({ favorite: true })
      expect(await post('favorite', { number, favorite: false })).toMatchObject({ favorite: false })
      expect(await post('favorite', { messageId: id })).toMatchObject({ lastMessage: { starred: true } })
      expect(await post('block', { number })).toMatchObject({ blocked: true })
      expect(await post('block', { number, block: false })).toMatchObject({ blocked: false })
      expect(await post('markRead', { number, messageId: id })).toMatchObject({ unreadCount: 0 })
      expect(await post('markChatRead', { number, read: false })).toMatchObject({ markedUnread: true })
      expect(await post('markChatRead', { number })).toMatchObject({ markedUnread: false })
      expect((await line.api.delete('/api/chat/deleteChat/own', {}, { number })).status).toBe(200)
      expect(await now(line, ana.jid)).toBeNull()
    })

    it('made while the gateway was away are there when it is back', async () => {
      const line = await stage.line('away')
      const ana = await stage.phone({ name: 'Ana' })
      const sent = text((await line.text(ana.number, 'hello')).body, 'data.messageId')
      await chat(line, ana.jid, { lastMessage: { id: sent } })
      await stage.gateway.stop()
      await line.phone.set('regular_low', ['pin_v1', ana.jid], { pinAction: { pinned: true } })
      await line.phone.set('regular_high', ['star', ana.jid, sent, '1', '0'], { starAction: { starred: true } })
      await line.phone.block(ana.jid, true)
      await line.phone.foldAppState()
      await stage.gateway.restart()
      await chat(line, ana.jid, { pinned: true, blocked: true, lastMessage: { id: sent, starred: true } })
    })
  },
  { databases: bothDatabases },
)
