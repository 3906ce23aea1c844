import { afterEach, describe, expect, test } from 'vitest'
import { forEachDatabase } from '../../../testing/databases.ts'
import { INSTANCE, openStage, type Stage } from './stage.ts'

forEachDatabase((_name, open) => {
  describe('configuration of events', () => {
    let stage: Stage
    afterEach(() => stage.close())

    const call: Stage['call'] = (id, request) => stage.call(id, request)
    const begin = async () => {
      stage = await openStage(await open())
    }
    const url = 'https://app.example/wh?key=a%20b'

    test('what is written is read back exactly, order included', async () => {
      await begin()
      const webhook = {
        label: 'default',
        enabled: true,
        url,
        authorization: 'Bearer s3cr3t',
        byEvents: true,
        events: ['message.status', 'message.exchange', 'call.update'],
        mediaBase64: true,
      }
      expect(await call('events.setWebhook', { body: { ...webhook, label: undefined, unknown: 1 } })).toEqual({
        status: 200,
        body: { success: true, message: 'Webhook configured successfully', webhook },
      })
      const one = { status: 200, body: { success: true, message: 'Webhook retrieved successfully', webhook } }
      expect(await call('events.getWebhook', { query: { label: 'default' } })).toEqual(one)
      expect(await call('events.getWebhook', { query: { label: '' } })).toEqual(one)
      expect(await call('events.getWebhookAlias', { query: { label: 'default' } })).toEqual(one)
    })

    test('the list is alphabetical and always there', async () => {
      await begin()
      const all = (webhooks: unknown) => ({ status: 200, body: { success: true, message: 'Webhooks retrieved successfully', webhooks } })
      expect(await call('events.getWebhook')).toEqual(all([]))
      for (const label of ['zebra', 'Apple', 'crm']) await call('events.setWebhook', { body: { label, enabled: true, url } })
      const { body } = await call('events.getWebhook')
      expect((body as { webhooks: { label: string }[] }).webhooks.map(({ label }) => label)).toEqual(['Apple', 'crm', 'zebra'])
    })

    test('the same label overwrites everything', async () => {
      await begin()
      await call('events.setWebhook', { body: { enabled: true, url, authorization: 'x', events: ['call.update'], mediaBase64: true } })
      expect(await call('events.setWebhook', { body: { enabled: true, url: 'http://other.example/' } })).toMatchObject({
        body: { webhook: { url: 'http://other.example/', authorization: '', events: [], mediaBase64: false, byEvents: false } },
      })
      expect((await stage.events.webhooks.all(INSTANCE)).length).toBe(1)
    })

    test('disabling clears and keeps the row', async () => {
      await begin()
      await call('events.setWebhook', { body: { enabled: true, url, authorization: 'x', events: ['call.update'] } })
      const webhook = { label: 'default', enabled: false, url: '', authorization: '', byEvents: false, events: [], mediaBase64: false }
      expect(await call('events.setWebhook', { body: { enabled: false, url, events: ['call.update'] } })).toEqual({
        status: 200,
        body: { success: true, message: 'Webhook disabled successfully', webhook },
      })
      expect(await stage.events.webhooks.all(INSTANCE)).toEqual([webhook])
    })

    test.each([
      [{ enabled: true }, 'Invalid webhook URL'],
      [{ enabled: true, url: '' }, 'Invalid webhook URL'],
      [{ enabled: true, url: 'app.example/wh' }, 'Invalid webhook URL'],
      [{ enabled: true, url: 'ftp://app.example/wh' }, 'Invalid webhook URL'],
      [{ enabled: true, url, events: ['message.exchange', 'message.sent'] }, 'Invalid event: message.sent'],
      [{ enabled: true, url, events: 'all' }, 'Invalid request body: events must be an array'],
      [{ enabled: 'yes', url }, 'Invalid request body: enabled must be true or false'],
      [{ enabled: true, url, authorization: 'a\r\nx-evil: 1' }, 'Invalid request body: authorization must be a single line of text'],
    ])('%j is refused with %s', async (body, error) => {
      await begin()
      expect(await call('events.setWebhook', { body })).toEqual({ status: 400, body: { error } })
      expect(await stage.events.webhooks.all(INSTANCE)).toEqual([])
    })

    test('an unknown label is not found', async () => {
      await begin()
      expect(await call('events.getWebhook', { query: { label: 'nobody' } })).toEqual({ status: 404, body: { error: 'Webhook not found' } })
    })

    test('at most three are enabled, however many ask at once; disabled ones do not count', async () => {
      await begin()
      const labels = ['a', 'b', 'c', 'd', 'e', 'f']
      const answers = await Promise.all(labels.map((label) => call('events.setWebhook', { body: { label, enabled: true, url } })))
      expect(answers.filter(({ status }) => status === 200)).toHaveLength(3)
      expect(answers.filter(({ status }) => status === 400).map(({ body }) => body)).toEqual(
        Array(3).fill({ error: 'Maximum of 3 enabled webhooks per instance' }),
      )
      const [first] = await stage.events.webhooks.all(INSTANCE)
      await call('events.setWebhook', { body: { label: first?.label, enabled: false } })
      expect(await call('events.setWebhook', { body: { label: 'g', enabled: true, url } })).toMatchObject({ status: 200 })
      // Writing over an enabled one is no fourth.
      expect(await call('events.setWebhook', { body: { label: 'g', enabled: true, url: 'http://new.example/' } })).toMatchObject({
        status: 200,
      })
    })

    test('URL, authorization and secret are not readable in the database', async () => {
      await begin()
      await call('events.setWebhook', { body: { enabled: true, url, authorization: 'Bearer s3cr3t' } })
      const row = await stage.database.db.read.selectFrom('webhooks').selectAll().executeTakeFirstOrThrow()
      for (const column of [row.url, row.authorization, row.signing_secret]) {
        const text = Buffer.from(column).toString('latin1')
        expect(text).not.toContain('s3cr3t')
        expect(text).not.toContain('app.example')
        expect(text).not.toContain('whsec_')
      }
    })

    test('the WebSocket is born disabled, is configured and disabled again', async () => {
      await begin()
      const off = { enabled: false, events: [], mediaBase64: false }
      const read = (websocket: unknown) => ({
        status: 200,
        body: { success: true, message: 'WebSocket configuration retrieved', websocket },
      })
      expect(await call('events.getWebsocket')).toEqual(read(off))
      const on = { enabled: true, events: ['call.update', 'message.exchange'], mediaBase64: true }
      expect(await call('events.setWebsocket', { body: on })).toEqual({
        status: 200,
        body: { success: true, message: 'WebSocket configured successfully', websocket: on },
      })
      expect(await call('events.getWebsocket')).toEqual(read(on))
      expect(await call('events.setWebsocket', { body: { ...on, enabled: false } })).toEqual({
        status: 200,
        body: { success: true, message: 'WebSocket disabled successfully', websocket: off },
      })
      expect(await call('events.setWebsocket', { body: { enabled: true, events: ['nothing'] } })).toEqual({
        status: 400,
        body: { error: 'Invalid event: nothing' },
      })
    })
  })
})
