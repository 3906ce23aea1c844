import { expect, it } from 'vitest'
import { bothDatabases } from '../toolkit/databases.ts'
import { eventually } from '../toolkit/eventually.ts'
import { at, text } from '../toolkit/json.ts'
import { openSocket } from '../toolkit/socket.ts'
import { onStage } from '../toolkit/stage.ts'

onStage(
  'Texts',
  (stage) => {
    it('sent through the API: the other phone reads it, the own phone shows it, everybody is told', async () => {
      const receiver = await stage.receiver()
      const friend = await stage.phone({ name: 'Bea' })
      const line = await stage.line('sends', { webhookEnabled: true, webhookURL: receiver.url, websocketEnabled: true })
      const socket = await openSocket(stage.gateway.url, line.name, line.token)

      const answer = await line.text(friend.number, 'Good morning', { source: 'crm' })
      expect(answer).toMatchObject({
        status: 200,
        body: {
          success: true,
          message: 'Message sent successfully',
          status: 'sent',
          data: {
            messageType: 'text',
            direction: 'outgoing',
            content: 'Good morning',
            source: 'crm',
            chat: { jid: friend.jid },
            sender: { jid: line.phone.jid },
          },
        },
      })
      const id = text(answer.body, 'data.messageId')

      expect(await friend.next({ text: 'Good morning' })).toMatchObject({ id, from: line.phone.jid, fromMe: false })
      expect(await line.phone.next({ text: 'Good morning' })).toMatchObject({ id, chat: friend.jid, fromMe: true })
      const exchange = {
        event: 'message.exchange',
        data: {
          id,
          direction: 'outgoing',
          chat: { jid: friend.jid, type: 'private' },
          message: { type: 'text', content: 'Good morning', source: 'crm' },
        },
      }
      const [onWebhook, onSocket] = [await receiver.next(exchange), await socket.next(exchange)]
      expect(onWebhook).toEqual(onSocket)
      expect(at(onWebhook, 'instanceData.instance')).toBe('sends')
      expect(at(onWebhook, 'instanceData.token')).toBe(line.token)
      socket.close()
    })

    it('received: with both names of the sender, numbers and LIDs never mixed up', async () => {
      const receiver = await stage.receiver()
      const friend = await stage.phone({ name: 'Bea' })
      const line = await stage.line('receives', { webhookEnabled: true, webhookURL: receiver.url })
      const id = await friend.send(line.phone.number, 'Hello there')
      const event = await receiver.next({ event: 'message.exchange', data: { id } })
      expect(event).toMatchObject({
        data: {
          direction: 'incoming',
          chat: { jid: friend.jid, lid: friend.lid, name: 'Bea', type: 'private' },
          sender: { jid: friend.jid, lid: friend.lid, name: 'Bea' },
          recipient: null,
          message: { type: 'text', content: 'Hello there', source: '', isForwarded: false, isEdit: false, media: null },
        },
      })
      expect(text(event, 'data.timestamp')).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/)
    })

    it('typed on the own phone: reported as outgoing without a source', async () => {
      const receiver = await stage.receiver()
      const friend = await stage.phone({ name: 'Bea' })
      const line = await stage.line('typed', { webhookEnabled: true, webhookURL: receiver.url })
      const id = await line.phone.send(friend.number, 'From my pocket')
      expect(await receiver.next({ event: 'message.exchange', data: { id } })).toMatchObject({
        data: {
          direction: 'outgoing',
          chat: { jid: friend.jid },
          sender: { jid: line.phone.jid },
          message: { content: 'From my pocket', source: '' },
        },
      })
    })

    it('delivered and read: two message.status events', async () => {
      const receiver = await stage.receiver()
      const friend = await stage.phone()
      const line = await stage.line('receipts', { webhookEnabled: true, webhookURL: receiver.url, webhookEvents: ['message.status'] })
      const id = text((await line.text(friend.number, 'Did you see this?')).body, 'data.messageId')
      const status = (word: string) => ({
        event: 'message.status',
        data: { messageIds: [id], status: word, chat: { jid: friend.jid, type: 'private' } },
      })
      await receiver.next(status('delivered'))
      await friend.receipts(line.phone.jid, [id], 'read')
      await receiver.next(status('read'))
    })

    it('edited and deleted by the other side', async () => {
      const receiver = await stage.receiver()
      const friend = await stage.phone()
      const line = await stage.line('edited', { webhookEnabled: true, webhookURL: receiver.url })
      const id = await friend.send(line.phone.number, 'Tuseday')
      await receiver.next({ event: 'message.exchange', data: { id } })
      const key = { remoteJid: line.phone.jid, fromMe: true, id }
      await friend.send(
        line.phone.number,
        { protocolMessage: { key, type: 'MESSAGE_EDIT', editedMessage: { conversation: 'Tuesday' }, timestampMs: Date.now() } },
        { edit: '1' },
      )
      const edit = await receiver.next({ event: 'message.exchange', data: { message: { type: 'message_edit' } } })
      expect(edit).toMatchObject({ data: { direction: 'incoming', message: { isEdit: true, content: 'Tuesday' } } })
      expect(JSON.stringify(at(edit, 'data.message.edit'))).toContain(id)

      await friend.send(line.phone.number, { protocolMessage: { key, type: 'REVOKE' } }, { edit: '7' })
      const revoke = await receiver.next({ event: 'message.exchange', data: { message: { type: 'message_revoke' } } })
      expect(JSON.stringify(revoke)).toContain(id)
    })

    it('while the gateway is down: delivered once it is back, once', async () => {
      const receiver = await stage.receiver()
      const friend = await stage.phone()
      const line = await stage.line('away', { webhookEnabled: true, webhookURL: receiver.url })
      await stage.gateway.stop()
      const id = await friend.send(line.phone.number, 'Are you there?')
      await stage.gateway.restart()
      await receiver.next({ event: 'message.exchange', data: { id, message: { content: 'Are you there?' } } })
      const after = await friend.send(line.phone.number, 'Now you are')
      await receiver.next({ event: 'message.exchange', data: { id: after } })
      expect(receiver.deliveries().filter(({ body }) => at(body, 'data.id') === id)).toHaveLength(1)
    })

    it('written by a broadcast list: from whoever wrote it, to whom one answers as ever', async () => {
      const receiver = await stage.receiver()
      const [friend, other] = [await stage.phone({ name: 'Baker' }), await stage.phone()]
      const line = await stage.line('listed', { webhookEnabled: true, webhookURL: receiver.url })
      const id = await friend.spread('Rolls today', [line.phone, other])
      expect(await other.next({ id })).toMatchObject({ chat: friend.jid, text: 'Rolls today' })
      expect(await receiver.next({ event: 'message.exchange', data: { id } })).toMatchObject({
        data: {
          direction: 'incoming',
          chat: { jid: friend.jid, lid: friend.lid, name: 'Baker', type: 'private' },
          sender: { jid: friend.jid, lid: friend.lid },
          message: { type: 'text', content: 'Rolls today' },
        },
      })
      expect(await line.text(friend.number, 'Two, please', { replyTo: id })).toMatchObject({ status: 200 })
      expect(at(await friend.next({ text: 'Two, please' }), 'message.extendedTextMessage.contextInfo.stanzaId')).toBe(id)
    })

    it('that bring the token for answering them: the answer shows it, also after a restart', async () => {
      const friend = await stage.phone()
      const line = await stage.line('tokens')
      const token = Buffer.from('a token for you').toString('base64')
      const [device] = await line.phone.devices()
      const attrs = { from: friend.lid, sender_pn: friend.jid, id: 'WITHTOKEN', t: String(Math.floor(Date.now() / 1000)), type: 'text' }
      const brought = { tag: 'tctoken', attrs: { t: attrs.t }, content: { base64: token } }
      await line.phone.stanza(device?.id ?? 0, {
        tag: 'message',
        attrs,
        content: [{ tag: 'unavailable', attrs: { type: 'view_once' } }, brought],
      })
      const shown = async (words: string) => {
        const before = await stage.simulator.trafficCursor()
        const id = text((await line.text(friend.number, words)).body, 'data.messageId')
        // Beside it the own phone is asked for what came without content.
        const sent = await eventually('the text on the wire', async () => {
          const all = await stage.simulator.traffic({ after: before, phone: line.phone.number, tag: 'message', direction: 'in' })
          return all.find((seen) => at(seen, 'stanza.attrs.id') === id)
        })
        return JSON.stringify(sent)
      }
      await eventually('the token to be kept', async () => (await shown('Hello')).includes(token))
      await stage.gateway.restart()
      await line.waitFor('connected')
      expect(await shown('Hello again')).toContain(token)
    })

    it('an answer quotes the message it answers', async () => {
      const receiver = await stage.receiver()
      const friend = await stage.phone()
      const line = await stage.line('quotes', { webhookEnabled: true, webhookURL: receiver.url })
      const question = await friend.send(line.phone.number, 'Coffee or tea?')
      await receiver.next({ event: 'message.exchange', data: { id: question } })
      expect(await line.text(friend.number, 'Tea', { replyTo: question })).toMatchObject({
        status: 200,
        body: { data: { replyTo: { messageId: question } } },
      })
      const got = await friend.next({ text: 'Tea' })
      expect(at(got, 'message.extendedTextMessage.contextInfo.stanzaId')).toBe(question)
      expect(await line.text(friend.number, 'Tea', { replyTo: '3EB0NOSUCHMESSAGE' })).toMatchObject({
        status: 400,
        body: { error: { message: 'Quoted message not found' } },
      })
    })

    it('a delay shows typing first', async () => {
      const friend = await stage.phone()
      const line = await stage.line('types')
      const since = await stage.simulator.trafficCursor()
      const began = Date.now()
      const sent = await line.text(friend.number, 'Slowly', { delay: 1 })
      expect(sent.status).toBe(200)
      expect(Date.now() - began).toBeGreaterThanOrEqual(1000)
      const id = text(sent.body, 'data.messageId')
      await friend.next({ id })
      // A message of its own may ask the phone for keys meanwhile.
      const seen = (await stage.simulator.traffic({ after: since, phone: line.phone.number, direction: 'in' })).flatMap((entry) => {
        const tag = text(entry, 'stanza.tag')
        if (tag === 'chatstate') return [text(entry, 'stanza.content.0.tag')]
        return tag === 'message' && at(entry, 'stanza.attrs.id') === id ? [tag] : []
      })
      expect(seen).toEqual(['composing', 'paused', 'message'])
    })

    it('to a number that is not on WhatsApp, to nobody, with nothing, while disconnected', async () => {
      const line = await stage.line('refused')
      expect(await line.text('34699999999', 'Hello?')).toMatchObject({
        status: 400,
        body: { success: false, error: { message: 'Number 34699999999 is not registered on WhatsApp' } },
      })
      expect(await line.api.post('/api/message/text/refused', { message: 'x' })).toMatchObject({
        status: 400,
        body: { error: { message: 'Number is required' } },
      })
      expect(await line.api.post('/api/message/text/refused', { number: '34600000001' })).toMatchObject({
        status: 400,
        body: { error: { message: 'Message is required' } },
      })
      await line.api.delete('/api/instance/logout/refused')
      expect(await line.text('34600000001', 'x')).toMatchObject({
        status: 503,
        body: { error: { message: 'Instance is not connected to WhatsApp' } },
      })
    })

    it("finds a Brazilian number with and without the ninth digit and reports WhatsApp's form", async () => {
      const friend = await stage.phone({ number: '553188886666' })
      const line = await stage.line('brazil')
      const withNine = '5531988886666'
      expect(await line.text(withNine, 'Oi')).toMatchObject({ status: 200, body: { data: { chat: { jid: friend.jid } } } })
      await friend.next({ text: 'Oi' })
    })
  },
  { databases: bothDatabases },
)
