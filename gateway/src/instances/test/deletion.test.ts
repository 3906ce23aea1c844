/** contract/delete-instance.md, in every state, in races, and over a crash at each step. */
import { sql } from 'kysely'
import { expect, it, vi } from 'vitest'
import { type DeletionStep, deletionSteps } from '../deletion.ts'
import { but, deaf, mute, never } from './sessions.ts'
import { error, onBothDatabases, type Tenant, waiting } from './stage.ts'

const deleted = { status: 200, body: { success: true, message: 'Instance deleted', instance: { status: 'deleted' } } }
const notFound = { status: 404, body: error('Instance not found') }
const invalidToken = { status: 401, body: error('Invalid token') }

const remove = (stage: Tenant, name = 'shop') => stage.api.delete(`/api/instance/delete/${name}`)

/** Rows per table that still hang on the instance. */
const rowsOf = async ({ db }: Tenant, id: string): Promise<Record<string, number>> => {
  const tables = [
    'instance_configurations',
    'session_credentials',
    'signal_records',
    'inbox',
    'identities',
    'contacts',
    'messages',
    'webhooks',
    'events',
    'deliveries',
    'delivery_lanes',
  ] as const
  const counts: Record<string, number> = {}
  for (const table of tables) {
    const { rows } = await sql<{ n: number }>`select count(*) as n from ${sql.table(table)} where instance_id = ${id}`.execute(db.read)
    if (Number(rows[0]?.n) > 0) counts[table] = Number(rows[0]?.n)
  }
  const { rows } = await sql<{ n: number }>`select count(*) as n from instances where id = ${id}`.execute(db.read)
  if (Number(rows[0]?.n) > 0) counts.instances = Number(rows[0]?.n)
  return counts
}

const expectGone = async (stage: Tenant, { id, token }: { id: string; token: string }, name = 'shop') => {
  expect(await rowsOf(stage, id)).toEqual({})
  expect(await stage.call(token, 'GET', '/api/instance/list')).toEqual(invalidToken)
  expect(await stage.api.get(`/api/instance/getSettings/${name}`)).toEqual(notFound)
  expect(await stage.api.get(`/api/instance/list?instanceName=${name}`)).toEqual(notFound)
  expect(await remove(stage, name)).toEqual(notFound)
  await expect(stage.instances.tokenOf(id)).rejects.toThrow('Instance not found')
  expect(stage.instances.byId(id)).toBeNull()
  expect(stage.forgotten).toEqual([id])
}

/** Everything an instance can own. */
const everything = {
  autoReadMessages: true,
  proxyHost: 'h',
  proxyPort: 1,
  proxyProtocol: 'http',
  webhookURL: 'https://app.example.com',
  websocketEnabled: true,
  s3Bucket: 'b',
  s3AccessKey: 'a',
  s3SecretKey: 's',
}

