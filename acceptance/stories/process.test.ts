import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { type Gateway, type GatewayOptions, startGateway } from '../toolkit/gateway.ts'
import { startProgram } from '../toolkit/program.ts'
import { startReceiver } from '../toolkit/receiver.ts'
import { onStage } from '../toolkit/stage.ts'

const cleanUps: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

const gateway = async (options?: GatewayOptions): Promise<Gateway> => {
  const started = await startGateway(options)
  cleanUps.push(() => started.dispose())
  return started
}

/** Runs `node gateway/start.js` and gives what came of it when it ends by itself. */
const attempt = async (env: Record<string, string>) => {
  const folder = await mkdtemp(join(tmpdir(), 'ryzeapi-'))
  cleanUps.push(() => rm(folder, { recursive: true, force: true }))
  const program = startProgram(['gateway/start.js'], { HOST: '127.0.0.1', PORT: '0', DATA_DIR: folder, ...env })
  cleanUps.push(async () => program.kill('SIGKILL'))
  const exit = await program.exited
  return { ...exit, output: program.output() }
}

describe('Starting', () => {
  it.each([
    ['PORT', '70000'],
    ['DATABASE_URL', 'mysql://root:hunter22@db/x'],
    ['LOG_LEVEL', 'loud'],
    ['ACCOUNT_TOKEN', 'short'],
    ['WHATSAPP_NETWORK', 'not a url'],
  ])('%s=%s: names the setting and what is allowed, exit code 78', async (name, value) => {
    const { code, output } = await attempt({ [name]: value })
    expect(code).toBe(78)
    expect(output).toContain(name)
    expect(output).toContain('allowed')
    expect(output).not.toContain('hunter22')
    expect(output.trim().split('\n')).toHaveLength(1)
  })

  it('all wrong settings are named at once', async () => {
    const { code, output } = await attempt({ PORT: 'x', LOG_LEVEL: 'y' })
    expect(code).toBe(78)
    expect(output).toContain('PORT')
    expect(output).toContain('LOG_LEVEL')
  })

  it('on a port that is taken: says so', async () => {
    const receiver = await startReceiver()
    cleanUps.push(() => receiver.close())
    const { code, output } = await attempt({ PORT: new URL(receiver.url).port })
    expect(code).not.toBe(0)
    expect(output).toMatch(/port/i)
    expect(output).toContain(new URL(receiver.url).port)
    expect(output).not.toMatch(/^\s+at /m)
  })

  it('on a data folder in use: refused, and the first goes on', async () => {
    const first = await gateway()
    const { code, output } = await attempt({ DATA_DIR: first.dataDir })
    expect(code).not.toBe(0)
    expect(output).toContain(first.dataDir)
    expect(output).not.toMatch(/^\s+at /m)
    expect((await first.api().get('/health')).status).toBe(200)
  })

  it('for the first time without ACCOUNT_TOKEN: prints the new token once', async () => {
    const started = await gateway({ env: { ACCOUNT_TOKEN: '' } })
    const token = /ryz_a_[\w-]{20,}/.exec(started.output())?.[0]
    expect(token).toBeDefined()
    expect((await started.api(token).get('/api/instance/list')).status).toBe(200)
    await started.restart()
    expect(started.output()).not.toContain('ryz_a_')
    expect((await started.api(token).get('/api/instance/list')).status).toBe(200)
  })

  it('with another ENCRYPTION_KEY on sealed data: refused', async () => {
    const started = await gateway({ env: { ENCRYPTION_KEY: 'the first key of this gateway 01'.replaceAll(' ', '-') } })
    await started.stop()
    const { code, output } = await attempt({ DATA_DIR: started.dataDir, ENCRYPTION_KEY: 'a-second-key-of-this-gateway-002' })
    expect(code).not.toBe(0)
    expect(output).toMatch(/key/i)
    expect(output).not.toContain('a-second-key')
  })
})

