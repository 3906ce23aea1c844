/** A request that is repeated under its Idempotency-Key: carried out once, answered alike, also when the gateway was killed in the middle. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, it } from 'vitest'
import { bothDatabases } from '../toolkit/databases.ts'
import { png } from '../toolkit/files.ts'
import { at, text } from '../toolkit/json.ts'
import { createInstance, type Line } from '../toolkit/line.ts'
import { describedOperations, exampleOf } from '../toolkit/operations.ts'
import type { Receiver } from '../toolkit/receiver.ts'
import type { Phone } from '../toolkit/simulator.ts'
import { onStage } from '../toolkit/stage.ts'

const refusal = (status: number, message: string) => ({ status, body: { success: false, error: { message } } })

onStage(
  'Idempotency-Key',
  (stage, database) => {
    const name = `once-${database}`
    const path = `/api/message/text/${name}`
    let cast: Promise<{ line: Line; friend: Phone; receiver: Receiver }> | undefined
    const players = () => {
      cast ??= (async () => {
        const receiver = await stage.receiver()
        const friend = await stage.phone({ name: 'Bea' })
        const line = await stage.line(name, { webhookEnabled: true, webhookURL: receiver.url, webhookEvents: ['message.exchange'] })
        return { line, friend, receiver }
      })()
      return cast
    }
    /** How often the friend was shown it, and how often the webhook was told. A message after it has come by then. */
    const times = async (words: string) => {
      const { line, friend, receiver } = await players()
      const last = text((await line.text(friend.number, `after ${words}`)).body, 'data.messageId')
      await friend.next({ id: last })
      await receiver.next({ data: { id: last } })
      const shown = (await friend.messages()).filter((message) => at(message, 'message.extendedTextMessage.text') === words)
      const told = receiver.deliveries().filter(({ body }) => at(body, 'data.message.content') === words)
      return { shown: shown.length, told: told.length }
    }

    it('repeated, in parallel too, it happens once', async () => {
      const { line, friend } = await players()
      const send = (key: string, message: string) => line.api.post(path, { number: friend.number, message }, { 'idempotency-key': key })
      const first = await send('order-1', 'once')
      expect(first).toMatchObject({ status: 200, body: { status: 'sent' } })
      expect(first.headers.get('idempotent-replayed')).toBeNull()
      const again = await send('order-1', 'once')
      expect(again).toMatchObject({ status: 200, body: first.body })
      expect(again.headers.get('idempotent-replayed')).toBe('true')

      const crowd = await Promise.all(Array.from({ length: 5 }, () => send('order-2', 'crowd')))
      const [sent] = crowd.filter(({ status }) => status === 200)
      for (const answer of crowd) {
        if (answer.status === 200) expect(answer.body).toEqual(sent?.body)
        else expect(answer).toMatchObject(refusal(409, 'A request with this Idempotency-Key is in progress'))
      }
      expect((await send('order-2', 'crowd')).body).toEqual(sent?.body)
      expect(await times('once')).toEqual({ shown: 1, told: 1 })
      expect(await times('crowd')).toEqual({ shown: 1, told: 1 })
    })

    it('another request, another caller, a refused one', async () => {
      const { line, friend } = await players()
      const body = { number: friend.number, message: 'mine' }
      const headers = { 'idempotency-key': 'order-3' }
      const refused = await line.api.post(path, { ...body, message: ' ' }, headers)
      expect(refused).toMatchObject(refusal(400, 'Message is required'))
      // Nothing has happened under it.
      const sent = await line.api.post(path, body, headers)
      expect(sent).toMatchObject({ status: 200 })
      const other = refusal(422, 'Idempotency-Key was used with a different request')
      expect(await line.api.post(path, { ...body, message: 'yours' }, headers)).toMatchObject(other)
      expect(
        await line.api.post(`/api/message/location/${name}`, { number: friend.number, latitude: 1, longitude: 2 }, headers),
      ).toMatchObject(other)
      // Somebody else's keys are their own.
      const account = await stage.account.post(path, body, headers)
      expect(account).toMatchObject({ status: 200 })
      expect(text(account.body, 'data.messageId')).not.toBe(text(sent.body, 'data.messageId'))
      expect(await line.api.post(path, body, { 'idempotency-key': 'with a blank' })).toMatchObject(refusal(400, 'Invalid Idempotency-Key'))
    })

    it('creating, and sending on', async () => {
      const { line, friend } = await players()
      const headers = { 'idempotency-key': 'make-1' }
      const made = await stage.account.post('/api/instance/new', { name: `made-${database}` }, headers)
      expect(made).toMatchObject({ status: 201 })
      expect(await stage.account.post('/api/instance/new', { name: `made-${database}` }, headers)).toMatchObject({
        status: 201,
        body: made.body,
      })

      const group = { name: 'Once', participants: [friend.number] }
      const created = await line.api.post(`/api/group/create/${name}`, group, headers)
      expect(created).toMatchObject({ status: 201 })
      expect(await line.api.post(`/api/group/create/${name}`, group, headers)).toMatchObject({ status: 201, body: created.body })

      const messageId = text((await line.text(friend.number, 'pass it on')).body, 'data.messageId')
      const forward = () => line.api.post(`/api/chat/forward/${name}`, { messageId, to: friend.number }, { 'idempotency-key': 'on-1' })
      expect((await forward()).body).toEqual((await forward()).body)
      expect(await times('pass it on')).toEqual({ shown: 2, told: 2 })
    })

    it.each(['ryzeapi:message.sending', 'ryzeapi:message.left'])('killed at %s', async (channel) => {
      const { line, friend } = await players()
      const words = `killed at ${channel}`
      const send = () => line.api.post(path, { number: friend.number, message: words }, { 'idempotency-key': channel })
      await stage.gateway.killAt(channel, '*')
      await expect(send()).rejects.toThrow()
      await stage.gateway.exited()

      await stage.gateway.restart()
      await line.waitFor('connected')
      const answer = await send()
      expect(answer).toMatchObject({ status: 200, body: { status: 'sent', data: { content: words } } })
      expect((await send()).body).toEqual(answer.body)
      await friend.next({ id: text(answer.body, 'data.messageId') })
      expect(await times(words)).toEqual({ shown: 1, told: 1 })
    })

    it('media, killed while it is fetched and when it is on its way: fetched once it is there, sent once', async () => {
      const { line, friend } = await players()
      let fetched = 0
      let whenFetched = async (): Promise<void> => {}
      const picture = png(40, 30)
      const source = createServer((_request, response) => {
        fetched += 1
        void whenFetched().then(() => response.writeHead(200, { 'content-type': 'image/png' }).end(picture))
      })
      await new Promise<void>((resolve) => source.listen(0, '127.0.0.1', resolve))
      const mediaUrl = `http://127.0.0.1:${(source.address() as AddressInfo).port}/picture.png`
      const send = (key: string) =>
        line.api.post(
          `/api/message/media/${name}`,
          { number: friend.number, mediaType: 'image', mediaUrl, message: key },
          { 'idempotency-key': key },
        )
      const back = async () => {
        await stage.gateway.restart()
        await line.waitFor('connected')
      }
      const arrived = async (key: string, messageId: string) => {
        expect(await friend.next({ id: messageId })).toMatchObject({ message: { imageMessage: { caption: key } } })
        const last = text((await line.text(friend.number, `after ${key}`)).body, 'data.messageId')
        await friend.next({ id: last })
        return (await friend.messages()).filter((message) => at(message, 'message.imageMessage.caption') === key).length
      }

      whenFetched = () => stage.gateway.kill()
      await expect(send('pic-fetching')).rejects.toThrow()
      whenFetched = async () => {}
      await back()
      const late = await send('pic-fetching')
      expect(late).toMatchObject({ status: 200, body: { data: { messageType: 'image', content: 'pic-fetching' } } })
      expect(fetched).toBe(2)
      expect(await arrived('pic-fetching', text(late.body, 'data.messageId'))).toBe(1)

      fetched = 0
      await stage.gateway.killAt('ryzeapi:message.sending', '*')
      await expect(send('pic-sending')).rejects.toThrow()
      await stage.gateway.exited()
      await back()
      const answer = await send('pic-sending')
      const data = {
        messageType: 'image',
        content: 'pic-sending',
        mediaUrl: expect.stringMatching(/^https:/),
        mediaMimeType: 'image/png',
        mediaSize: picture.length,
      }
      expect(answer).toMatchObject({ status: 200, body: { data } })
      expect((await send('pic-sending')).body).toEqual(answer.body)
      expect(await arrived('pic-sending', text(answer.body, 'data.messageId'))).toBe(1)
      // What was written down the first time is what is sent: the source may be gone by now.
      expect(fetched).toBe(1)
      source.close()
    })
  },
  { databases: bothDatabases, killable: true },
)

