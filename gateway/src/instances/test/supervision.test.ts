/** What comes back by itself after a restart, and how many at a time. */
import { expect, it, vi } from 'vitest'
import type { EngineSession } from '../../whatsapp/engine.ts'
import { but } from './sessions.ts'
import { onBothDatabases, waiting } from './stage.ts'

onBothDatabases((open) => {
  it('after a restart every wanted instance is back without a QR; the others stay as they are', async () => {
    const stage = await open()
    await stage.link('one', '34600111001')
    await stage.link('two', '34600111002')
    await stage.link('left', '34600111003')
    await stage.api.delete('/api/instance/logout/left')
    await stage.create('never')
    await stage.create('waits')
    await stage.api.get('/api/instance/connect/waits')

    const next = await stage.restart()
    expect(await next.listed('one')).toMatchObject({ status: 'disconnected' })
    next.instances.start()
    await next.until('one', 'connected')
    await next.until('two', 'connected')
    expect(await next.listed('left')).toMatchObject({ status: 'loggedout' })
    expect(await next.listed('never')).toMatchObject({ status: 'disconnected' })
    await vi.waitFor(async () => {
      const row = await next.db.read.selectFrom('instances').select(['state', 'wanted']).where('name', '=', 'waits').executeTakeFirst()
      expect(row).toEqual({ state: 'disconnected', wanted: 0 })
    }, waiting)
    expect(next.opened).toHaveLength(2)
    expect(await next.api.get('/api/instance/connect/waits')).toMatchObject({ body: { status: 'qr' } })
  })

  it('credentials of a pairing that a crash interrupted are no session', async () => {
    const stage = await open()
    const { id } = await stage.create('shop')
    const [first] = await Promise.all([stage.api.get('/api/instance/connect/shop')])
    expect(first.status).toBe(200)
    // A library may store credentials before they are worth anything.
    const store = stage.opened[0]?.store
    await store?.saveCredentials(Buffer.from('not paired'))
    const unpaired = (session: EngineSession, onEvent: (event: { type: 'qr'; text: string; expiresAt: number }) => unknown) =>
      but(session, { start: () => void onEvent({ type: 'qr', text: 'a qr', expiresAt: Date.now() + 60_000 }) })
    const next = await stage.restart({ engine: (session, options) => unpaired(session, (event) => options.onEvent(event)) })
    next.instances.start()
    await vi.waitFor(async () => {
      expect(await next.db.read.selectFrom('session_credentials').selectAll().execute()).toEqual([])
      expect(await next.listed('shop')).toMatchObject({ status: 'disconnected' })
    }, waiting)
    expect(next.opened).toHaveLength(1)
    expect((await next.api.post('/api/instance/reconnect/shop')).status).toBe(400)
    expect(await next.api.get('/api/instance/connect/shop')).toMatchObject({ body: { status: 'qr', qrCode: 'a qr' } })
    await vi.waitFor(async () => expect((await next.states(id)).at(-1)).toMatchObject({ state: 'qr_ready' }), waiting)
  })

  it('the budget of simultaneous connects is never exceeded, and everybody gets a turn', async () => {
    const stage = await open()
    for (let index = 0; index < 12; index++) await stage.link(`i${index}`, `3460022200${index}`)
    let held: (() => void)[] = []
    let most = 0
    const next = await stage.restart({
      concurrency: 3,
      engine: (session) =>
        but(session, {
          start() {
            held.push(() => session.start())
            most = Math.max(most, held.length)
            if (held.length < 3) return
            // Time for a fourth to show up.
            setTimeout(() => {
              for (const start of held) start()
              held = []
            }, 30)
          },
        }),
    })
    next.instances.start()
    for (let index = 0; index < 12; index++) await next.until(`i${index}`, 'connected')
    expect(most).toBe(3)
  })

  it('one that hangs gives its place back in time; what the owner starts himself does not wait for a place', async () => {
    const stage = await open({ limits: { retryFirstMs: 60_000, retryMaxMs: 60_000 } })
    await stage.link('hangs', '34600111001')
    await stage.link('waits', '34600111002')
    await stage.link('asked', '34600111003')
    const hanging = (await stage.listed('hangs')).id
    const next = await stage.restart({
      concurrency: 1,
      limits: { openMs: 300, retryFirstMs: 60_000, retryMaxMs: 60_000 },
      engine: (session, options) => (options.instanceId === hanging ? but(session, { start: () => {} }) : session),
    })
    next.instances.start()
    await next.until('hangs', 'connecting')
    expect(await next.api.get('/api/instance/connect/asked')).toMatchObject({ body: { status: 'connected' } })
    expect(await next.listed('hangs')).toMatchObject({ status: 'connecting' })
    await next.until('waits', 'connected')
    expect(await next.listed('hangs')).toMatchObject({ status: 'disconnected' })
  })

  it('a stop in the middle of it all ends everything and starts nothing any more', async () => {
    const stage = await open()
    for (let index = 0; index < 6; index++) await stage.link(`i${index}`, `3460022200${index}`)
    let started = 0
    const counted = (session: EngineSession) =>
      but(session, {
        start() {
          started++
          session.start()
        },
      })
    const next = await stage.restart({ concurrency: 2, engine: counted })
    next.instances.start()
    await vi.waitFor(() => expect(started).toBeGreaterThan(0), waiting)
    await next.close()
    const before = started
    const last = await next.restart({ engine: (session) => session })
    last.instances.start()
    for (let index = 0; index < 6; index++) await last.until(`i${index}`, 'connected')
    expect(started).toBe(before)
  })
})
