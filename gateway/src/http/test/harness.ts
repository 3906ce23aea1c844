/** A server over two accounts and three instances held in memory. */
import { z } from 'zod'
import type { Account } from '../../accounts/account.ts'
import type { Instance } from '../../instances/instance.ts'
import { tokenHash } from '../../runtime/ids.ts'
import { createLogger } from '../../runtime/logging.ts'
import { readSettings, type Settings } from '../../settings.ts'
import { instanceOperation, type Operation, operation } from '../operation.ts'
import { createHttpServer, type HttpServer, type HttpServerOptions } from '../server.ts'

export const tokens = {
  ada: 'token-of-account-ada',
  bob: 'token-of-account-bob',
  suspended: 'token-of-account-suspended',
  shop: 'token-of-instance-shop',
  desk: 'token-of-instance-desk',
  foreign: 'token-of-instance-foreign',
  asleep: 'token-of-instance-asleep',
  admin: 'token-of-the-administrator',
}

const account = (name: string, more: Partial<Account> = {}): Account => ({
  id: `account-${name}`,
  name,
  instanceQuota: null,
  requestsPerMinute: 100,
  createsPerMinute: 20,
  allowedOrigins: [],
  suspended: false,
  createdAt: 0,
  ...more,
})

const instance = (name: string, owner: string): Instance => ({
  id: `instance-${name}`,
  accountId: `account-${owner}`,
  name,
  state: 'disconnected',
  numberJid: null,
  lid: null,
  createdAt: 0,
  updatedAt: 0,
})

export interface World {
  accounts: Account[]
  instances: Instance[]
  tokenOf: Record<string, string>
  lookUps: number
}

/** `ada` owns `shop` and `desk`, `bob` owns `foreign`, `suspended` owns `asleep`. */
export const createWorld = (): World => ({
  accounts: [
    account('ada', { allowedOrigins: ['https://ada.example'] }),
    account('bob', { allowedOrigins: ['https://bob.example'] }),
    account('suspended', { suspended: true }),
  ],
  instances: [instance('shop', 'ada'), instance('desk', 'ada'), instance('foreign', 'bob'), instance('asleep', 'suspended')],
  tokenOf: tokens,
  lookUps: 0,
})

const nameOfToken = (world: World, hash: string) => Object.entries(world.tokenOf).find(([, token]) => tokenHash(token) === hash)?.[0]

export interface Harness {
  server: HttpServer
  world: World
  at: { now: number }
  call(
    method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'HEAD' | 'OPTIONS',
    url: string,
    request?: { token?: string; headers?: Record<string, string>; body?: unknown; raw?: string },
  ): Promise<{ status: number; body: unknown; text: string; headers: Record<string, unknown> }>
}

export const openHarness = async (
  options: Omit<Partial<HttpServerOptions>, 'settings'> & { settings?: Partial<Settings>; world?: World } = {},
): Promise<Harness> => {
  const { settings, world = createWorld(), ...more } = options
  const at = { now: Date.UTC(2026, 0, 1, 10, 0, 30) }
  const byId = async (id: string) => world.accounts.find((candidate) => candidate.id === id) ?? null
  const server = await createHttpServer({
    operations: sampleOperations,
    accounts: {
      remembered: () => undefined,
      byTokenHash: async (hash) => {
        world.lookUps++
        const name = nameOfToken(world, hash)
        return world.accounts.find((candidate) => candidate.name === name) ?? null
      },
      byId,
      anyAllowsOrigin: (origin) => world.accounts.some(({ allowedOrigins }) => allowedOrigins.includes(origin)),
    },
    instances: {
      byTokenHash: async (hash) => world.instances.find((candidate) => candidate.name === nameOfToken(world, hash)) ?? null,
      byName: async (accountId, name) =>
        world.instances.find((candidate) => candidate.accountId === accountId && candidate.name === name) ?? null,
    },
    clock: { now: () => at.now },
    logger: createLogger('silent'),
    ...more,
    settings: { ...readSettings({ ADMIN_TOKEN: tokens.admin }), ...settings },
  })
  return {
    server,
    world,
    at,
    call: async (method, url, { token, headers = {}, body, raw } = {}) => {
      const response = await server.inject({
        method,
        url,
        headers: {
          ...(token !== undefined && { token }),
          ...(body !== undefined && { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(raw !== undefined && { payload: raw }),
        ...(body !== undefined && { payload: JSON.stringify(body) }),
      })
      return { status: response.statusCode, body: jsonOf(response.body), text: response.body, headers: response.headers }
    },
  }
}

const jsonOf = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

export const refused = (message: string) => ({ success: false, error: { message } })

const seen = z.object({ account: z.string(), instance: z.string().nullable(), by: z.string() })

/** One operation per rule; each answers with the scope it was given. */
export const sampleOperations: readonly Operation[] = [
  instanceOperation({
    id: 'sample.read',
    method: 'GET',
    path: '/api/sample/read/:instance',
    token: 'any',
    rateLimit: 'global',
    tag: 'Sample',
    summary: 'Reads',
    answers: { 200: seen },
    errors: [],
    handle: async ({ scope }) => ({ status: 200, body: { account: scope.account.name, instance: scope.instance.name, by: scope.by } }),
  }),
  instanceOperation({
    id: 'sample.remove',
    method: 'DELETE',
    path: '/api/sample/remove/:instance',
    token: 'account',
    rateLimit: 'global',
    tag: 'Sample',
    summary: 'Removes',
    answers: { 200: seen },
    errors: [],
    handle: async ({ scope }) => ({ status: 200, body: { account: scope.account.name, instance: scope.instance.name, by: scope.by } }),
  }),
  operation({
    id: 'sample.list',
    method: 'GET',
    path: '/api/sample/list',
    token: 'any',
    rateLimit: 'global',
    tag: 'Sample',
    summary: 'Lists',
    answers: { 200: seen },
    errors: [],
    handle: async ({ scope }) => ({
      status: 200,
      body: { account: scope.account.name, instance: scope.instance?.name ?? null, by: scope.by },
    }),
  }),
  operation({
    id: 'sample.new',
    method: 'POST',
    once: false,
    path: '/api/sample/new',
    token: 'account',
    rateLimit: 'create',
    tag: 'Sample',
    summary: 'Creates',
    answers: { 201: seen },
    errors: [],
    handle: async ({ scope }) => ({ status: 201, body: { account: scope.account.name, instance: null, by: scope.by } }),
  }),
]
