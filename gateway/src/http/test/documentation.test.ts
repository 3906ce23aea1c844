import { beforeAll, describe, expect, it } from 'vitest'
import { createLogger } from '../../runtime/logging.ts'
import { documentationPages } from '../documentation.ts'
import { createHealth, goDuration } from '../health.ts'
import { createMetrics } from '../metrics.ts'
import { notBuiltOperations } from '../not-built.ts'
import { openApiDocument } from '../openapi.ts'
import type { Operation, SocketOperation } from '../operation.ts'
import { type Harness, openHarness, refused, sampleOperations, tokens } from './harness.ts'

const socket: SocketOperation = {
  id: 'sample.socket',
  path: '/ws/:instance',
  tag: 'Sample',
  summary: 'Listens',
  errors: [],
  admit: async () => () => {},
}
const operations: readonly Operation[] = [...sampleOperations, ...notBuiltOperations()]
const described = { operations, sockets: [socket], baseUrl: 'http://localhost:3000', version: '1.2.3' }

describe('The OpenAPI document', () => {
  const document = openApiDocument(described) as {
    openapi: string
    paths: Record<
      string,
      Record<string, { operationId: string; parameters: { name: string; in: string }[]; responses: Record<string, unknown> }>
    >
    components: { schemas: Record<string, unknown>; securitySchemes: Record<string, unknown> }
  }
  const entries = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, entry]) => ({ path, method, ...entry })),
  )

  it('holds every operation once, under an id of its own', () => {
    expect(document.openapi).toBe('3.1.0')
    expect(entries.map(({ operationId }) => operationId).toSorted()).toEqual([...operations, socket].map(({ id }) => id).toSorted())
    expect(new Set(entries.map(({ operationId }) => operationId)).size).toBe(entries.length)
  })

  it('declares every parameter of every path', () => {
    for (const { path, parameters } of entries) {
      const declared = parameters.filter((parameter) => parameter.in === 'path').map(({ name }) => name)
      expect(declared).toEqual([...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name))
    }
  })

  it('points nowhere outside itself, and answers of every operation are described', () => {
    for (const [, target] of JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)) {
      expect(document.components.schemas).toHaveProperty(target ?? '')
    }
    for (const { responses } of entries) {
      expect(Object.keys(responses).length).toBeGreaterThan(1)
      for (const [status, response] of Object.entries(responses)) {
        expect(status).toMatch(/^[1-5]\d\d$/)
        expect(response).toHaveProperty('description')
      }
    }
  })

  it('names what a route can answer by its nature', () => {
    const read = document.paths['/api/sample/read/{instance}']?.get
    expect(Object.keys(read?.responses ?? {})).toEqual(['200', '401', '403', '404', '429'])
    const create = document.paths['/api/sample/new']?.post
    expect(JSON.stringify(create?.responses[401])).not.toContain('Missing token')
    expect(document.paths['/ws/{instance}']?.get?.responses).toHaveProperty('101')
  })
})

