/** What is done with a message that was sent or received before: found, listed, forwarded, edited, deleted. */
import { expect, it } from 'vitest'
import { eventually } from '../toolkit/eventually.ts'
import { at, type Json, list, text } from '../toolkit/json.ts'
import type { Line } from '../toolkit/line.ts'
import type { Receiver } from '../toolkit/receiver.ts'
import type { Phone } from '../toolkit/simulator.ts'
import { onStage } from '../toolkit/stage.ts'

const rfc3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/
const refusal = (status: number, message: string) => ({ status, body: { success: false, error: { message } } })

onStage(
  'Messages that are there already',
  (stage, database) => {
    const name = `routes-${database}`
    let cast: Promise<{ line: Line; friend: Phone; group: string; receiver: Receiver }> | undefined
    const players = () => {
      cast ??= (async () => {
        const receiver = await stage.receiver()
        const friend = await stage.phone({ name: 'Bea' })
        const line = await stage.line(name, { webhookEnabled: true, webhookURL: receiver.url, webhookEvents: ['message.exchange'] })
        const group = await stage.simulator.group({ by: line.phone, subject: 'Routes', participants: [friend] })
        return { line, friend, group, receiver }
      })()
      return cast
    }
    const sent = async (to: string, words: string) => {
      const { line, friend } = await players()
      const id = text((await line.text(to, words)).body, 'data.messageId')
      await friend.next({ id })
      return id
    }

    it('found by its id', async () => {
      const { line, friend, group, receiver } = await players()
      const find = (id: string) => line.api.get(`/api/chat/getMessage/${name}?messageId=${id}`)
      const received = await friend.send(line.phone.number, 'see you at 9')
      await receiver.next({ data: { id: received } })
      expect(await find(received)).toMatchObject({
        status: 200,
        body: {
          success: true,
          message: 'Message found',
          messageId: received,
          status: 'found',
          data: {
            content: 'see you at 9',
            type: 'text',
            from: friend.jid,
            to: line.phone.jid,
            chat: friend.jid,
            timestamp: expect.stringMatching(rfc3339),
            isGroup: false,
          },
        },
      })
      const ours = await sent(group, 'to all')
      expect(at((await find(ours)).body, 'data')).toMatchObject({ from: line.phone.jid, to: group, chat: group, isGroup: true })
      const media = { mediaType: 'document', mediaBase64: Buffer.from('plain words').toString('base64'), fileName: 'words.txt' }
      const file = await line.api.post(`/api/message/media/${name}`, { number: friend.number, ...media })
      expect(at((await find(text(file.body, 'data.messageId'))).body, 'data.media')).toMatchObject({ type: 'document', size: 11 })
      expect(await find('')).toMatchObject(refusal(400, 'Message ID is required (use ?messageId=<message-id>)'))
      expect(await find('3EB0NOBODYHASIT')).toMatchObject(refusal(404, 'Message not found'))
      const bytes = (id: string) => line.api.get(`/api/chat/base64/${name}?messageId=${id}`)
      expect(await bytes('')).toMatchObject(refusal(400, 'messageId query parameter is required'))
      for (const id of [ours, '3EB0NOBODYHASIT'])
        expect(await bytes(id)).toMatchObject(refusal(404, 'Message not found or no media available'))
    })

    it('listed by chat, page by page', async () => {
      const { line, receiver } = await players()
      const friend = await stage.phone({ name: 'Cleo' })
      const history = (body: { [key: string]: Json }) => line.api.post(`/api/chat/history/${name}`, body)
      const ids: string[] = []
      for (const words of ['one', 'two', 'three']) {
        ids.push(await friend.send(line.phone.number, words))
        await receiver.next({ data: { id: ids.at(-1) ?? '' } })
      }
      const all = await history({ number: friend.number })
      expect(all).toMatchObject({ status: 200, body: { success: true, chat_jid: friend.jid, count: 3, hasMore: false } })
      expect(list(all.body, 'messages').map((message) => at(message, 'id'))).toEqual(ids.toReversed())
      expect(list(all.body, 'messages')[0]).toMatchObject({
        id: ids[2],
        chatJid: friend.jid,
        senderJid: friend.jid,
        fromMe: false,
        type: 'text',
        content: 'three',
        timestamp: expect.stringMatching(rfc3339),
      })
      const first = await history({ number: friend.lid, count: 2 })
      expect(first.body).toMatchObject({ count: 2, hasMore: true })
      const seen = new Set(list(first.body, 'messages').map((message) => text(message, 'id')))
      const next = await history({ number: friend.jid, to: text(first.body, 'messages.1.timestamp') })
      for (const message of list(next.body, 'messages')) seen.add(text(message, 'id'))
      expect([...seen].sort()).toEqual([...ids].sort())
      expect((await history({ number: friend.number, from: '2100-01-01T00:00:00Z' })).body).toMatchObject({ count: 0, messages: [] })

      const format = "date format. Use ISO 8601 format (e.g., '2026-02-16T18:32:39Z')"
      expect(await history({ number: friend.number, from: 'yesterday' })).toMatchObject(refusal(400, `invalid 'from' ${format}`))
      expect(await history({ number: friend.number, to: '16/02/2026' })).toMatchObject(refusal(400, `invalid 'to' ${format}`))
      expect(await history({})).toMatchObject(refusal(400, 'Number is required'))
      expect(await history({ number: 'nobody' })).toMatchObject(refusal(400, 'Invalid number'))
    })

    it('forwarded', async () => {
      const { line, friend, group, receiver } = await players()
      const forward = (body: { [key: string]: Json }) => line.api.post(`/api/chat/forward/${name}`, body)
      const original = await friend.send(line.phone.number, 'pass it on')
      await receiver.next({ data: { id: original } })
      const answer = await forward({ messageId: original, to: group })
      const id = text(answer.body, 'messageId')
      expect(answer).toMatchObject({
        status: 200,
        body: { success: true, message: 'Message forwarded successfully', originalId: original, destinationJid: group },
      })
      const got = await friend.next({ id })
      expect(at(got, 'message.extendedTextMessage')).toMatchObject({
        text: 'pass it on',
        contextInfo: { isForwarded: true, forwardingScore: 1 },
      })
      const echo = await receiver.next({ event: 'message.exchange', data: { id } })
      expect(at(echo, 'data.message')).toMatchObject({ type: 'text', content: 'pass it on', isForwarded: true })
      // Of one that was forwarded already it says more.
      const again = await forward({ messageId: id, to: friend.number })
      expect(await friend.next({ id: text(again.body, 'messageId') })).toMatchObject({
        message: { extendedTextMessage: { contextInfo: { forwardingScore: 2 } } },
      })

      const media = { mediaType: 'document', mediaBase64: Buffer.from('the very same file').toString('base64'), fileName: 'file.txt' }
      const file = text((await line.api.post(`/api/message/media/${name}`, { number: group, ...media })).body, 'data.messageId')
      const onwards = text((await forward({ messageId: file, to: friend.number })).body, 'messageId')
      expect(await friend.next({ id: onwards })).toMatchObject({
        message: { documentMessage: { fileName: 'file.txt', contextInfo: { isForwarded: true } } },
      })
      const kept = await line.api.get(`/api/chat/base64/${name}?messageId=${onwards}`)
      expect(Buffer.from(text(kept.body, 'base64'), 'base64').toString()).toBe('the very same file')

      const poll = await line.api.post(`/api/message/poll/${name}`, { number: group, question: 'Which?', options: ['a', 'b'] })
      expect(await forward({ messageId: text(poll.body, 'data.messageId'), to: friend.number })).toMatchObject(
        refusal(500, 'unsupported message type for forwarding: poll'),
      )
      expect(await forward({ to: friend.number })).toMatchObject(refusal(400, 'messageId is required'))
      expect(await forward({ messageId: original })).toMatchObject(refusal(400, 'to is required'))
      expect(await forward({ messageId: '3EB0NOBODYHASIT', to: friend.number })).toMatchObject(refusal(404, 'message not found'))
    })

    it('edited', async () => {
      const { line, friend, group, receiver } = await players()
      const edit = (body: { [key: string]: Json }) => line.api.post(`/api/chat/edit/${name}`, body)
      for (const to of [friend.number, group]) {
        const id = await sent(to, 'at nine')
        expect(await edit({ messageId: id, content: 'at ten' })).toMatchObject({
          status: 200,
          body: { success: true, message: 'Message edited successfully', messageId: id, oldContent: 'at nine', newContent: 'at ten' },
        })
        const got = await friend.next({ message: { protocolMessage: { key: { id } } } })
        expect(at(got, 'message.protocolMessage')).toMatchObject({
          type: 'MESSAGE_EDIT',
          editedMessage: { extendedTextMessage: { text: 'at ten' } },
        })
        const told = await receiver.next({ data: { message: { type: 'message_edit', edit: { original_id: id } } } })
        expect(at(told, 'data')).toMatchObject({ direction: 'outgoing', message: { content: 'at ten', isEdit: true } })
        expect(at((await line.api.get(`/api/chat/getMessage/${name}?messageId=${id}`)).body, 'data.content')).toBe('at ten')
      }
      const theirs = await friend.send(line.phone.number, 'mine')
      await receiver.next({ data: { id: theirs } })
      expect(await edit({ messageId: theirs, content: 'yours' })).toMatchObject(
        refusal(400, 'You can only edit messages sent by this instance'),
      )
      const place = await line.api.post(`/api/message/location/${name}`, { number: friend.number, latitude: 1, longitude: 2 })
      expect(await edit({ messageId: text(place.body, 'data.messageId'), content: 'x' })).toMatchObject(
        refusal(400, 'You can only edit text messages'),
      )
      expect(await edit({ content: 'x' })).toMatchObject(refusal(400, 'messageId is required'))
      expect(await edit({ messageId: theirs })).toMatchObject(refusal(400, 'content is required'))
      expect(await edit({ messageId: '3EB0NOBODYHASIT', content: 'x' })).toMatchObject(refusal(404, 'message not found'))
    })

    it('deleted for everyone, and on the own devices alone', async () => {
      const { line, friend, group, receiver } = await players()
      const remove = (body: { [key: string]: Json }) => line.api.delete(`/api/chat/delete/${name}`, {}, body)
      for (const to of [friend.number, group]) {
        const id = await sent(to, 'a slip')
        expect(await remove({ messageId: id, deleteForEveryone: true })).toMatchObject({
          status: 200,
          body: { success: true, message: 'Message deleted for everyone', delete_type: 'revoke', message_id: id },
        })
        const got = await friend.next({ message: { protocolMessage: { key: { id } } } })
        expect(at(got, 'message.protocolMessage.type') ?? 'REVOKE').toBe('REVOKE')
        await receiver.next({ data: { message: { type: 'message_revoke', edit: { original_id: id } } } })
      }
      // An admin of the group, of what somebody else wrote.
      const theirs = await friend.send(group, 'not here, please')
      await receiver.next({ data: { id: theirs } })
      expect(await remove({ messageId: theirs, deleteForEveryone: true })).toMatchObject({ status: 200 })
      await friend.next({ message: { protocolMessage: { key: { id: theirs } } } })

      const mine = await friend.send(line.phone.number, 'for your eyes')
      await receiver.next({ data: { id: mine } })
      expect(await remove({ messageId: mine, deleteForEveryone: true })).toMatchObject(
        refusal(400, 'Only messages sent by this instance can be deleted for everyone'),
      )
      expect(await remove({ messageId: mine })).toMatchObject({
        status: 200,
        body: { success: true, message: 'Message deleted for me', delete_type: 'delete_for_me', chat_jid: friend.jid },
      })
      const index = JSON.stringify(['deleteMessageForMe', friend.jid, mine, '0', '0'])
      await eventually('the phone to hear of it', async () => index in ((at(await line.phone.appState(), 'regular_high') ?? {}) as object))

      expect(await remove({})).toMatchObject(refusal(400, 'MessageID is required'))
      expect(await remove({ messageId: '3EB0NOBODYHASIT' })).toMatchObject(refusal(404, 'message not found'))
    })

    it('not while disconnected; what is only read from the store is read', async () => {
      const { line, friend } = await players()
      const id = await sent(friend.number, 'before')
      expect((await line.api.delete(`/api/instance/logout/${name}`)).status).toBe(200)
      const gone = refusal(503, 'Instance is not connected to WhatsApp')
      expect(await line.api.get(`/api/chat/getMessage/${name}?messageId=${id}`)).toMatchObject(gone)
      expect(await line.api.get(`/api/chat/base64/${name}?messageId=${id}`)).toMatchObject(gone)
      expect(await line.api.post(`/api/chat/forward/${name}`, { messageId: id, to: friend.number })).toMatchObject(gone)
      expect(await line.api.post(`/api/chat/edit/${name}`, { messageId: id, content: 'after' })).toMatchObject(gone)
      for (const deleteForEveryone of [false, true])
        expect(await line.api.delete(`/api/chat/delete/${name}`, {}, { messageId: id, deleteForEveryone })).toMatchObject(gone)
      for (const route of [`status/${name}?messageId=${id}`, `list/${name}`, `search/${name}?q=before`])
        expect((await line.api.get(`/api/chat/${route}`)).status, route).toBe(200)
      expect((await line.api.post(`/api/chat/history/${name}`, { number: friend.number, count: 1 })).body).toMatchObject({
        messages: [{ id }],
      })
    })
  },
  { databases: ['SQLite', 'PostgreSQL'] },
)
