import { expect, it } from 'vitest'
import { at, text } from '../toolkit/json.ts'
import { createInstance } from '../toolkit/line.ts'
import { openSocket, UpgradeRefused } from '../toolkit/socket.ts'
import { onStage } from '../toolkit/stage.ts'

const refused = (status: number, message: string) => ({ status, body: { success: false, error: { message } } })

onStage('Webhooks', (stage) => {
  const set = (name: string, body: Record<string, string | boolean | string[]>) => stage.account.post(`/api/events/webhook/${name}`, body)

  it('are kept as given and read back, alias included', async () => {
    await createInstance(stage.account, 'kept')
    const webhook = {
      label: 'default',
      enabled: true,
      url: 'https://example.com/hook?secret=1',
      authorization: 'Bearer abc',
      byEvents: true,
      events: ['message.status', 'message.exchange'],
      mediaBase64: false,
    }
    expect((await set('kept', webhook)).body).toEqual({ success: true, message: 'Webhook configured successfully', webhook })
    await set('kept', { label: 'audit', enabled: true, url: 'https://example.com/audit' })
    const all = await stage.account.get('/api/events/getWebhook/kept')
    expect(all).toMatchObject({
      status: 200,
      body: { message: 'Webhooks retrieved successfully', webhooks: [{ label: 'audit' }, webhook] },
    })
    expect((await stage.account.get('/api/events/webhook/kept')).body).toEqual(all.body)
    expect((await stage.account.get('/api/events/getWebhook/kept?label=')).body).toEqual({
      success: true,
      message: 'Webhook retrieved successfully',
      webhook,
    })
    expect(await stage.account.get('/api/events/getWebhook/kept?label=none')).toMatchObject(refused(404, 'Webhook not found'))
    expect((await set('kept', { enabled: false })).body).toEqual({
      success: true,
      message: 'Webhook disabled successfully',
      webhook: { label: 'default', enabled: false, url: '', authorization: '', byEvents: false, events: [], mediaBase64: false },
    })
  })

  it('refuse a fourth, a bad URL and an unknown event', async () => {
    await createInstance(stage.account, 'limited')
    for (const label of ['a', 'b', 'c'])
      expect((await set('limited', { label, enabled: true, url: 'https://example.com' })).status).toBe(200)
    expect(await set('limited', { label: 'd', enabled: true, url: 'https://example.com' })).toMatchObject(
      refused(400, 'Maximum of 3 enabled webhooks per instance'),
    )
    expect(await set('limited', { label: 'a', enabled: true, url: 'ftp://example.com' })).toMatchObject(refused(400, 'Invalid webhook URL'))
    expect(await set('limited', { label: 'a', enabled: true, url: 'https://example.com', events: ['message.sent'] })).toMatchObject(
      refused(400, 'Invalid event: message.sent'),
    )
  })

  it('carry the authorization verbatim, the event in the path when asked, and Standard Webhooks headers', async () => {
    const receiver = await stage.receiver()
    const line = await stage.line('headers')
    await set('headers', {
      enabled: true,
      url: `${receiver.url}/hook?key=1`,
      authorization: 'Basic Zm9v',
      byEvents: true,
      events: ['message.exchange'],
    })
    const id = text((await line.text((await stage.phone()).number, 'hi')).body, 'data.messageId')
    const event = await receiver.next({ event: 'message.exchange', data: { id } })
    const delivery = receiver.deliveries().find(({ body }) => at(body, 'data.id') === id)
    expect(delivery?.path).toBe('/hook/message.exchange?key=1')
    expect(delivery?.headers).toMatchObject({
      authorization: 'Basic Zm9v',
      'content-type': 'application/json',
      'webhook-id': text(event, 'id'),
      'webhook-timestamp': expect.stringMatching(/^\d{10}$/),
      'webhook-signature': expect.stringMatching(/^v1,/),
    })
    expect(receiver.deliveries().every(({ body }) => at(body, 'event') === 'message.exchange')).toBe(true)
  })

  it('are tried again after a failure, in the order of the chat', async () => {
    const receiver = await stage.receiver()
    const friend = await stage.phone()
    const line = await stage.line('retries')
    await set('retries', { enabled: true, url: receiver.url, events: ['message.exchange'] })
    receiver.answer(500)
    const first = await friend.send(line.phone.number, 'first')
    const second = await friend.send(line.phone.number, 'second')
    await expect.poll(() => receiver.deliveries().length).toBeGreaterThan(0)
    receiver.answer(200)
    await receiver.next({ data: { id: first } })
    await receiver.next({ data: { id: second } })
    const order = receiver.deliveries().map(({ body }) => at(body, 'data.id'))
    expect(order.lastIndexOf(first)).toBeLessThan(order.indexOf(second))
  })

  it('wait in the database while the gateway is down', async () => {
    const receiver = await stage.receiver()
    const friend = await stage.phone()
    const line = await stage.line('durable')
    await set('durable', { enabled: true, url: receiver.url, events: ['message.exchange'] })
    receiver.answer(503)
    const id = await friend.send(line.phone.number, 'keep me')
    await expect.poll(() => receiver.deliveries().length).toBeGreaterThan(0)
    await stage.gateway.stop()
    receiver.answer(200)
    await stage.gateway.restart()
    await receiver.next({ data: { id } })
  })
})