onStage('Stopping', (stage) => {
  it('SIGTERM: exit code 0 within ten seconds, and the device stays linked', async () => {
    const line = await stage.line('sleeps')
    const began = Date.now()
    expect(await stage.gateway.stop()).toEqual({ code: 0, signal: null })
    expect(Date.now() - began).toBeLessThan(10_000)
    expect(await line.phone.devices()).toMatchObject([{ connected: false }])
    await stage.gateway.restart()
    await line.waitFor('connected')
  })

  it('SIGTERM: a running request is answered first', async () => {
    const friend = await stage.phone()
    const line = await stage.line('finishes')
    const answer = line.text(friend.number, 'Almost', { delay: 2 })
    // The typing state shows that the request is being served.
    await expect.poll(async () => (await stage.simulator.traffic({ phone: line.phone.number, tag: 'chatstate' })).length).toBeGreaterThan(0)
    const exit = stage.gateway.stop()
    expect(await answer).toMatchObject({ status: 200 })
    expect(await exit).toEqual({ code: 0, signal: null })
    await friend.next({ text: 'Almost' })
    await stage.gateway.restart()
  })

  it('a second signal ends it at once', async () => {
    const friend = await stage.phone()
    const line = await stage.line('impatient')
    const answer = line.text(friend.number, 'Slow', { delay: 8 }).catch(() => null)
    await expect.poll(async () => (await stage.simulator.traffic({ phone: line.phone.number, tag: 'chatstate' })).length).toBeGreaterThan(0)
    stage.gateway.signal('SIGTERM')
    await expect
      .poll(() =>
        stage.gateway
          .api()
          .get('/health')
          .then(
            () => 'up',
            () => 'down',
          ),
      )
      .toBe('down')
    stage.gateway.signal('SIGTERM')
    // An orderly stop would have ended with 0, once the request had been given up.
    expect(await stage.gateway.exited()).toEqual({ code: 128 + 15, signal: null })
    await answer
    await stage.gateway.restart()
  })
})

describe('Faults', () => {
  /** A gateway that fails on request, as a library inside it might. */
  const faulty = (fault: string) =>
    gateway({ nodeArguments: ['--import', `data:text/javascript,process.on('SIGUSR2', () => { ${encodeURIComponent(fault)} })`] })

  it('a promise that is dropped somewhere is logged, and the gateway goes on', async () => {
    const started = await faulty("Promise.reject(new Error('dropped on purpose'))")
    started.signal('SIGUSR2')
    await expect.poll(() => started.output()).toContain('dropped on purpose')
    expect(started.output()).toContain('unhandledRejection')
    expect((await started.api().get('/health')).status).toBe(200)
    expect(await started.stop()).toEqual({ code: 0, signal: null })
  })

  it('an exception nobody caught ends it, logged and with an exit code', async () => {
    const started = await faulty("throw new Error('thrown on purpose')")
    started.signal('SIGUSR2')
    expect(await started.exited()).toEqual({ code: 1, signal: null })
    expect(started.output()).toMatch(/"uncaughtException"/)
    expect(started.output()).toContain('thrown on purpose')
  })
})

describe('Watching', () => {
  it('/health needs no token and says what it checked', async () => {
    const started = await gateway()
    const { status, body } = await started.api().get('/health')
    expect(status).toBe(200)
    expect(body).toMatchObject({ status: 'ok', service: 'RyzeAPI', checks: { db: 'ok' } })
    expect(body).toMatchObject({ uptime: expect.stringMatching(/^(\d+h)?(\d+m)?[\d.]+(s|ms|µs)$/), timestamp: expect.stringMatching(/Z$/) })
  })

  it('/metrics, /openapi.json and /docs answer', async () => {
    const started = await gateway()
    expect(await (await fetch(`${started.url}/metrics`)).text()).toContain('# HELP')
    expect((await started.api().get('/openapi.json')).body).toMatchObject({ openapi: expect.stringMatching(/^3\.1/) })
    expect((await fetch(`${started.url}/docs`)).headers.get('content-type')).toContain('text/html')
  })

  it('nothing secret reaches the log', async () => {
    const traced = await gateway({ env: { LOG_LEVEL: 'trace' } })
    const api = traced.api('ryz_a_acceptance-account-token-0000000001')
    await api.post('/api/instance/new', {
      name: 'quiet',
      token: 'instance-token-of-quiet-01',
      proxyEnabled: true,
      proxyHost: 'h',
      proxyPort: '1',
      proxyProtocol: 'http',
      proxyUsername: 'u',
      proxyPassword: 'proxy-password-77',
    })
    await api.get('/api/instance/list')
    await traced.stop()
    for (const secret of [
      'ryz_a_acceptance-account-token-0000000001',
      'instance-token-of-quiet-01',
      'proxy-password-77',
      'acceptance-admin-token-0000000001',
    ])
      expect(traced.output()).not.toContain(secret)
  })
})