onBothDatabases((open) => {
  it('a connected instance: logged out at WhatsApp, every row gone, the name free', async () => {
    const stage = await open()
    const made = await stage.link('shop', '34600111222', everything)
    const friend = stage.network.person('34600111333')
    friend.send(made.phone, 'hello')
    await vi.waitFor(() => expect(stage.handed.some(({ event }) => event.type === 'message')).toBe(true), waiting)
    expect(Object.keys(await rowsOf(stage, made.id))).toEqual(
      expect.arrayContaining([
        'instances',
        'session_credentials',
        'instance_configurations',
        'identities',
        'inbox',
        'webhooks',
        'events',
        'deliveries',
      ]),
    )
    expect(await remove(stage)).toEqual(deleted)
    expect(made.phone.devices.size).toBe(0)
    await expectGone(stage, made)
    const again = await stage.link('shop', '34600111444')
    expect(again.id).not.toBe(made.id)
    expect(await stage.listed('shop')).toMatchObject({ settings: { autoReadMessages: false }, webhook: { enabled: false } })
  })

  it('one that was never connected', async () => {
    const stage = await open()
    const made = await stage.create('shop', everything)
    expect(await remove(stage)).toEqual(deleted)
    expect(stage.opened).toHaveLength(0)
    await expectGone(stage, made)
  })

  it('one that waits for its QR: the QR is dead', async () => {
    const stage = await open()
    const made = await stage.create('shop')
    const { body } = await stage.api.get('/api/instance/connect/shop')
    expect(await remove(stage)).toEqual(deleted)
    expect(() => stage.network.person('1').scan(String(body.qrCode))).toThrow()
    await expectGone(stage, made)
  })

  it('one that a connect request waits for: the request is told', async () => {
    const stage = await open({ engine: mute })
    const made = await stage.create('shop')
    const waits = stage.api.get('/api/instance/connect/shop')
    await stage.until('shop', 'connecting')
    expect(await remove(stage)).toEqual(deleted)
    expect(await waits).toEqual(notFound)
    await expectGone(stage, made)
  })

  it('one that is just connecting: waited for, then logged out', async () => {
    let release = () => {}
    let hold = false
    const stage = await open({
      engine: (session) =>
        but(session, {
          start() {
            if (hold) release = () => session.start()
            else session.start()
          },
        }),
    })
    const made = await stage.link('shop', '34600111222')
    hold = true
    await stage.api.post('/api/instance/reconnect/shop')
    const removing = remove(stage)
    await vi.waitFor(async () => expect(await stage.api.get('/api/instance/list?instanceName=shop')).toEqual(notFound), waiting)
    release()
    expect(await removing).toEqual(deleted)
    expect(made.phone.devices.size).toBe(0)
    await expectGone(stage, made)
  })

  it('one whose connection is lost: made once more, to log out', async () => {
    const stage = await open({ limits: { retryFirstMs: 60_000, retryMaxMs: 60_000 } })
    const made = await stage.link('shop', '34600111222')
    stage.network.drop()
    await stage.until('shop', 'disconnected')
    expect(await remove(stage)).toEqual(deleted)
    expect(made.phone.devices.size).toBe(0)
    await expectGone(stage, made)
  })

  it('one that another client replaced: that client keeps the device', async () => {
    const stage = await open()
    const made = await stage.link('shop', '34600111222')
    stage.network.drop('replaced')
    await stage.until('shop', 'disconnected')
    const sessions = stage.opened.length
    expect(await remove(stage)).toEqual(deleted)
    expect(stage.opened).toHaveLength(sessions)
    expect(made.phone.devices.size).toBe(1)
    await expectGone(stage, made)
  })

  it('one that is logged out', async () => {
    const stage = await open()
    const made = await stage.link('shop', '34600111222')
    await stage.api.delete('/api/instance/logout/shop')
    expect(await remove(stage)).toEqual(deleted)
    await expectGone(stage, made)
  })

  it('a WhatsApp that does not answer does not hold it up', async () => {
    const stage = await open({ engine: deaf })
    const made = await stage.link('shop', '34600111222')
    expect(await remove(stage)).toEqual(deleted)
    await expectGone(stage, made)
    made.phone.devices.clear()
  })

  it('a WhatsApp that cannot be reached does not hold it up', async () => {
    const stage = await open()
    const made = await stage.link('shop', '34600111222')
    stage.network.refuse = 'lost'
    stage.network.drop()
    expect(await remove(stage)).toEqual(deleted)
    await expectGone(stage, made)
  })

  it('a log-out under way does not hold it up', async () => {
    const stage = await open({ engine: deaf })
    const made = await stage.link('shop', '34600111222')
    const loggingOut = stage.api.delete('/api/instance/logout/shop')
    await vi.waitFor(() => expect(() => stage.instances.session(made.id)).toThrow(), waiting)
    expect(await remove(stage)).toEqual(deleted)
    await expectGone(stage, made)
    expect([404, 500]).toContain((await loggingOut).status)
  })

  it('while messages flow', async () => {
    const stage = await open()
    const made = await stage.link('shop', '34600111222', everything)
    const friend = stage.network.person('34600111333')
    let flowing = true
    const flow = (async () => {
      for (let n = 0; flowing; n++) {
        friend.send(made.phone, `message ${n}`)
        await new Promise((resolve) => setImmediate(resolve))
      }
    })()
    await vi.waitFor(() => expect(stage.handed.filter(({ event }) => event.type === 'message').length).toBeGreaterThan(5), waiting)
    expect(await remove(stage)).toEqual(deleted)
    flowing = false
    await flow
    await expectGone(stage, made)
  })

  it('twice and more at once: nobody is told of a failure', async () => {
    const stage = await open()
    const made = await stage.link('shop', '34600111222')
    const answers = await Promise.all(Array.from({ length: 5 }, () => remove(stage)))
    for (const answer of answers) expect([deleted, notFound]).toContainEqual(answer)
    expect(answers).toContainEqual(deleted)
    await expectGone(stage, made)
  })

  it('against connect, reconnect, logout, settings and create at once: nothing breaks, nothing is left', async () => {
    const stage = await open()
    for (let round = 0; round < 5; round++) {
      const made = await stage.link('shop', `3460011122${round}`)
      const [gone, ...others] = await Promise.all([
        remove(stage),
        stage.api.get('/api/instance/connect/shop?history=3'),
        stage.api.post('/api/instance/reconnect/shop'),
        stage.api.post('/api/instance/settings/shop', { keepOnlineStatus: true }),
        stage.api.delete('/api/instance/logout/shop'),
        stage.api.post('/api/instance/proxy/shop', { host: 'h', port: 1, protocol: 'http' }),
      ])
      expect(gone).toEqual(deleted)
      for (const { status } of others) expect([200, 400, 404, 500, 503]).toContain(status)
      expect(await rowsOf(stage, made.id)).toEqual({})
      expect(made.phone.devices.size).toBe(0)
      expect((await stage.api.post('/api/instance/new', { name: 'shop' })).status).toBe(201)
      expect(await remove(stage)).toEqual(deleted)
    }
  })

  it('the name can be used while the old one is still being logged out', async () => {
    const stage = await open({ engine: deaf, limits: { logoutMs: 1_000 } })
    const made = await stage.link('shop', '34600111222', { token: 'a-token-to-be-used-again' })
    const removing = remove(stage)
    await vi.waitFor(async () => expect(await stage.api.get('/api/instance/list?instanceName=shop')).toEqual(notFound), waiting)
    expect(await stage.call(made.token, 'GET', '/api/instance/list')).toEqual(invalidToken)
    const next = await stage.create('shop', { token: 'a-token-to-be-used-again' })
    expect(await removing).toEqual(deleted)
    expect(await rowsOf(stage, made.id)).toEqual({})
    expect(await stage.listed('shop')).toMatchObject({ id: next.id, status: 'disconnected' })
    expect((await stage.call(next.token, 'GET', '/api/instance/list')).status).toBe(200)
  })

  it('is the account’s alone', async () => {
    const stage = await open()
    const { token } = await stage.create('shop')
    const stranger = await stage.account('stranger')
    expect(await stage.call(token, 'DELETE', '/api/instance/delete/shop')).toEqual(invalidToken)
    expect(await stage.call(undefined, 'DELETE', '/api/instance/delete/shop')).toEqual(invalidToken)
    expect(await stage.call(stranger.token, 'DELETE', '/api/instance/delete/shop')).toEqual(notFound)
    expect(await stage.listed('shop')).toMatchObject({ name: 'shop' })
  })

  it('deleting an account deletes its instances, also those of an interrupted deletion', async () => {
    const stage = await open({ onDeletionStep: (step) => (step === 'marked' && !resumed ? never : undefined) })
    let resumed = false
    const half = await stage.link('half', '34600111222')
    const whole = await stage.link('whole', '34600111333')
    void remove(stage, 'half')
    await vi.waitFor(async () => expect((await stage.api.get('/api/instance/getSettings/half')).status).toBe(404), waiting)
    resumed = true
    const next = await stage.restart({ onDeletionStep: undefined })
    const { id } = (await next.accounts.list({ limit: 10 })).accounts[0] ?? { id: '' }
    await next.accounts.delete(id)
    expect(await rowsOf(next, half.id)).toEqual({})
    expect(await rowsOf(next, whole.id)).toEqual({})
    expect([half.phone.devices.size, whole.phone.devices.size]).toEqual([0, 0])
    expect((await next.api.get('/api/instance/list')).status).toBe(401)
  })

  it.each(deletionSteps)('a crash after "%s" is finished by the next start, and the name is free at once', async (crashAt) => {
    const reached: DeletionStep[] = []
    // A step that never ends is where the world stops.
    const stage = await open({
      onDeletionStep: (step) => {
        reached.push(step)
        return step === crashAt ? never : undefined
      },
    })
    const made = await stage.link('shop', '34600111222', everything)
    void remove(stage)
    await vi.waitFor(() => expect(reached).toContain(crashAt), waiting)
    stage.network.drop()

    const next = await stage.restart({ onDeletionStep: undefined })
    expect(await next.api.get('/api/instance/list?instanceName=shop')).toEqual(notFound)
    expect(await next.call(made.token, 'GET', '/api/instance/list')).toEqual(invalidToken)
    const again = await next.create('shop')
    next.instances.start()
    await vi.waitFor(async () => expect(await rowsOf(next, made.id)).toEqual({}), waiting)
    await vi.waitFor(() => expect(made.phone.devices.size).toBe(0), waiting)
    expect(await next.listed('shop')).toMatchObject({ id: again.id })
  })

  it('a store that fails in the middle: told, finished as soon as it is back', async () => {
    let failures = 2
    const stage = await open({
      onDeletionStep: (step) => {
        if (step === 'logged-out' && failures-- > 0) throw new Error('disk full')
      },
    })
    const made = await stage.link('shop', '34600111222')
    expect(await remove(stage)).toEqual({ status: 500, body: error('Failed to delete instance: the database did not take it') })
    expect(await remove(stage)).toEqual(notFound)
    await vi.waitFor(async () => expect(await rowsOf(stage, made.id)).toEqual({}), waiting)
    expect((await stage.api.post('/api/instance/new', { name: 'shop' })).status).toBe(201)
  })
})