onStage('WebSocket', (stage) => {
  const set = (name: string, body: Record<string, boolean | string[]>) => stage.account.post(`/api/events/websocket/${name}`, body)

  it('is born disabled, is configured, and closes its door again', async () => {
    const token = await createInstance(stage.account, 'socket')
    expect((await stage.account.get('/api/events/getWebsocket/socket')).body).toEqual({
      success: true,
      message: 'WebSocket configuration retrieved',
      websocket: { enabled: false, events: [], mediaBase64: false },
    })
    const closed = await openSocket(stage.gateway.url, 'socket', token).catch((error: unknown) => error)
    expect(closed).toBeInstanceOf(UpgradeRefused)
    expect(closed).toMatchObject({ status: 400 })
    expect(JSON.stringify(closed)).toContain(
      'WebSocket is not enabled for this instance. Configure it first using POST /api/events/websocket/',
    )

    const websocket = { enabled: true, events: ['instance.state'], mediaBase64: false }
    expect((await set('socket', websocket)).body).toEqual({ success: true, message: 'WebSocket configured successfully', websocket })
    const socket = await openSocket(stage.gateway.url, 'socket', token)
    await stage.account.get('/api/instance/connect/socket')
    await socket.next({ event: 'instance.state', data: { state: 'qr_ready' }, instanceData: { instance: 'socket' } })
    socket.close()
    expect((await set('socket', { enabled: false })).body).toMatchObject({
      message: 'WebSocket disabled successfully',
      websocket: { enabled: false },
    })
  })

  it('refuses strangers before the upgrade, in the envelope', async () => {
    await createInstance(stage.account, 'guarded', { websocketEnabled: true })
    const stranger = await createInstance(stage.account, 'stranger', { websocketEnabled: true })
    const attempt = (name: string, token?: string) => openSocket(stage.gateway.url, name, token).catch((error: unknown) => error)
    expect(await attempt('guarded')).toMatchObject(refused(401, 'Missing token in header, Authorization header, or query parameter'))
    expect(await attempt('guarded', 'nobody')).toMatchObject(refused(401, 'Invalid token'))
    expect(await attempt('guarded', stranger)).toMatchObject(refused(403, 'Instance token does not match requested instance'))
    expect(await attempt('nowhere', stage.accountToken)).toMatchObject(refused(404, 'Instance not found'))
  })

  it('clients are told 1001 when the gateway stops', async () => {
    const token = await createInstance(stage.account, 'stops', { websocketEnabled: true })
    const socket = await openSocket(stage.gateway.url, 'stops', token)
    await stage.gateway.stop()
    expect(await socket.closed).toBe(1001)
    await stage.gateway.restart()
  })
})