describe('Pages', () => {
  let harness: Harness
  const metrics = createMetrics({ token: null })
  beforeAll(async () => {
    harness = await openHarness({
      operations,
      sockets: [socket],
      pages: [documentationPages(described), metrics.page],
      onAnswered: metrics.answered,
    })
  })

  it('the document and its reader are served from here', async () => {
    expect((await harness.call('GET', '/openapi.json')).body).toMatchObject({ openapi: '3.1.0', info: { version: '1.2.3' } })
    const page = await harness.call('GET', '/docs')
    expect(page.headers).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': expect.stringContaining("script-src 'self';"),
    })
    expect(page.text).not.toMatch(/https?:/)
    const parts = [...page.text.matchAll(/(?:src|href)="(\/docs\/[^"]+)"/g)].map(([, path]) => path ?? '')
    expect(parts).toHaveLength(4)
    for (const path of parts) {
      const part = await harness.call('GET', path)
      expect(part.status).toBe(200)
      expect(part.headers['content-type']).toMatch(/^(text\/javascript|text\/css|image\/png)/)
    }
    for (const path of ['/docs/package.json', '/docs/..%2findex.js', '/docs/%2e%2e']) {
      expect(await harness.call('GET', path)).toMatchObject({ status: 404, body: refused('Not found') })
    }
  })

  it('the metrics count answers per operation and status class, and nothing per tenant', async () => {
    metrics.gauge('ryzeapi_instances', 'Instances by state', 'state', () => ({ connected: 3 }))
    await harness.call('GET', '/api/sample/read/shop', { token: tokens.ada })
    await harness.call('GET', '/api/sample/read/nowhere', { token: tokens.ada })
    const { text, headers } = await harness.call('GET', '/metrics')
    expect(headers['content-type']).toMatch(/^text\/plain/)
    expect(text).toContain('ryzeapi_http_request_seconds_count{operation="sample.read",status="2xx"} 1')
    expect(text).toContain('ryzeapi_http_request_seconds_count{operation="sample.read",status="4xx"} 1')
    expect(text).toContain('ryzeapi_instances{state="connected"} 3')
    expect(text).toContain('process_resident_memory_bytes')
    expect(text).not.toContain('shop')
  })

  it('the metrics are closed once they have a token', async () => {
    const { call } = await openHarness({ pages: [createMetrics({ token: 'token-for-the-metrics' }).page] })
    expect(await call('GET', '/metrics')).toMatchObject({ status: 401, body: refused('Missing token in header') })
    expect(await call('GET', '/metrics', { token: tokens.ada })).toMatchObject({ status: 401, body: refused('Invalid token') })
    expect((await call('GET', '/metrics', { token: 'token-for-the-metrics' })).status).toBe(200)
    expect((await call('GET', '/metrics', { headers: { authorization: 'Bearer token-for-the-metrics' } })).status).toBe(200)
  })
})

describe('/health', () => {
  const open = async () => {
    const at = { now: Date.UTC(2026, 0, 1) }
    const health = createHealth({ clock: { now: () => at.now }, logger: createLogger('silent'), version: '1.2.3' })
    const { call } = await openHarness({ operations: [health.operation] })
    return { at, health, call }
  }

  it('is open to everybody, knows no limit, no CORS, no envelope', async () => {
    const { at, health, call } = await open()
    health.registerCheck('db', async () => {})
    at.now += (3 * 3600 + 2 * 60 + 1) * 1000
    const answer = await call('GET', '/health', { token: 'whatever', headers: { origin: 'https://ada.example' } })
    expect(answer).toMatchObject({
      status: 200,
      body: {
        status: 'ok',
        service: 'RyzeAPI',
        version: '1.2.3',
        uptime: '3h2m1s',
        timestamp: '2026-01-01T03:02:01.000Z',
        checks: { db: 'ok' },
      },
    })
    expect(Object.keys(answer.headers).filter((name) => /ratelimit|access-control|vary/.test(name))).toEqual([])
  })

  it('is degraded as soon as one check fails, without telling too much', async () => {
    const { health, call } = await open()
    health.registerCheck('db', async () => {
      throw Object.assign(new Error('connect ECONNREFUSED 10.0.0.7:5432'), { code: 'ECONNREFUSED' })
    })
    health.registerCheck('s3', async () => {
      throw new Error('/work/data/secret.key is gone')
    })
    health.registerCheck('engine', async () => {})
    expect(await call('GET', '/health')).toMatchObject({
      status: 503,
      body: { status: 'degraded', checks: { db: 'fail: connection refused', s3: 'fail: unavailable', engine: 'ok' } },
    })
  })

  it('runs its checks once for all who ask at the same time', async () => {
    const { health, call } = await open()
    let runs = 0
    health.registerCheck('db', async () => {
      runs++
      await new Promise((resolve) => setImmediate(resolve))
    })
    await Promise.all(Array.from({ length: 10 }, () => call('GET', '/health')))
    expect(runs).toBeLessThan(10)
  })

  it.each([
    [0, '0s'],
    [999, '0s'],
    [42_000, '42s'],
    [60_000, '1m0s'],
    [3_600_000, '1h0m0s'],
    [30 * 3_600_000 + 61_000, '30h1m1s'],
  ])('%i ms of uptime are %s', (milliseconds, text) => {
    expect(goDuration(milliseconds)).toBe(text)
  })
})