/** They neither send nor create: repeating them changes nothing, or is what was asked for. Accounts' tokens are shown once and kept nowhere. */
const withoutKey = [
  '/admin/accounts',
  '/admin/accounts/:account/token',
  '/api/chat/archive/:instance',
  '/api/chat/assignTag/:instance',
  '/api/chat/block/:instance',
  '/api/chat/check/:instance',
  '/api/chat/favorite/:instance',
  '/api/chat/history/:instance',
  '/api/chat/markChatRead/:instance',
  '/api/chat/markRead/:instance',
  '/api/chat/mute/:instance',
  '/api/chat/pin/:instance',
  '/api/chat/pinChat/:instance',
  '/api/chat/presence/:instance',
  '/api/chat/sync/:instance',
  '/api/community/link/:instance',
  '/api/community/unlink/:instance',
  '/api/events/webhook/:instance',
  '/api/events/websocket/:instance',
  '/api/group/join/:instance',
  '/api/instance/proxy/:instance',
  '/api/instance/reconnect/:instance',
  '/api/instance/s3/:instance',
  '/api/instance/settings/:instance',
  '/api/newsletter/join/:instance',
  '/api/profile/account/:instance',
  '/api/profile/privacy/:instance',
]

onStage('Idempotency-Key, by the list of operations', (stage) => {
  it('every POST that sends or creates heeds it', async () => {
    await createInstance(stage.account, 'listed')
    const posts = (await describedOperations(stage.gateway.api())).filter(
      ({ method, responses }) => method === 'POST' && !isNotBuilt(responses),
    )
    const { heeding, others } = Object.groupBy(posts, ({ headers }) => (headers.includes('Idempotency-Key') ? 'heeding' : 'others'))
    expect(others?.map(({ path }) => path).filter((path) => !withoutKey.includes(path))).toEqual([])
    for (const { path, body } of heeding ?? []) {
      const example = body === null ? {} : (exampleOf(body) ?? {})
      const answer = await stage.account.post(path.replace(':instance', 'listed'), example, { 'idempotency-key': 'with a blank' })
      expect([path, answer.status, answer.body]).toEqual([path, 400, { success: false, error: { message: 'Invalid Idempotency-Key' } }])
    }
  })
})

const isNotBuilt = (responses: readonly number[]): boolean => responses.includes(501) && !responses.some((status) => status < 300)
