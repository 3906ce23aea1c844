import { expect, it } from 'vitest'
import { bothDatabases } from '../toolkit/databases.ts'
import { eventually } from '../toolkit/eventually.ts'
import { at, list, matches, text } from '../toolkit/json.ts'
import { onStage } from '../toolkit/stage.ts'

onStage(
  'Instance settings act on the wire',
  (stage) => {
    it('are read back whole after a partial change', async () => {
      const line = await stage.line('plain')
      const defaults = {
        autoRejectCalls: false,
        callRejectMessage: '',
        ignoreGroupMessages: false,
        keepOnlineStatus: false,
        autoReadMessages: false,
        disableHistorySync: true,
        ignoreStatus: false,
      }
      expect((await line.api.get('/api/instance/getSettings/plain')).body).toEqual({
        success: true,
        message: 'Settings retrieved successfully',
        settings: defaults,
      })
      expect((await line.api.post('/api/instance/settings/plain', { ignoreStatus: true })).body).toEqual({
        success: true,
        message: 'Settings updated successfully',
        settings: { ...defaults, ignoreStatus: true },
      })
      expect(await line.api.post('/api/instance/settings/plain', {})).toMatchObject({
        status: 400,
        body: { error: { message: 'At least one setting must be provided' } },
      })
      expect(await line.api.post('/api/instance/settings/plain', { callRejectMessage: 'x'.repeat(65_537) })).toMatchObject({
        status: 400,
        body: { error: { message: 'Invalid request body: callRejectMessage must have at most 65536 characters' } },
      })
    })

    it('autoRejectCalls: the caller is turned away and told why', async () => {
      const caller = await stage.phone()
      const receiver = await stage.receiver()
      const line = await stage.line('no-calls', {
        autoRejectCalls: true,
        callRejectMessage: 'Please write',
        webhookEnabled: true,
        webhookURL: receiver.url,
        webhookEvents: ['call.update'],
      })
      const callId = await caller.call(line.phone.number)
      await receiver.next({ event: 'call.update', data: { callId, type: 'offer', from: { jid: caller.jid } } })
      await eventually('the call to be rejected', async () =>
        (await caller.calls()).some((call) => matches(call, { callId, state: 'rejected' })),
      )
      await caller.next({ text: 'Please write' })
    })

    it('without it the phone keeps ringing', async () => {
      const caller = await stage.phone()
      const receiver = await stage.receiver()
      const line = await stage.line('rings', { webhookEnabled: true, webhookURL: receiver.url })
      const callId = await caller.call(line.phone.number)
      await receiver.next({ event: 'call.update', data: { callId, type: 'offer' } })
      expect(await caller.calls()).toMatchObject([{ callId, state: 'ringing' }])
    })

    it('autoReadMessages: the sender sees the message read', async () => {
      const friend = await stage.phone()
      const line = await stage.line('reads', { autoReadMessages: true })
      const id = await friend.send(line.phone.number, 'Read me')
      await eventually('a read receipt', async () =>
        (await stage.simulator.traffic({ phone: line.phone.number, tag: 'receipt', direction: 'in' })).some((entry) =>
          matches(entry, { stanza: { attrs: { id, type: 'read' } } }),
        ),
      )
    })

    it('without it the message stays unread', async () => {
      const friend = await stage.phone()
      const receiver = await stage.receiver()
      const line = await stage.line('unread', { webhookEnabled: true, webhookURL: receiver.url })
      const id = await friend.send(line.phone.number, 'Not yet')
      await receiver.next({ event: 'message.exchange', data: { id } })
      const receipts = await stage.simulator.traffic({ phone: line.phone.number, tag: 'receipt', direction: 'in' })
      expect(receipts.filter((entry) => matches(entry, { stanza: { attrs: { type: 'read' } } }))).toEqual([])
    })

    it('keepOnlineStatus: online while it is on, at once', async () => {
      const line = await stage.line('online')
      const online = async () => at(await line.phone.profile(), 'online') === true
      expect(await online()).toBe(false)
      await line.api.post('/api/instance/settings/online', { keepOnlineStatus: true })
      await eventually('the account to be online', online)
      await line.api.post('/api/instance/settings/online', { keepOnlineStatus: false })
      await eventually('the account to be offline', async () => !(await online()))
    })

    it.each([
      [false, 1],
      [true, 0],
    ])('disableHistorySync %s: %i of the old messages is stored at the first connect', async (disableHistorySync, stored) => {
      const [phone, friend, receiver] = [await stage.phone(), await stage.phone(), await stage.receiver()]
      await friend.send(phone.number, 'Long ago')
      await phone.next({ text: 'Long ago' })
      const name = `history-${disableHistorySync ? 'off' : 'on'}`
      await stage.account.post('/api/instance/new', { name, disableHistorySync, webhookEnabled: true, webhookURL: receiver.url })
      await phone.scan(text((await stage.account.get(`/api/instance/connect/${name}`)).body, 'qrCode'))
      await receiver.next({ event: 'instance.state', data: { state: 'connected' } })
      const counted = async () => at((await stage.account.get(`/api/instance/metrics/${name}`)).body, 'metrics.totalMessages')
      if (!disableHistorySync) await eventually('the old message to be stored', async () => (await counted()) === stored)
      // What the phone hands over comes before what is written afterwards.
      const fresh = await friend.send(phone.number, 'Just now')
      await receiver.next({ event: 'message.exchange', data: { id: fresh } })
      expect(await counted()).toBe(stored + 1)
      expect(receiver.deliveries().filter(({ body }) => at(body, 'data.message.content') === 'Long ago')).toEqual([])
    })

    it('history: the days asked for are stored, and never announced as new', async () => {
      const phone = await stage.phone()
      const friend = await stage.phone()
      const receiver = await stage.receiver()
      await friend.send(phone.number, 'Long ago')
      await phone.next({ text: 'Long ago' })
      await stage.account.post('/api/instance/new', { name: 'historic', webhookEnabled: true, webhookURL: receiver.url })
      const answer = await stage.account.get('/api/instance/connect/historic?history=7')
      await phone.scan(text(answer.body, 'qrCode'))
      await eventually('the old message to be counted', async () =>
        matches((await stage.account.get('/api/instance/metrics/historic')).body, { metrics: { totalMessages: 1, messagesReceived: 1 } }),
      )
      const fresh = await friend.send(phone.number, 'Just now')
      await receiver.next({ event: 'message.exchange', data: { id: fresh } })
      expect(receiver.deliveries().filter(({ body }) => at(body, 'data.message.content') === 'Long ago')).toEqual([])
      expect(list((await stage.account.get('/api/instance/list?instanceName=historic')).body, 'instances')).toMatchObject([
        { status: 'connected' },
      ])
    })
  },
  { databases: bothDatabases },
)
