import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { forEachDatabase } from '../../../testing/databases.ts'
import { eventually } from '../../events/test/stage.ts'
import { EngineError } from '../../whatsapp/engine.ts'
import { ANA, openStage, SHOP, type Stage } from './stage.ts'

forEachDatabase((_name, open) => {
  describe('POST /api/message/text', () => {
    let stage: Stage
    const begin = async () => {
      stage = await openStage(await open())
    }
    afterEach(() => stage.close())
    const lastOf = (person: Stage['ana']) => person.received.at(-1)

    test('a text goes out and the answer says everything about it', async () => {
      await begin()
      const answer = await stage.text({ number: ANA, message: 'Your order 42 is on its way', source: 'crm' })
      const id = answer.body.data.messageId
      expect(id).toMatch(/^3EB0[0-9A-F]{16}$/)
      expect(answer).toEqual({
        status: 200,
        body: {
          success: true,
          message: 'Message sent successfully',
          status: 'sent',
          data: {
            messageId: id,
            messageType: 'text',
            direction: 'outgoing',
            content: 'Your order 42 is on its way',
            timestamp: expect.stringMatching(/Z$/),
            source: 'crm',
            chat: { ...stage.ana.address, name: null },
            sender: { ...stage.shop.address, name: 'Shop' },
          },
        },
      })
      // Never `conversation`.
      expect(lastOf(stage.ana)).toMatchObject({ id, message: { extendedTextMessage: { text: 'Your order 42 is on its way' } } })
      expect(lastOf(stage.ana)?.message.conversation).toBeFalsy()
      const [data] = await stage.delivered('message.exchange', 1)
      expect(data).toMatchObject({
        id,
        direction: 'outgoing',
        chat: { ...stage.ana.address, type: 'private' },
        sender: stage.shop.address,
        recipient: stage.ana.address,
        message: { type: 'text', content: 'Your order 42 is on its way', source: 'crm' },
      })
      expect(await stage.rows()).toMatchObject([{ message_id: id, from_me: 1, source: 'crm', type: 'text' }])
      expect(await stage.messages.storedMessage('instance-1', id)).toMatchObject({
        extendedTextMessage: { text: 'Your order 42 is on its way' },
      })
    })

    test('without source it is "api"', async () => {
      await begin()
      expect((await stage.text({ to: ANA, message: 'hi' })).body.data.source).toBe('api')
      expect((await stage.delivered('message.exchange', 1))[0].message.source).toBe('api')
    })

    test.each([
      [{}, 'Number is required'],
      [{ message: 'hi' }, 'Number is required'],
      [{ number: '  ', message: 'hi' }, 'Number is required'],
      [{ number: ANA }, 'Message is required'],
      [{ number: ANA, message: ' \n ' }, 'Message is required'],
      [{ number: ANA, message: null }, 'Message is required'],
      [{ number: ANA, message: 'x'.repeat(65_537) }, 'Message must have at most 65536 characters'],
      [{ number: ANA, message: 5 }, 'Invalid request body: message must be a string'],
      [{ number: 34600111222, message: 'hi' }, 'Invalid request body: number must be a string'],
      [{ number: ANA, message: 'hi', delay: 1.5 }, 'Invalid request body: delay must be a whole number'],
      [{ number: ANA, message: 'hi', delay: -1 }, 'Invalid request body: delay must be at least 0'],
      [{ number: ANA, message: 'hi', mention: 'x' }, 'Invalid request body: mention must be an array'],
      [{ number: 'nobody', message: 'hi' }, 'Invalid number'],
      [{ number: '12', message: 'hi' }, 'Invalid number'],
      [{ number: '+49 (170) 000-0000', message: 'hi' }, 'Number 491700000000 is not registered on WhatsApp'],
      [{ number: ANA, message: 'hi', replyTo: '3EB0NOBODY' }, 'Quoted message not found'],
    ])('%j is refused with %s', async (body, error) => {
      await begin()
      expect(await stage.text(body)).toEqual({ status: 400, body: { error } })
      expect(await stage.rows()).toEqual([])
    })

    test('65,536 characters are sent, counted as people do', async () => {
      await begin()
      expect((await stage.text({ number: ANA, message: '😀'.repeat(65_536) })).status).toBe(200)
    })

    test('a body is checked before the connection', async () => {
      await begin()
      await stage.disconnect()
      expect(await stage.text({ number: ANA })).toEqual({ status: 400, body: { error: 'Message is required' } })
      expect(await stage.text({ number: ANA, message: 'hi' })).toEqual({
        status: 503,
        body: { error: 'Instance is not connected to WhatsApp' },
      })
    })

    test('Brazil: the registered form of the number is used and reported, either way round', async () => {
      await begin()
      const without = stage.network.person('551187654321')
      const withNinth = stage.network.person('5521987654321')
      const first = await stage.text({ number: '+55 11 98765-4321', message: 'hi' })
      expect(first.body.data.chat.jid).toBe(without.address.jid)
      const second = await stage.text({ number: '552187654321@s.whatsapp.net', message: 'hi' })
      expect(second.body.data.chat.jid).toBe(withNinth.address.jid)
      expect(without.received).toHaveLength(1)
      expect(withNinth.received).toHaveLength(1)
      expect((await stage.rows()).map(({ chat }) => chat)).toEqual([without.address.jid, withNinth.address.jid])
    })

    test('a LID is enough, and the number is reported when it is known', async () => {
      await begin()
      stage.ana.send(stage.shop, 'hello')
      await stage.delivered('message.exchange', 1)
      const { body } = await stage.text({ number: stage.ana.address.lid, message: 'hi' })
      expect(body.data.chat).toEqual({ ...stage.ana.address, name: 'Ana' })
    })

    test('a number is looked up once', async () => {
      await begin()
      const { session } = stage
      const lookUp = session.lookUpNumbers.bind(session)
      let asked = 0
      session.lookUpNumbers = (numbers) => {
        asked++
        return lookUp(numbers)
      }
      await Promise.all(Array.from({ length: 5 }, (_, n) => stage.text({ number: ANA, message: `${n}` })))
      await stage.text({ number: ANA, message: 'last' })
      expect(asked).toBe(1)
    })

    test('replyTo quotes a message of the chat', async () => {
      await begin()
      stage.ana.send(stage.shop, 'are you open?', 'ASKED')
      await stage.delivered('message.exchange', 1)
      const { body } = await stage.text({ number: ANA, message: 'yes', replyTo: 'ASKED' })
      expect(body.data.replyTo).toEqual({ messageId: 'ASKED' })
      expect(lastOf(stage.ana)?.message.extendedTextMessage?.contextInfo).toMatchObject({
        stanzaId: 'ASKED',
        participant: stage.ana.address.jid,
        quotedMessage: { conversation: 'are you open?' },
      })
      const [, data] = await stage.delivered('message.exchange', 2)
      expect(data.message.context).toEqual({
        messageId: 'ASKED',
        participant: stage.ana.address.jid,
        content: 'are you open?',
        mentions: [],
      })
      // Quoting the answer does not carry the first question along.
      await stage.text({ number: ANA, message: 'really', replyTo: body.data.messageId })
      const quoted = lastOf(stage.ana)?.message.extendedTextMessage?.contextInfo?.quotedMessage?.extendedTextMessage
      expect(quoted?.text).toBe('yes')
      expect(quoted?.contextInfo).toBeFalsy()
    })

    test('replyPrivate answers the author of a group message in private', async () => {
      await begin()
      const group = '120363040000000000@g.us'
      await stage.messages.handle(
        { id: 'instance-1' },
        {
          type: 'message',
          inbox: null,
          message: {
            id: 'INGROUP',
            chat: { jid: group, lid: null },
            sender: stage.ana.address,
            fromMe: false,
            timestamp: 1,
            pushName: 'Ana',
            message: { conversation: 'who is in?' },
            viewOnce: false,
            offline: false,
          },
        },
      )
      await stage.delivered('message.exchange', 1)
      const { body } = await stage.text({ number: group, message: 'me', replyTo: 'INGROUP', replyPrivate: true })
      expect(body.data.chat.jid).toBe(stage.ana.address.jid)
      expect(lastOf(stage.ana)?.message.extendedTextMessage?.contextInfo).toMatchObject({
        stanzaId: 'INGROUP',
        participant: stage.ana.address.jid,
        remoteJid: group,
      })
    })

    test('mentions are for groups', async () => {
      await begin()
      const group = { jid: '120363040000000000@g.us', lid: null }
      const sent: unknown[] = []
      stage.session.send = async (_to, message) => {
        sent.push(message.extendedTextMessage?.contextInfo)
        return { timestamp: Date.now() }
      }
      const inGroup = await stage.text({
        number: group.jid,
        message: `@${ANA} look`,
        mention: [`+${ANA}`, `@${SHOP}`, '900000001@lid'],
        mentionAll: true,
      })
      const people = [`${ANA}@s.whatsapp.net`, `${SHOP}@s.whatsapp.net`, '900000001@lid']
      expect(inGroup.body.data.mentions).toEqual(people)
      const inPrivate = await stage.text({ number: ANA, message: 'look', mention: [SHOP], mentionAll: true })
      expect(inPrivate.body.data.mentions).toBeUndefined()
      expect(sent).toEqual([{ mentionedJid: people, nonJidMentions: 1 }, undefined])
      expect(await stage.text({ number: group.jid, message: 'x', mention: ['somebody'] })).toEqual({
        status: 400,
        body: { error: 'Invalid request body: mention[0] must be a number' },
      })
    })

    test('delay shows typing, then sends', async () => {
      await begin()
      const before = Date.now()
      await stage.text({ number: ANA, message: 'hi', delay: 1 })
      expect(Date.now() - before).toBeGreaterThanOrEqual(990)
      expect(stage.shop.chatStates.length + stage.ana.chatStates.length).toBe(2)
    })

    test('sends to one chat keep their order; another chat does not wait', async () => {
      await begin()
      const bob = stage.network.person('447700900123')
      const slow = stage.text({ number: ANA, message: 'first', delay: 1 })
      const next = Promise.all(Array.from({ length: 20 }, (_, n) => stage.text({ number: ANA, message: `${n}` })))
      await stage.text({ number: bob.number, message: 'quick' })
      expect(stage.ana.received).toHaveLength(0)
      await Promise.all([slow, next])
      expect(stage.ana.received.map(({ message }) => message.extendedTextMessage?.text)).toEqual([
        'first',
        ...Array.from({ length: 20 }, (_, n) => `${n}`),
      ])
    })

    test('the next text of a chat leaves while the event of the one before is being stored; both are told in order', async () => {
      await begin()
      const { write } = stage.events
      const store = Promise.withResolvers<void>()
      stage.events.write = async (work) => {
        await store.promise
        return write(work)
      }
      const answers = Promise.all(['first', 'second'].map((message) => stage.text({ number: ANA, message })))
      await eventually(async () => stage.ana.received.length === 2, 'both texts')
      store.resolve()
      await answers
      const told = await stage.delivered('message.exchange', 2)
      expect(told.map(({ message }) => message.content)).toEqual(['first', 'second'])
    })

    test.each([
      [new EngineError('rate-limited', 'rate-overlimit', 429), 429, 'WhatsApp rate limit reached. Try again later.'],
      [new EngineError('not-connected', 'closed'), 503, 'Instance is not connected to WhatsApp'],
      [new EngineError('not-registered', 'no devices'), 400, `Number ${ANA} is not registered on WhatsApp`],
      [new EngineError('rejected', 'forbidden', 403), 403, 'Not authorized to send to this chat'],
      [new EngineError('rejected', 'item-not-found', 404), 404, 'Chat not found'],
      [new EngineError('rejected', 'not-acceptable', 406), 500, 'Failed to send message: not-acceptable'],
      [new EngineError('timeout', 'x'), 500, 'Failed to send message: timed out waiting for WhatsApp'],
      [new Error('/secret/path'), 500, 'Failed to send message: internal error'],
    ])('%s becomes %i %s, and the row failed', async (thrown, status, error) => {
      await begin()
      stage.session.send = async () => {
        throw thrown
      }
      expect(await stage.text({ number: ANA, message: 'hi' })).toEqual({ status, body: { error } })
      expect(await stage.rows()).toMatchObject([{ status: 'failed' }])
      expect(stage.receiver.requests).toEqual([])
    })

    test('once WhatsApp has the message the answer is a success, whatever happens to the store', async () => {
      await begin()
      const write = stage.events.write
      const { session } = stage
      const send = session.send.bind(session)
      session.send = async (...all) => {
        const sent = await send(...all)
        await stage.database.db.write((tx) => tx.deleteFrom('instances').execute())
        return sent
      }
      expect(await stage.text({ number: ANA, message: 'hi' })).toMatchObject({ status: 200, body: { status: 'sent' } })
      expect(write).toBe(stage.events.write)
    })
  })

  describe('link preview', () => {
    let stage: Stage
    let site: Server
    afterEach(async () => {
      await stage.close()
      site.closeAllConnections()
      await new Promise((resolve) => site.close(resolve))
    })

    test('title, description and a small picture of the first link', async () => {
      stage = await openStage(await open())
      const { default: sharp } = await import('sharp')
      const picture = await sharp({ create: { width: 600, height: 300, channels: 3, background: '#ff0000' } })
        .png()
        .toBuffer()
      site = createServer((request, response) => {
        if (request.url === '/missing') return response.writeHead(404).end('<title>404</title>')
        if (request.url === '/p.png') return response.setHeader('content-type', 'image/png').end(picture)
        response.setHeader('content-type', 'text/html').end(`<html><head>
          <meta property="og:title" content="Caf&eacute; &amp; more &#128512;"><meta content='The best' name='description'>
          <meta property="og:image" content="/p.png"></head></html>`)
      })
      await new Promise<void>((resolve) => site.listen(0, '127.0.0.1', resolve))
      const url = `http://127.0.0.1:${(site.address() as AddressInfo).port}/a`
      await stage.text({ number: ANA, message: `see ${url}, please`, linkPreview: true })
      const sent = stage.ana.received.at(-1)?.message.extendedTextMessage
      expect(sent).toMatchObject({ text: `see ${url}, please`, matchedText: url, title: 'Caf&eacute; & more 😀', description: 'The best' })
      expect(await sharp(sent?.jpegThumbnail as Uint8Array).metadata()).toMatchObject({ format: 'jpeg', width: 192 })

      await stage.text({ number: ANA, message: `see ${url}` })
      expect(stage.ana.received.at(-1)?.message.extendedTextMessage?.matchedText).toBeFalsy()
      await stage.text({ number: ANA, message: `see ${url.replace('/a', '/missing')}`, linkPreview: true })
      expect(stage.ana.received.at(-1)?.message.extendedTextMessage?.matchedText).toBeFalsy()
    })
  })
})
