/** Connecting, staying connected, logging out: what clients, phones and event receivers see. */
import { expect, it, vi } from 'vitest'
import type { CloseReason } from '../../whatsapp/engine.ts'
import { but, mute } from './sessions.ts'
import { error, onBothDatabases, type Tenant, waiting } from './stage.ts'

const statesOf = async (stage: Tenant, id: string) => (await stage.states(id)).map(({ state }) => state)

const connect = (stage: Tenant, name: string, query = '') => stage.api.get(`/api/instance/connect/${name}${query}`)

onBothDatabases((open) => {
  it('by QR: the code, the scan, connected; each step is told', async () => {
    const stage = await open()
    const { id } = await stage.create('shop')
    const answer = await connect(stage, 'shop')
    expect(answer).toEqual({
      status: 200,
      body: {
        success: true,
        message: 'QR code generated',
        status: 'qr',
        qrCode: expect.any(String),
        qrCodeBase64: expect.stringMatching(/^data:image\/png;base64,iVBOR/),
      },
    })
    expect(await stage.listed('shop')).toMatchObject({ status: 'qr', connection: { displayStatus: 'Waiting for the code to be used' } })
    stage.network.person('34600111222', { name: 'Ana' }).scan(String(answer.body.qrCode))
    await stage.until('shop', 'connected')
    const jid = '34600111222@s.whatsapp.net'
    expect(await stage.listed('shop')).toMatchObject({ numberJid: jid, profile: { name: 'Ana' } })
    expect(await stage.states(id)).toEqual([
      { instance: 'shop', state: 'qr_ready', timestamp: expect.stringMatching(/Z$/), reason: 'qr', codes: [answer.body.qrCode] },
      { instance: 'shop', state: 'pair_success', timestamp: expect.any(String), reason: 'paired', jid },
      { instance: 'shop', state: 'connected', timestamp: expect.any(String), reason: 'open', jid },
    ])
    expect(stage.instances.self(id)).toEqual(stage.network.person('34600111222').address)
    expect(stage.instances.session(id)).toBeDefined()
  })

  it('by pairing code', async () => {
    const stage = await open()
    const { id } = await stage.create('shop')
    const answer = await connect(stage, 'shop', '?number=%2B34%20600-111-222')
    expect(answer).toEqual({
      status: 200,
      body: {
        success: true,
        message: 'Pairing code generated',
        pairingCode: expect.stringMatching(/^[A-Z0-9]{8}$/),
        status: 'pairing_code',
      },
    })
    expect(await stage.listed('shop')).toMatchObject({ status: 'qr' })
    stage.network.person('34600111222').typePairingCode(String(answer.body.pairingCode))
    await stage.until('shop', 'connected')
    expect(await statesOf(stage, id)).toEqual(['qr_ready', 'pair_success', 'connected'])
    expect((await stage.states(id))[0]).not.toHaveProperty('codes')
  })

  it('while connected the session is left alone; history asks for history', async () => {
    const history: number[] = []
    const stage = await open({
      engine: (session) => but(session, { requestHistory: async (days) => void history.push(days) }),
    })
    await stage.link('shop', '34600111222')
    const sessions = stage.opened.length
    const already = { status: 200, body: { success: true, message: 'Instance already connected', status: 'connected' } }
    expect(await connect(stage, 'shop')).toEqual(already)
    expect(await connect(stage, 'shop', '?number=34600111333')).toEqual(already)
    expect(history).toEqual([])
    expect(await connect(stage, 'shop', '?history=5')).toEqual(already)
    expect(history).toEqual([5])
    expect(stage.opened).toHaveLength(sessions)
  })

  it('a live QR is answered at once, to any number of callers; a number starts anew', async () => {
    const stage = await open()
    await stage.create('shop')
    const answers = await Promise.all([1, 2, 3, 4].map(() => connect(stage, 'shop')))
    expect(new Set(answers.map(({ body }) => body.qrCode)).size).toBe(1)
    expect((await connect(stage, 'shop')).body).toEqual(answers[0]?.body)
    expect(stage.opened).toHaveLength(1)
    expect(await connect(stage, 'shop', '?number=34600111222')).toMatchObject({ body: { status: 'pairing_code' } })
    expect(stage.opened).toHaveLength(2)
    expect(() => stage.network.person('1').scan(String(answers[0]?.body.qrCode))).toThrow()
    expect(await connect(stage, 'shop')).toMatchObject({ body: { status: 'qr' } })
  })

  it('history: 1 to 365 days, handed to the engine; otherwise as the settings say', async () => {
    const stage = await open()
    await stage.create('shop')
    for (const history of ['0', '366', '-1', '1.5', 'many', '']) {
      expect(await connect(stage, 'shop', `?history=${history}`)).toEqual({ status: 400, body: error('Invalid history value') })
    }
    await connect(stage, 'shop')
    expect(stage.opened.at(-1)?.historyDays).toBeNull()
    await connect(stage, 'shop', '?history=365')
    expect(stage.opened.at(-1)?.historyDays).toBe(365)
    await stage.create('curious', { disableHistorySync: false })
    await connect(stage, 'curious')
    expect(stage.opened.at(-1)?.historyDays).toBe(30)
  })

  it.each(['12', 'abc', '0034', '1234567890123456'])('refuses %s as a phone number', async (number) => {
    const stage = await open()
    await stage.create('shop')
    expect(await connect(stage, 'shop', `?number=${number}`)).toEqual({ status: 400, body: error('Invalid phone number') })
  })

  it('a WhatsApp that cannot be reached: failed, disconnected', async () => {
    const stage = await open()
    const { id } = await stage.create('shop')
    stage.network.refuse = 'lost'
    expect(await connect(stage, 'shop')).toEqual({ status: 500, body: error('Failed to connect: lost') })
    expect(await stage.listed('shop')).toMatchObject({ status: 'disconnected' })
    expect(await statesOf(stage, id)).toEqual(['connect_failure'])
    expect((await stage.db.read.selectFrom('instances').select('wanted').executeTakeFirstOrThrow()).wanted).toBe(0)
    stage.network.refuse = null
    expect((await connect(stage, 'shop')).status).toBe(200)
  })

  it('a WhatsApp that says nothing: timed out, disconnected', async () => {
    const stage = await open({ limits: { firstCodeMs: 60 }, engine: mute })
    await stage.create('shop')
    const answers = await Promise.all([connect(stage, 'shop'), connect(stage, 'shop')])
    for (const answer of answers) {
      expect(answer).toEqual({ status: 500, body: error('Failed to connect: timed out waiting for WhatsApp') })
    }
    expect(await stage.listed('shop')).toMatchObject({ status: 'disconnected' })
  })

  it('a pairing code that WhatsApp refuses', async () => {
    const stage = await open({
      engine: (session) => but(session, { requestPairingCode: () => Promise.reject(new Error('rate-overlimit')) }),
    })
    await stage.create('shop')
    expect(await connect(stage, 'shop', '?number=34600111222')).toEqual({ status: 500, body: error('Failed to connect: rate-overlimit') })
    await stage.until('shop', 'disconnected')
  })

  it('a code that nobody uses: closed, and the next connect works', async () => {
    const stage = await open({ limits: { codeMs: 1_500 } })
    const { id } = await stage.create('shop')
    await connect(stage, 'shop')
    await stage.until('shop', 'closed')
    expect(await statesOf(stage, id)).toEqual(['qr_ready', 'disconnected'])
    expect(await connect(stage, 'shop')).toMatchObject({ body: { status: 'qr' } })
  })

  it('reconnect: with the saved session only', async () => {
    const stage = await open()
    const noSession = { status: 400, body: error('Instance has no saved session — call /connect first') }
    await stage.create('shop')
    expect(await stage.api.post('/api/instance/reconnect/shop')).toEqual(noSession)
    const { body } = await connect(stage, 'shop')
    expect(await stage.api.post('/api/instance/reconnect/shop', { ignored: true })).toEqual(noSession)
    stage.network.person('34600111222').scan(String(body.qrCode))
    await stage.until('shop', 'connected')
    expect(await stage.api.post('/api/instance/reconnect/shop')).toEqual({
      status: 200,
      body: { success: true, message: 'Reconnect initiated', status: 'connecting' },
    })
    await stage.until('shop', 'connected')
    const { id } = stage.opened[0] === undefined ? { id: '' } : { id: stage.opened[0].instanceId }
    expect(await statesOf(stage, id)).toEqual(['qr_ready', 'pair_success', 'connected', 'manual_reconnect', 'connected'])
  })

  it('logout: the device is gone, the session forgotten, the instance stays; idempotent', async () => {
    const stage = await open()
    const goodbye = { status: 200, body: { success: true, message: 'Instance logged out', instance: { status: 'loggedout' } } }
    const { id, phone } = await stage.link('shop', '34600111222')
    expect(await stage.api.delete('/api/instance/logout/shop')).toEqual(goodbye)
    expect(phone.devices.size).toBe(0)
    expect(await stage.listed('shop')).toMatchObject({ status: 'loggedout' })
    expect(await stage.api.delete('/api/instance/logout/shop')).toEqual(goodbye)
    expect((await statesOf(stage, id)).filter((state) => state === 'logged_out')).toHaveLength(1)
    expect((await stage.api.post('/api/instance/reconnect/shop')).status).toBe(400)
    expect(await stage.db.read.selectFrom('session_credentials').selectAll().execute()).toEqual([])
    expect(() => stage.instances.session(id)).toThrow('Instance is not connected to WhatsApp')
    const again = await connect(stage, 'shop')
    stage.network.person('34600111333').scan(String(again.body.qrCode))
    await stage.until('shop', 'connected')
    expect(await stage.listed('shop')).toMatchObject({ numberJid: '34600111333@s.whatsapp.net' })
  })

  it('logout of one that never connected, and of one that waits for its QR', async () => {
    const stage = await open()
    await stage.create('never')
    expect((await stage.api.delete('/api/instance/logout/never')).status).toBe(200)
    await stage.create('waits')
    const { body } = await connect(stage, 'waits')
    expect((await stage.api.delete('/api/instance/logout/waits')).status).toBe(200)
    expect(() => stage.network.person('1').scan(String(body.qrCode))).toThrow()
    expect(await stage.listed('waits')).toMatchObject({ status: 'loggedout' })
  })

  it('logout that WhatsApp does not confirm: an error, the session is kept and comes back', async () => {
    let deaf = true
    const stage = await open({
      engine: (session) => but(session, { logout: () => (deaf ? new Promise(() => {}) : session.logout()) }),
    })
    const { phone } = await stage.link('shop', '34600111222')
    expect(await stage.api.delete('/api/instance/logout/shop')).toEqual({ status: 500, body: error('Failed to logout instance') })
    await stage.until('shop', 'connected')
    deaf = false
    expect((await stage.api.delete('/api/instance/logout/shop')).status).toBe(200)
    expect(phone.devices.size).toBe(0)
  })

  it('logout while the connection is lost: it is made once more, to log out', async () => {
    const stage = await open({ limits: { retryFirstMs: 60_000, retryMaxMs: 60_000 } })
    const { phone } = await stage.link('shop', '34600111222')
    stage.network.drop()
    await stage.until('shop', 'disconnected')
    expect((await stage.api.delete('/api/instance/logout/shop')).status).toBe(200)
    expect(phone.devices.size).toBe(0)
  })

  it('logout while connecting', async () => {
    const stage = await open()
    const { phone } = await stage.link('shop', '34600111222')
    const [reconnected, loggedOut] = await Promise.all([
      stage.api.post('/api/instance/reconnect/shop'),
      stage.api.delete('/api/instance/logout/shop'),
    ])
    expect([reconnected.status, loggedOut.status]).toEqual([200, 200])
    expect(await stage.listed('shop')).toMatchObject({ status: 'loggedout' })
    expect(phone.devices.size).toBe(0)
  })

  it('logout answers a connect that waits', async () => {
    const stage = await open({ engine: mute })
    await stage.create('shop')
    const waits = connect(stage, 'shop')
    await stage.until('shop', 'connecting')
    await stage.api.delete('/api/instance/logout/shop')
    expect(await waits).toEqual({ status: 500, body: error('Failed to connect: the instance was logged out') })
  })

  it('unlinked on the phone: logged out, nothing is kept, connect shows a QR again', async () => {
    const stage = await open()
    const { id, phone } = await stage.link('shop', '34600111222')
    phone.unlink()
    await stage.until('shop', 'loggedout')
    await vi.waitFor(async () => expect(await stage.db.read.selectFrom('session_credentials').selectAll().execute()).toEqual([]), waiting)
    expect((await statesOf(stage, id)).at(-1)).toBe('logged_out')
    expect(await connect(stage, 'shop')).toMatchObject({ body: { status: 'qr' } })
  })

  it('unlinked while it was away: connect goes on to a QR by itself', async () => {
    const stage = await open({ limits: { retryFirstMs: 60_000, retryMaxMs: 60_000 } })
    const { phone } = await stage.link('shop', '34600111222')
    stage.network.drop()
    await stage.until('shop', 'disconnected')
    phone.unlink()
    expect(await connect(stage, 'shop')).toMatchObject({ status: 200, body: { status: 'qr' } })
  })

  it('connect with a saved session needs no code', async () => {
    const stage = await open()
    await stage.link('shop', '34600111222')
    stage.network.drop('replaced')
    await stage.until('shop', 'disconnected')
    expect(await connect(stage, 'shop')).toEqual({
      status: 200,
      body: { success: true, message: 'Instance connected', status: 'connected' },
    })
  })

  it.each<[CloseReason, string, string]>([
    ['replaced', 'disconnected', 'stream_replaced'],
    ['outdated', 'disconnected', 'client_outdated'],
    ['banned', 'banned', 'temp_banned'],
  ])('%s: %s, told as %s, not tried again', async (reason, status, state) => {
    const stage = await open()
    const { id } = await stage.link('shop', '34600111222')
    const sessions = stage.opened.length
    stage.network.drop(reason)
    await stage.until('shop', status)
    expect((await stage.states(id)).at(-1)).toMatchObject({ state, reason })
    const next = await stage.restart()
    next.instances.start()
    expect(await next.listed('shop')).toMatchObject({ status })
    expect(next.opened).toHaveLength(0)
    expect(stage.opened).toHaveLength(sessions)
  })

  it.each<CloseReason>(['lost', 'restart', 'storage', 'bad-session'])('%s: told, and back by itself', async (reason) => {
    const stage = await open()
    const { id } = await stage.link('shop', '34600111222')
    stage.network.drop(reason)
    await vi.waitFor(
      async () => expect(await statesOf(stage, id)).toEqual(['qr_ready', 'pair_success', 'connected', 'disconnected', 'connected']),
      waiting,
    )
    expect((await stage.states(id)).at(-2)).toMatchObject({ reason })
    expect(await stage.listed('shop')).toMatchObject({ status: 'connected' })
  })

  it('a long outage: tried again and again, told once', async () => {
    const stage = await open()
    const { id } = await stage.link('shop', '34600111222')
    stage.network.refuse = 'lost'
    stage.network.drop()
    await vi.waitFor(() => expect(stage.opened.length).toBeGreaterThan(6), waiting)
    stage.network.refuse = null
    await stage.until('shop', 'connected')
    expect(await statesOf(stage, id)).toEqual(['qr_ready', 'pair_success', 'connected', 'disconnected', 'connected'])
  })

  it('a configuration that cannot be read: told, and the instance comes back when it can', async () => {
    const stage = await open()
    const { id } = await stage.link('shop', '34600111222')
    await stage.db.write((tx) =>
      tx
        .insertInto('instance_configurations')
        .values({ instance_id: id, kind: 'proxy', value: Buffer.from('damaged') })
        .execute(),
    )
    expect(await stage.api.post('/api/instance/reconnect/shop')).toEqual({
      status: 500,
      body: error('Failed to reconnect: internal error'),
    })
    expect(await stage.listed('shop')).toMatchObject({ status: 'disconnected' })
    await stage.db.write((tx) => tx.deleteFrom('instance_configurations').where('instance_id', '=', id).execute())
    await stage.until('shop', 'connected')
  })

  it('a pairing that is used at the very moment its time is up is not thrown away', async () => {
    const stage = await open({ limits: { codeMs: 2_000 } })
    const { id } = await stage.create('shop')
    const phone = stage.network.person('34600111222')
    const answer = await connect(stage, 'shop')
    // The listener keeps the session's events waiting until the time is up.
    stage.instances.listen(async (_, event) => {
      if (event.type === 'qr') await stage.until('shop', 'closed')
    })
    expect(answer.body.status).toBe('qr')
    await stage.until('shop', 'closed')
    const again = await connect(stage, 'shop')
    phone.scan(String(again.body.qrCode))
    await vi.waitFor(async () => expect(await connect(stage, 'shop')).toMatchObject({ body: { status: 'connected' } }), waiting)
    expect(stage.instances.self(id).jid).toBe(phone.address.jid)
  })
})
