/** Settings that act on what arrives. */
import { describe, expect, it, vi } from 'vitest'
import type { IncomingCall, ReceivedMessage } from '../../whatsapp/engine.ts'
import { marksRead, rejects } from '../acting-settings.ts'
import { defaultSettings } from '../settings-values.ts'
import { onBothDatabases, waiting } from './stage.ts'

const call: IncomingCall = {
  id: '1',
  from: { jid: '1@s.whatsapp.net', lid: null },
  status: 'offer',
  isVideo: false,
  isGroup: false,
  groupJid: null,
  timestamp: 1_000_000,
}

const message = (chat: string, fromMe = false): ReceivedMessage => ({
  id: '1',
  chat: { jid: chat, lid: null },
  sender: { jid: '1@s.whatsapp.net', lid: null },
  fromMe,
  timestamp: 0,
  pushName: null,
  message: { conversation: 'x' },
  viewOnce: false,
  offline: false,
})

describe('Which calls are rejected', () => {
  const on = { ...defaultSettings, autoRejectCalls: true }
  it.each([
    ['an offer', on, call, 1_001_000, true],
    ['one of a minute ago', on, call, 1_060_000, false],
    ['an accepted one', on, { ...call, status: 'accepted' as const }, 1_001_000, false],
    ['none without the setting', defaultSettings, call, 1_001_000, false],
  ])('%s', (_, settings, which, now, expected) => {
    expect(rejects(settings, which, now)).toBe(expected)
  })
})

describe('Which messages are marked read', () => {
  const on = { ...defaultSettings, autoReadMessages: true }
  it.each([
    ['of a person', on, message('1@s.whatsapp.net'), true],
    ['of oneself', on, message('1@s.whatsapp.net', true), false],
    ['of a group', on, message('1@g.us'), true],
    ['of an ignored group', { ...on, ignoreGroupMessages: true }, message('1@g.us'), false],
    ['a status', on, message('status@broadcast'), true],
    ['an ignored status', { ...on, ignoreStatus: true }, message('status@broadcast'), false],
    ['without the setting', defaultSettings, message('1@s.whatsapp.net'), false],
  ])('%s', (_, settings, which, expected) => {
    expect(marksRead(settings, which)).toBe(expected)
  })
})

onBothDatabases((open) => {
  it('autoRejectCalls: rejected, the caller told once', async () => {
    const stage = await open()
    const { phone } = await stage.link('shop', '34600111222', { autoRejectCalls: true, callRejectMessage: 'Please write' })
    const caller = stage.network.person('34600111333')
    const id = caller.call(phone)
    await vi.waitFor(() => expect(caller.calls.get(id)).toBe('rejected'), waiting)
    await vi.waitFor(() => expect(stage.texts).toEqual([{ instance: 'shop', to: caller.address, text: 'Please write' }]), waiting)
  })

  it('without callRejectMessage nothing is written, without the setting it rings', async () => {
    const stage = await open()
    const { phone } = await stage.link('shop', '34600111222', { autoRejectCalls: true })
    const caller = stage.network.person('34600111333')
    const id = caller.call(phone)
    await vi.waitFor(() => expect(caller.calls.get(id)).toBe('rejected'), waiting)
    await stage.api.post('/api/instance/settings/shop', { autoRejectCalls: false })
    const second = caller.call(phone)
    await vi.waitFor(() => expect(stage.handed.filter(({ event }) => event.type === 'call')).toHaveLength(2), waiting)
    expect(caller.calls.get(second)).toBe('ringing')
    expect(stage.texts).toEqual([])
  })

  it('autoReadMessages: read receipts for what others write', async () => {
    const stage = await open()
    const { phone } = await stage.link('shop', '34600111222', { autoReadMessages: true })
    const friend = stage.network.person('34600111333')
    const id = friend.send(phone, 'hello')
    await vi.waitFor(() => expect(friend.receipts).toContainEqual(expect.objectContaining({ ids: [id], status: 'read' })), waiting)
  })

  it('keepOnlineStatus: at once, and with every session', async () => {
    const stage = await open()
    const { phone } = await stage.link('shop', '34600111222')
    expect(phone.presence).toBe('unavailable')
    await stage.api.post('/api/instance/settings/shop', { keepOnlineStatus: true })
    await vi.waitFor(() => expect(phone.presence).toBe('available'), waiting)
    expect(await stage.listed('shop')).toMatchObject({ connection: { presenceStatus: 'available' } })
    await stage.api.post('/api/instance/reconnect/shop')
    expect(stage.opened.at(-1)?.keepOnline).toBe(true)
    await stage.until('shop', 'connected')
    await stage.api.post('/api/instance/settings/shop', { keepOnlineStatus: false })
    await vi.waitFor(() => expect(phone.presence).toBe('unavailable'), waiting)
  })

  it('events are handed on in order, after the life cycle has seen them', async () => {
    const stage = await open()
    const { phone } = await stage.link('shop', '34600111222')
    const friend = stage.network.person('34600111333')
    for (let n = 0; n < 20; n++) friend.send(phone, `message ${n}`, `id-${n}`)
    await vi.waitFor(() => {
      const ids = stage.handed.flatMap(({ event }) => (event.type === 'message' ? event.message.id : []))
      expect(ids).toEqual(Array.from({ length: 20 }, (_, n) => `id-${n}`))
    }, waiting)
    expect(stage.handed.slice(0, 3).map(({ event }) => event.type)).toEqual(['qr', 'paired', 'open'])
  })

  it('a listener that fails takes nothing from the others and not the session', async () => {
    const stage = await open()
    stage.instances.listen(() => Promise.reject(new Error('no')))
    const heard: string[] = []
    stage.instances.listen(async (instance, event) => void heard.push(`${instance.name} ${event.type}`))
    await stage.link('shop', '34600111222')
    expect(heard).toContain('shop open')
  })
})
