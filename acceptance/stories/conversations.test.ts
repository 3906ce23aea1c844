/** The conversations of an account as its app shows them: what came, what is unread, who it is. */
import { expect, it } from 'vitest'
import { eventually } from '../toolkit/eventually.ts'
import { at, type Json, list, matches, text } from '../toolkit/json.ts'
import type { Line } from '../toolkit/line.ts'
import { onStage } from '../toolkit/stage.ts'

const refusal = (status: number, message: string) => ({ status, body: { success: false, error: { message } } })

onStage(
  'Conversations',
  (stage, database) => {
    const listed = async (line: Line, query = ''): Promise<Json[]> => {
      const answer = await line.api.get(`/api/chat/list/${line.name}${query}`)
      expect(answer.status).toBe(200)
      return list(answer.body, 'chats')
    }
    const names = async (line: Line, query = '') => (await listed(line, query)).map((chat) => at(chat, 'name'))
    /** The chat as the list has it, once it looks like this. */
    const chat = (line: Line, jid: string, pattern: object): Promise<Json> =>
      eventually(`the chat ${jid} to look like ${JSON.stringify(pattern)}`, async () =>
        (await listed(line)).find((one) => at(one, 'jid') === jid && matches(one, pattern as Json)),
      )

    it('are listed with their last message, the newest first, and counted as unread until they are read', async () => {
      const line = await stage.line(`list-${database}`)
      const [ana, bea] = [await stage.phone({ name: 'Ána Ruiz' }), await stage.phone({ name: 'Bea' })]
      const group = await stage.simulator.group({ by: bea, subject: 'Família', participants: [line.phone] })
      await ana.send(line.phone.number, 'one')
      const second = await ana.send(line.phone.number, 'two')
      expect(await chat(line, ana.jid, { unreadCount: 2 })).toEqual({
        jid: ana.jid,
        lid: ana.lid,
        name: 'Ána Ruiz',
        type: 'private',
        unreadCount: 2,
        markedUnread: false,
        archived: false,
        pinned: false,
        pinnedAt: null,
        muted: false,
        mutedUntil: null,
        favorite: false,
        blocked: false,
        labels: [],
        lastMessageAt: expect.stringMatching(/^\d{4}-/),
        lastMessage: {
          id: second,
          chatJid: ana.jid,
          senderJid: ana.jid,
          fromMe: false,
          type: 'text',
          content: 'two',
          timestamp: expect.stringMatching(/^\d{4}-/),
          status: 'delivered',
          source: '',
          revoked: false,
          starred: false,
        },
      })
      await bea.send(group, 'to all')
      await chat(line, group, { name: 'Família', type: 'group', unreadCount: 1, lastMessage: { content: 'to all', senderJid: bea.jid } })
      const sent = text((await line.text(bea.number, 'to you')).body, 'data.messageId')
      await chat(line, bea.jid, { unreadCount: 0, lastMessage: { id: sent, fromMe: true, status: 'delivered', source: 'api' } })
      expect(await names(line)).toEqual(['Bea', 'Família', 'Ána Ruiz'])

      await line.phone.receipts(ana.number, [second], 'read')
      await chat(line, ana.jid, { unreadCount: 0 })
      expect(await names(line, '?unread=true')).toEqual(['Família'])
      await line.phone.send(group, 'read by answering')
      await chat(line, group, { unreadCount: 0, lastMessage: { fromMe: true } })

      const edited = await ana.send(line.phone.number, 'tree')
      await ana.send(line.phone.number, { reactionMessage: { key: { remoteJid: ana.jid, fromMe: true, id: sent }, text: '👍' } })
      const key = { remoteJid: line.phone.jid, fromMe: true, id: edited }
      await ana.send(
        line.phone.number,
        { protocolMessage: { key, type: 'MESSAGE_EDIT', editedMessage: { conversation: 'three' } } },
        { edit: '1' },
      )
      await chat(line, ana.jid, { unreadCount: 1, lastMessage: { id: edited, content: 'three' } })
      await ana.send(line.phone.number, { protocolMessage: { key, type: 'REVOKE' } }, { edit: '7' })
      await chat(line, ana.jid, { lastMessage: { id: edited, revoked: true } })
    })

    it('come in pages, by kind, and are found by name and by number', async () => {
      const line = await stage.line(`pages-${database}`)
      const brazilian = await stage.phone({ name: 'João', number: '552188887777' })
      const friends = []
      for (const name of ['Ana', 'Bea', 'Carla']) friends.push(await stage.phone({ name }))
      const group = await stage.simulator.group({ by: line.phone, subject: 'Friends', participants: friends })
      for (const friend of [...friends, brazilian]) {
        await friend.send(line.phone.number, 'hello')
        await chat(line, friend.jid, { unreadCount: 1 })
      }
      await line.text(group, 'all of you')
      expect(await names(line)).toEqual(['Friends', 'João', 'Carla', 'Bea', 'Ana'])
      const page = async (after: string) => {
        const { body } = await line.api.get(`/api/chat/list/${line.name}?limit=2${after === '' ? '' : `&after=${after}`}`)
        return { names: list(body, 'chats').map((one) => at(one, 'name')), next: at(body, 'nextCursor'), count: at(body, 'count') }
      }
      const first = await page('')
      expect(first).toMatchObject({ names: ['Friends', 'João'], count: 2 })
      const second = await page(String(first.next))
      expect(second).toMatchObject({ names: ['Carla', 'Bea'] })
      expect(await page(String(second.next))).toEqual({ names: ['Ana'], count: 1, next: null })

      expect(await names(line, '?type=group')).toEqual(['Friends'])
      expect(await names(line, '?search=car')).toEqual(['Carla'])
      expect(await names(line, '?search=joao')).toEqual(['João'])
      expect(await names(line, `?search=${encodeURIComponent('+55 21 98888-7777')}`)).toEqual(['João'])
      expect(await names(line, `?search=${friends[0]?.number.slice(-5)}`)).toEqual(['Ana'])
      expect(await names(line, '?search=nobody')).toEqual([])
      expect(await line.api.get(`/api/chat/list/${line.name}?after=nonsense`)).toMatchObject(refusal(400, 'Invalid cursor'))
    })
  },
  { databases: ['SQLite', 'PostgreSQL'] },
)
