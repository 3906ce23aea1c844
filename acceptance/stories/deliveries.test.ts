/** Looking after deliveries: what arrived, what did not and why, and how it is brought to the receiver all the same. */
import { createHmac } from 'node:crypto'
import { expect, it } from 'vitest'
import { eventually } from '../toolkit/eventually.ts'
import { at, type Json, list, text } from '../toolkit/json.ts'
import type { Line } from '../toolkit/line.ts'
import type { Delivery } from '../toolkit/receiver.ts'
import { onStage } from '../toolkit/stage.ts'

/** The check of standardwebhooks.com for one secret. */
const signedWith = (secret: string, { headers, body }: Delivery): boolean => {
  const key = Buffer.from(secret.replace('whsec_', ''), 'base64')
  const content = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${JSON.stringify(body)}`
  const expected = `v1,${createHmac('sha256', key).update(content).digest('base64')}`
  return String(headers['webhook-signature']).split(' ').includes(expected)
}

onStage(
  'Deliveries',
  (stage) => {
    const set = (line: Line, body: { [key: string]: Json }) => line.api.post(`/api/events/webhook/${line.name}`, body)
    const deliveries = async (line: Line, query = '') =>
      list((await line.api.get(`/api/events/deliveries/${line.name}${query}`)).body, 'deliveries')

    it('that failed are listed with their attempts, over a restart too, and sent again with the same id', async () => {
      const receiver = await stage.receiver()
      const line = await stage.line('listed')
      const friend = await stage.phone()
      await set(line, { enabled: true, url: receiver.url, events: ['message.exchange'] })
      receiver.answer(503)
      const id = await friend.send(line.phone.number, 'please hold')
      const waiting = await eventually('a failed attempt', async () => {
        const [first] = await deliveries(line, '?state=waiting')
        return first !== undefined && list(first, 'attempts').length > 0 && first
      })
      expect(waiting).toMatchObject({
        event: 'message.exchange',
        label: 'default',
        state: 'waiting',
        error: 'answered 503',
        nextAttemptAt: expect.any(String),
      })
      expect(list(waiting, 'attempts')[0]).toMatchObject({
        at: expect.any(String),
        status: 503,
        durationMs: expect.any(Number),
        error: 'answered 503',
        answer: '',
      })
      // Disabled, then enabled again: what waited is a dead letter now, and is not forgotten.
      await set(line, { enabled: false })
      await stage.gateway.restart()
      const [dead] = await deliveries(line, '?state=dead&label=default')
      expect(dead).toMatchObject({ eventId: text(waiting, 'eventId'), error: 'the webhook was disabled' })
      await set(line, { enabled: true, url: receiver.url, events: ['message.exchange'] })
      receiver.answer(200)
      expect(await line.api.post(`/api/events/redeliver/${line.name}`, { state: 'dead' })).toMatchObject({
        status: 200,
        body: { success: true, message: '1 delivery queued', redelivered: 1, nextCursor: null },
      })
      const event = await receiver.next({ data: { id } })
      expect(at(event, 'id')).toBe(text(waiting, 'eventId'))
      const delivered = await eventually('it is noted', async () => (await deliveries(line, '?state=delivered'))[0])
      expect(list(delivered, 'attempts').at(-1)).toMatchObject({ status: 200, error: null })

      // Once more, with the account's token, and by time.
      const since = { from: text(delivered, 'createdAt') }
      expect((await stage.account.post(`/api/events/redeliver/${line.name}`, since)).body).toMatchObject({ redelivered: 1 })
      expect(await receiver.next({ data: { id } })).toEqual(event)
    })

    it('that nobody wants any more are thrown away', async () => {
      const receiver = await stage.receiver()
      const line = await stage.line('purged')
      const friend = await stage.phone()
      await set(line, { enabled: true, url: receiver.url, events: ['message.exchange'] })
      receiver.answer(500)
      const unwanted = await friend.send(line.phone.number, 'unwanted')
      await eventually('it to be refused', async () => receiver.deliveries().find(({ body }) => at(body, 'data.id') === unwanted))
      await eventually('it waits', async () => (await deliveries(line, '?state=waiting'))[0])
      await set(line, { enabled: false })
      expect(await line.api.delete(`/api/events/deliveries/${line.name}`)).toMatchObject({
        status: 200,
        body: { success: true, message: '1 delivery purged', purged: 1, more: false },
      })
      await set(line, { enabled: true, url: receiver.url, events: ['message.exchange'] })
      receiver.answer(200)
      expect((await line.api.post(`/api/events/redeliver/${line.name}`, { state: 'dead' })).body).toMatchObject({ redelivered: 0 })
      const wanted = await friend.send(line.phone.number, 'wanted')
      await receiver.next({ data: { id: wanted } })
      await eventually('only the wanted one is left', async () => {
        const left = await deliveries(line)
        return left.length === 1 && at(left[0], 'state') === 'delivered'
      })
    })

    it('are signed with a secret that can be read, and replaced while receivers still know the old one', async () => {
      const receiver = await stage.receiver()
      const line = await stage.line('signed')
      await set(line, { enabled: true, url: receiver.url, events: ['message.exchange'] })
      const secretOf = async () => text((await line.api.get(`/api/events/getWebhookSecret/${line.name}`)).body, 'signing.secret')
      const next = async (): Promise<Delivery> => {
        const id = text((await line.text((await stage.phone()).number, 'hi')).body, 'data.messageId')
        await receiver.next({ event: 'message.exchange', data: { id } })
        const found = receiver.deliveries().find(({ body }) => at(body, 'data.id') === id)
        if (found === undefined) throw new Error('delivered and not kept')
        return found
      }
      const before = await secretOf()
      expect(before).toMatch(/^whsec_/)
      const first = await next()
      expect(signedWith(before, first)).toBe(true)
      expect(signedWith(before, { ...first, headers: { ...first.headers, 'webhook-id': 'another' } })).toBe(false)
      const rotated = await line.api.post(`/api/events/rotateWebhookSecret/${line.name}`)
      expect(rotated).toMatchObject({
        status: 200,
        body: { message: 'Webhook secret rotated successfully', signing: { formerSecrets: [{ secret: before }] } },
      })
      const after = await secretOf()
      const second = await next()
      expect([signedWith(before, second), signedWith(after, second)]).toEqual([true, true])
      await line.api.post(`/api/events/rotateWebhookSecret/${line.name}`, { overlapHours: 0 })
      const third = await next()
      expect(signedWith(await secretOf(), third)).toBe(true)
      expect(signedWith(after, third)).toBe(false)
      // The first rotation's overlap goes on.
      expect(signedWith(before, third)).toBe(true)
    })

    it('can be tried out: a test event tells what the receiver says', async () => {
      const receiver = await stage.receiver()
      const line = await stage.line('tested')
      await set(line, { label: 'crm', enabled: true, url: `${receiver.url}/hook?key=1`, authorization: 'Basic Zm9v' })
      const tried = () => line.api.post(`/api/events/testWebhook/${line.name}`, { label: 'crm' })
      expect(await tried()).toMatchObject({
        status: 200,
        body: { message: 'Test event delivered', test: { label: 'crm', delivered: true, status: 200, error: null } },
      })
      expect(receiver.deliveries().find(({ body }) => at(body, 'event') === 'webhook.test')).toMatchObject({
        path: '/hook?key=1',
        headers: { authorization: 'Basic Zm9v' },
        body: { data: { label: 'crm' }, instanceData: { instance: 'tested' } },
      })
      receiver.answer(401)
      expect((await tried()).body).toMatchObject({
        message: 'Test event was not taken',
        test: { delivered: false, status: 401, error: 'answered 401' },
      })
      await receiver.close()
      expect((await tried()).body).toMatchObject({ test: { delivered: false, status: null, error: 'connection refused' } })
      expect(await line.api.post(`/api/events/testWebhook/${line.name}`)).toMatchObject({
        status: 404,
        body: { success: false, error: { message: 'Webhook not found' } },
      })
    })

    it('are not needed to get events: a program without an address reads the log and waits for more', async () => {
      const line = await stage.line('polled')
      const friend = await stage.phone()
      const log = async (query: string) => (await line.api.get(`/api/events/log/${line.name}?${query}`)).body
      const { cursor } = (await log('after=latest')) as { cursor: string }
      const waiting = log(`after=${cursor}&wait=50`)
      const first = await friend.send(line.phone.number, 'first')
      const answer = await waiting
      expect(list(answer, 'events')[0]).toMatchObject({
        event: 'message.exchange',
        data: { id: first, message: { content: 'first' } },
        instanceData: { instance: 'polled', token: line.token },
      })
      await stage.gateway.restart()
      const second = await friend.send(line.phone.number, 'second')
      const seen: Json[] = []
      let position = text(answer, 'cursor')
      await eventually('the second', async () => {
        const page = await log(`after=${position}&wait=5`)
        position = text(page, 'cursor')
        seen.push(...list(page, 'events'))
        return seen.some((event) => at(event, 'data.id') === second)
      })
      expect(seen.filter((event) => at(event, 'data.id') === first)).toEqual([])
      expect(list(await log('after=0&limit=500'), 'events').map((event) => at(event, 'data.id'))).toEqual(
        expect.arrayContaining([first, second]),
      )
    })
  },
  { databases: ['SQLite', 'PostgreSQL'] },
)
