import { afterEach, describe, expect, test } from 'vitest'
import { forEachDatabase } from '../../../testing/databases.ts'
import { eventually } from '../../events/test/stage.ts'
import type { ReceivedMessage } from '../../whatsapp/engine.ts'
import { ANA, INSTANCE, openStage, SHOP, type Stage } from './stage.ts'

forEachDatabase((_name, open) => {
  describe('recorder', () => {
    let stage: Stage
    const begin = async () => {
      stage = await openStage(await open())
    }
    afterEach(() => stage.close())

    const ana = () => ({ ...stage.ana.address, name: 'Ana' })
    const shop = () => ({ ...stage.shop.address, name: 'Shop' })
    test('a text arrives as an event in the live shape, once, and its inbox row is settled', async () => {
      await begin()
      stage.ana.send(stage.shop, 'hello', 'MSG1')
      const [data] = await stage.delivered('message.exchange', 1)
      expect(data).toEqual({
        id: 'MSG1',
        direction: 'incoming',
        timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
        chat: { ...ana(), type: 'private' },
        sender: ana(),
        recipient: null,
        message: {
          type: 'text',
          content: 'hello',
          source: '',
          isForwarded: false,
          isEdit: false,
          edit: null,
          context: null,
          media: null,
          location: null,
          contact: null,
          reaction: null,
          poll: null,
          event: null,
          interactive: null,
        },
      })
      expect(await stage.rows()).toMatchObject([
        {
          message_id: 'MSG1',
          chat: `${ANA}@s.whatsapp.net`,
          sender: `${ANA}@s.whatsapp.net`,
          from_me: 0,
          type: 'text',
          content: 'hello',
          status: 'delivered',
        },
      ])
      expect(await stage.allDelivered()).toHaveLength(1)
      expect(await stage.inbox()).toEqual([{ done: 1 }])
    })

    test('quote, mentions and the mark of forwarding are in the event', async () => {
      await begin()
      stage.ana.send(stage.shop, {
        extendedTextMessage: {
          text: 'yes',
          contextInfo: {
            stanzaId: 'ORIGINAL',
            participant: `${SHOP}:3@s.whatsapp.net`,
            quotedMessage: { conversation: 'coming?' },
            mentionedJid: [`${ANA}@s.whatsapp.net`],
            isForwarded: true,
          },
        },
      })
      const [data] = await stage.delivered('message.exchange', 1)
      expect(data.message).toMatchObject({
        type: 'text',
        content: 'yes',
        isForwarded: true,
        context: { messageId: 'ORIGINAL', participant: `${SHOP}@s.whatsapp.net`, content: 'coming?', mentions: [`${ANA}@s.whatsapp.net`] },
      })
    })

    test('what the owner types on the phone is outgoing, without source', async () => {
      await begin()
      stage.shop.send(stage.ana, 'from my phone', 'MSG1')
      const [data] = await stage.delivered('message.exchange', 1)
      expect(data).toMatchObject({
        id: 'MSG1',
        direction: 'outgoing',
        chat: { ...stage.ana.address, type: 'private' },
        sender: shop(),
        recipient: stage.ana.address,
        message: { source: '', content: 'from my phone' },
      })
      expect(await stage.rows()).toMatchObject([{ from_me: 1, source: '', sender: `${SHOP}@s.whatsapp.net` }])
    })

    test('the same message again makes no second event, and its inbox row goes too', async () => {
      await begin()
      stage.ana.send(stage.shop, 'hello', 'MSG1')
      await stage.stored(1)
      const again: ReceivedMessage = {
        id: 'MSG1',
        chat: stage.ana.address,
        sender: stage.ana.address,
        fromMe: false,
        timestamp: Date.now(),
        pushName: 'Ana',
        message: { conversation: 'hello' },
        viewOnce: false,
        offline: false,
      }
      // Twice in one batch, and once the ciphertext was another (a resend after a retry receipt).
      await stage.database.db.write((tx) =>
        tx
          .insertInto('inbox')
          .values({ instance_id: INSTANCE, hash: 'other', attributes: '{}', plaintext: new Uint8Array([1]), received_at: 1, done: 0 })
          .execute(),
      )
      void stage.messages.handle({ id: INSTANCE }, { type: 'message', message: again, inbox: null })
      void stage.messages.handle({ id: INSTANCE }, { type: 'message', message: again, inbox: 'other' })
      stage.ana.send(stage.shop, 'next', 'MSG2')
      await stage.delivered('message.exchange', 2)
      const events = await stage.allDelivered()
      expect(events.map(({ data }) => data.id)).toEqual(['MSG1', 'MSG2'])
      expect(await stage.rows()).toHaveLength(2)
    })

    test('a burst keeps its order and loses nothing', async () => {
      await begin()
      const texts = Array.from({ length: 150 }, (_, n) => `message ${n}`)
      for (const text of texts) stage.ana.send(stage.shop, text)
      const events = await stage.delivered('message.exchange', texts.length)
      expect(events.map(({ message }) => message.content)).toEqual(texts)
      expect((await stage.rows()).map(({ content }) => content)).toEqual(texts)
    })

    test('an edit by the author changes the original; one by somebody else never happened', async () => {
      await begin()
      stage.ana.send(stage.shop, 'first', 'MSG1')
      stage.shop.send(
        stage.ana,
        { protocolMessage: { type: 14, key: { id: 'MSG1' }, editedMessage: { conversation: 'forged' } } },
        'FORGED',
      )
      stage.ana.send(stage.shop, { protocolMessage: { type: 14, key: { id: 'MSG1' }, editedMessage: { conversation: 'second' } } }, 'EDIT1')
      const [, edit] = await stage.delivered('message.exchange', 2)
      expect(edit).toMatchObject({
        id: 'EDIT1',
        direction: 'incoming',
        message: { type: 'message_edit', content: 'second', isEdit: true, edit: { original_id: 'MSG1', text: 'second' } },
      })
      const [original] = await stage.rows()
      expect(original).toMatchObject({ message_id: 'MSG1', content: 'first', edited_content: 'second', revoked: 0 })
      const exchanged = (await stage.allDelivered()).filter(({ event }) => event === 'message.exchange')
      expect(exchanged.map(({ data }) => data.id)).toEqual(['MSG1', 'EDIT1'])
    })

    test('a revocation marks the original', async () => {
      await begin()
      stage.ana.send(stage.shop, 'oops', 'MSG1')
      stage.ana.send(stage.shop, { protocolMessage: { key: { id: 'MSG1' } } }, 'REVOKE1')
      const [, revoke] = await stage.delivered('message.exchange', 2)
      expect(revoke).toMatchObject({
        id: 'REVOKE1',
        message: { type: 'message_revoke', content: '', isEdit: false, edit: { original_id: 'MSG1', text: '' } },
      })
      expect(await stage.rows()).toMatchObject([
        { message_id: 'MSG1', revoked: 1, content: 'oops' },
        { type: 'message_revoke', refers_to: 'MSG1' },
      ])
    })

    test('what no kind knows is reported as unknown', async () => {
      await begin()
      stage.ana.send(stage.shop, { stickerPackMessage: { name: 'Foxes' } })
      const [data] = await stage.delivered('message.exchange', 1)
      expect(data.message).toMatchObject({ type: 'unknown', content: '' })
    })

    test('receipts raise the status, never lower it, and are reported', async () => {
      await begin()
      const { body } = await stage.text({ number: ANA, message: 'hi' })
      const id = body.data.messageId
      const status = async () => (await stage.rows())[0]?.status
      await eventually(async () => (await status()) === 'delivered', 'delivered')
      stage.ana.acknowledge(stage.shop, [id], 'read')
      await eventually(async () => (await status()) === 'read', 'read')
      stage.ana.acknowledge(stage.shop, [id], 'delivered')
      const reported = await stage.delivered('message.status', 3)
      expect(await status()).toBe('read')
      expect(reported[1]).toEqual({
        messageIds: [id],
        status: 'read',
        timestamp: expect.any(String),
        chat: { ...stage.ana.address, type: 'private' },
        recipient: ANA,
        sender: { jid: stage.ana.address.jid },
        messageSender: stage.shop.address.jid,
        isFromMe: false,
      })
    })

    test('that WhatsApp took a message is no event; that it refused is', async () => {
      await begin()
      stage.network.rejections.push(479)
      const { body } = await stage.text({ number: ANA, message: 'refused' })
      const [data] = await stage.delivered('message.status', 1)
      expect(data).toMatchObject({ messageIds: [body.data.messageId], status: 'server_error', isFromMe: true })
      expect(await stage.rows()).toMatchObject([{ status: 'failed' }])
    })

    test('groups and stories are left out where the owner wishes, and their inbox rows are settled', async () => {
      await begin()
      stage.settings.ignoreGroupMessages = true
      stage.settings.ignoreStatus = true
      const from = (chat: string, hash: string): ReceivedMessage => ({
        id: hash,
        chat: { jid: chat, lid: null },
        sender: stage.ana.address,
        fromMe: false,
        timestamp: Date.now(),
        pushName: null,
        message: { conversation: 'x' },
        viewOnce: false,
        offline: false,
      })
      for (const hash of ['g', 's']) {
        await stage.database.db.write((tx) =>
          tx
            .insertInto('inbox')
            .values({ instance_id: INSTANCE, hash, attributes: '{}', plaintext: new Uint8Array([1]), received_at: 1, done: 0 })
            .execute(),
        )
      }
      await stage.messages.handle({ id: INSTANCE }, { type: 'message', message: from('120363000@g.us', 'g'), inbox: 'g' })
      await stage.messages.handle({ id: INSTANCE }, { type: 'message', message: from('status@broadcast', 's'), inbox: 's' })
      expect(await stage.allDelivered()).toEqual([])
      expect(await stage.rows()).toEqual([])
      stage.settings.ignoreGroupMessages = false
      await stage.messages.handle({ id: INSTANCE }, { type: 'message', message: from('120363000@g.us', 'g2'), inbox: null })
      const [data] = await stage.delivered('message.exchange', 1)
      expect(data.chat).toEqual({ jid: '120363000@g.us', lid: null, name: null, type: 'group' })
    })

    test('calls are reported', async () => {
      await begin()
      const callId = stage.ana.call(stage.shop)
      const [data] = await stage.delivered('call.update', 1)
      expect(data).toEqual({
        callId,
        type: 'offer',
        timestamp: expect.any(String),
        from: { ...stage.ana.address, name: null },
        isVideo: false,
        isGroup: false,
        groupJid: null,
      })
    })

    test('what is done with a chat is about what came before it, and is stored when it has been handled', async () => {
      await begin()
      stage.ana.send(stage.shop, 'hello', 'MSG1')
      await stage.delivered('message.exchange', 1)
      let done = 0
      const message = { id: 'MSG1', chat: stage.ana.address, sender: stage.ana.address, fromMe: false }
      const changes = [
        { kind: 'star', message, starred: true, at: 1 },
        { kind: 'pin', chat: { jid: null, lid: stage.ana.address.lid }, pinned: true, at: 1 },
      ] as const
      const stored = (): void => {
        done += 1
      }
      await stage.messages.handle({ id: INSTANCE }, { type: 'chat', changes, stored })
      expect(done).toBe(1)
      expect(await stage.rows()).toMatchObject([{ message_id: 'MSG1', starred: 1 }])
      const chats = await stage.database.db.read.selectFrom('chats').selectAll().execute()
      expect(chats).toMatchObject([{ chat: `${ANA}@s.whatsapp.net`, pinned_at: 1, unread: 1 }])
    })

    test('a chat known by LID only is one with the number once that is known', async () => {
      await begin()
      const { lid } = stage.ana.address
      const receive = (id: string, address: { jid: string | null; lid: string | null }) =>
        stage.messages.handle(
          { id: INSTANCE },
          {
            type: 'message',
            inbox: null,
            message: {
              id,
              chat: address,
              sender: address,
              fromMe: false,
              timestamp: 1,
              pushName: null,
              message: { conversation: id },
              viewOnce: false,
              offline: false,
            },
          },
        )
      await receive('HIDDEN', { jid: null, lid })
      await stage.stored(1)
      expect((await stage.rows())[0]).toMatchObject({ chat: lid, sender: lid })
      expect((await stage.delivered('message.exchange', 1))[0].chat).toEqual({ jid: null, lid, name: null, type: 'private' })
      await receive('KNOWN', stage.ana.address)
      await receive('HIDDEN', stage.ana.address)
      await stage.stored(2)
      await stage.allDelivered()
      expect((await stage.rows()).map(({ chat, sender }) => [chat, sender])).toEqual(
        Array(2).fill([`${ANA}@s.whatsapp.net`, `${ANA}@s.whatsapp.net`]),
      )
    })

    test('names are remembered, also over a restart', async () => {
      await begin()
      stage.ana.send(stage.shop, 'hello')
      await stage.delivered('message.exchange', 1)
      await stage.allDelivered()
      stage = await stage.restart()
      await stage.connect()
      await stage.text({ number: ANA, message: 'hi' })
      const [, data] = await stage.delivered('message.exchange', 2)
      expect(data).toMatchObject({ direction: 'outgoing', chat: { name: 'Ana' }, recipient: { name: 'Ana' }, sender: { name: 'Shop' } })
    })

    test('what was stored but not recorded when the process died is recorded at the next start', async () => {
      await begin()
      // The recorder never hears of these: the process dies between the commit and the event.
      const take = stage.messages.handle
      stage.messages.handle = async (instance, event) => (event.type === 'message' ? undefined : take(instance, event))
      for (let n = 0; n < 3; n++) stage.ana.send(stage.shop, `text ${n}`, `MSG${n}`)
      await eventually(async () => (await stage.inbox()).length === 3, 'inbox rows')
      expect(await stage.rows()).toEqual([])
      stage = await stage.restart()
      const events = await stage.delivered('message.exchange', 3)
      expect(events.map(({ id, message }) => [id, message.content])).toEqual([
        ['MSG0', 'text 0'],
        ['MSG1', 'text 1'],
        ['MSG2', 'text 2'],
      ])
      expect((await stage.inbox()).every(({ done }) => done === 1)).toBe(true)
    })

    test('a message that was on its way when the process died counts as failed until a receipt says otherwise', async () => {
      await begin()
      const handed = Promise.withResolvers<void>()
      stage.session.send = () => {
        handed.resolve()
        return new Promise(() => {})
      }
      void stage.text({ number: ANA, message: 'hi' }).catch(() => {})
      await handed.promise
      const id = (await stage.rows())[0]?.message_id
      expect((await stage.rows())[0]?.status).toBe('pending')
      stage = await stage.restart()
      expect((await stage.rows())[0]?.status).toBe('failed')
      const [data] = await stage.delivered('message.status', 1)
      expect(data).toMatchObject({ messageIds: [id], status: 'server_error' })
      await stage.connect()
      stage.ana.acknowledge(stage.shop, [id], 'delivered')
      await eventually(async () => (await stage.rows())[0]?.status === 'delivered', 'delivered after all')
    })

    test('an event that cannot be recorded takes nothing of the others with it', async () => {
      await begin()
      const bad = { ...stage.ana.address, jid: 'x\u0000y@s.whatsapp.net' }
      const message: ReceivedMessage = {
        id: 'BAD',
        chat: bad,
        sender: bad,
        fromMe: false,
        timestamp: Number.NaN,
        pushName: null,
        message: { conversation: 'bad' },
        viewOnce: false,
        offline: false,
      }
      stage.ana.send(stage.shop, 'before', 'MSG1')
      void stage.messages.handle({ id: INSTANCE }, { type: 'message', message, inbox: null })
      stage.ana.send(stage.shop, 'after', 'MSG2')
      await stage.delivered('message.exchange', 2)
      expect((await stage.rows()).map(({ message_id }) => message_id)).toEqual(['MSG1', 'MSG2'])
    })

    test('a deleted instance leaves nothing waiting', async () => {
      await begin()
      await stage.database.db.write((tx) => tx.deleteFrom('instances').where('id', '=', INSTANCE).execute())
      stage.ana.send(stage.shop, 'too late')
      stage.messages.instanceDeleted(INSTANCE)
      await stage.messages.stop()
      expect(await stage.rows()).toEqual([])
    })
  })
})
