/**
 * Nobody acts on what is somebody else's: every operation the gateway describes × every kind of wrong caller, answered as decisions §1
 * says and without a trace in the database. What the rule of an operation is follows from its path alone, so that one declared too
 * openly fails here.
 */
import { beforeAll, describe, expect, it } from 'vitest'
import { bothDatabases, openStoredData } from '../toolkit/databases.ts'
import { eventually } from '../toolkit/eventually.ts'
import { adminToken, createAccount, type Gateway, startGateway } from '../toolkit/gateway.ts'
import { at, list, text } from '../toolkit/json.ts'
import { createInstance, type Line } from '../toolkit/line.ts'
import { type DescribedOperation, describedOperations } from '../toolkit/operations.ts'
import { contentOf, type StoredContent } from '../toolkit/snapshot.ts'
import { openSocket, type Socket } from '../toolkit/socket.ts'
import { onStage } from '../toolkit/stage.ts'

type Rule = 'none' | 'admin' | 'account' | 'any'

const accountOnly = ['POST /api/instance/new', 'DELETE /api/instance/delete/:instance']

const ruleOf = ({ method, path }: DescribedOperation): Rule => {
  if (path === '/health') return 'none'
  if (path.startsWith('/admin/')) return 'admin'
  return accountOnly.includes(`${method} ${path}`) ? 'account' : 'any'
}

type Caller = 'nobody' | 'unknown' | 'suspended' | 'foreign instance' | 'foreign account'

/** Null: the caller is at home on this route, in a scope of its own. */
const refusal = (operation: DescribedOperation, caller: Caller): [status: number, message: string] | null => {
  const rule = ruleOf(operation)
  if (rule === 'none') return null
  if (caller === 'nobody') {
    if (operation.socket) return [401, 'Missing token in header, Authorization header, or query parameter']
    return [401, rule === 'account' ? 'Invalid token' : 'Missing token in header']
  }
  if (rule === 'admin' || caller === 'unknown') return [401, 'Invalid token']
  if (caller === 'suspended') return [403, 'Account suspended']
  if (caller === 'foreign instance' && rule === 'account') return [401, 'Invalid token']
  if (!operation.path.includes(':instance')) return null
  return caller === 'foreign account' ? [404, 'Instance not found'] : [403, 'Instance token does not match requested instance']
}

onStage(
  'A stranger',
  (stage) => {
    let operations: DescribedOperation[]
    let victim: Line
    let victimAccount: string
    let before: StoredContent
    let neighbour: Socket
    const tokens: Record<string, string> = {}

    const content = async () => {
      const data = await openStoredData(stage.gateway.dataDir, stage.gateway.databaseUrl)
      return contentOf(data).finally(() => data.close())
    }

    beforeAll(async () => {
      operations = await describedOperations(stage.gateway.api())
      const admin = stage.gateway.api(adminToken)
      const idOf = async (name: string) => {
        const { body } = await admin.get('/admin/accounts')
        return text(list(body, 'accounts').find((account) => at(account, 'name') === name) ?? null, 'id')
      }
      const receiver = await stage.receiver()
      victim = await stage.line('victim', { websocketEnabled: true, webhookEnabled: true, webhookURL: receiver.url, ignoreStatus: true })
      victimAccount = await idOf('stories')

      tokens.sister = await createInstance(stage.account, 'sister')
      tokens.deletedInstance = await createInstance(stage.account, 'deleted')
      await stage.account.delete('/api/instance/delete/deleted')
      tokens.otherAccount = await createAccount(stage.gateway, 'other')
      tokens.othersInstance = await createInstance(stage.gateway.api(tokens.otherAccount), 'theirs', { websocketEnabled: true })
      neighbour = await openSocket(stage.gateway.url, 'theirs', tokens.othersInstance)
      tokens.rotated = await createAccount(stage.gateway, 'rotated')
      await admin.post(`/admin/accounts/${await idOf('rotated')}/token`)
      tokens.suspended = await createAccount(stage.gateway, 'suspended')
      tokens.suspendedInstance = await createInstance(stage.gateway.api(tokens.suspended), 'asleep')
      await admin.patch(`/admin/accounts/${await idOf('suspended')}`, { suspended: true })
      tokens.deletedAccount = await createAccount(stage.gateway, 'gone')
      tokens.deletedAccountsInstance = await createInstance(stage.gateway.api(tokens.deletedAccount), 'gone')
      await admin.delete(`/admin/accounts/${await idOf('gone')}`)

      const friend = await stage.phone()
      await friend.send(victim.phone.number, 'for the eyes of the victim only')
      await receiver.next({ event: 'message.exchange', data: { message: { content: 'for the eyes of the victim only' } } })
      await eventually('the database to be quiet', async () => {
        const earlier = before
        before = await content()
        return before.deliveries?.length === 0 && JSON.stringify(earlier) === JSON.stringify(before)
      })
    })

    const pathOf = ({ path }: DescribedOperation) =>
      path.replace(':instance', 'victim').replace(':account', victimAccount).replace(/:\w+/g, '01ARZ3NDEKTSV4RRFFQ69G5FAV')

    const ask = async (operation: DescribedOperation, token: string | undefined) => {
      const response = await fetch(`${stage.gateway.url}${pathOf(operation)}`, {
        method: operation.method,
        headers: { ...(token === undefined ? {} : { token }), ...(operation.body === null ? {} : { 'content-type': 'application/json' }) },
        ...(operation.body === null ? {} : { body: '{}' }),
      })
      return { status: response.status, body: await response.text() }
    }

    /** What the operations answered to this caller where it is not what they should. */
    const mistakes = async (caller: Caller, token: string | undefined): Promise<unknown[]> => {
      const found: unknown[] = []
      const waiting = operations.filter((operation) => ruleOf(operation) !== 'none')
      const worker = async () => {
        for (let operation = waiting.pop(); operation !== undefined; operation = waiting.pop()) {
          const expected = refusal(operation, caller)
          const got = await ask(operation, token)
          const right =
            expected === null
              ? got.status !== 500 && !got.body.includes('victim') && !got.body.includes(victim.token)
              : got.status === expected[0] && got.body === JSON.stringify({ success: false, error: { message: expected[1] } })
          if (!right) found.push({ operation: operation.id, expected, got })
        }
      }
      await Promise.all(Array.from({ length: 8 }, worker))
      return found
    }

    it('finds no door but /health open', () => {
      expect(operations.length).toBeGreaterThan(100)
      expect(operations.filter(({ path }) => !/^\/(api|admin|ws|mcp)(\/|$)/.test(path)).map(({ path }) => path)).toEqual(['/health'])
    })

    it.each<[who: string, caller: Caller, token: string | null]>([
      ['nobody', 'nobody', null],
      ['somebody with an invented token', 'unknown', 'nobody-knows-this-token'],
      ['somebody with a hash in place of a token', 'unknown', 'a'.repeat(64)],
      ['an account whose token was replaced', 'unknown', 'rotated'],
      ['a deleted account', 'unknown', 'deletedAccount'],
      ['an instance of a deleted account', 'unknown', 'deletedAccountsInstance'],
      ['a deleted instance', 'unknown', 'deletedInstance'],
      ['a suspended account', 'suspended', 'suspended'],
      ['an instance of a suspended account', 'suspended', 'suspendedInstance'],
      ['another instance of the same account', 'foreign instance', 'sister'],
      ['an instance of another account', 'foreign instance', 'othersInstance'],
      ['another account', 'foreign account', 'otherAccount'],
    ])('%s is refused on every route', async (_who, caller, token) => {
      expect(await mistakes(caller, token === null ? undefined : (tokens[token] ?? token))).toEqual([])
    })

    it('is refused before the upgrade, whichever way the token comes', async () => {
      const sockets = operations.filter(({ socket }) => socket)
      expect(sockets.length).toBeGreaterThan(0)
      for (const operation of sockets) {
        for (const [caller, token] of [
          ['unknown', tokens.deletedInstance],
          ['foreign instance', tokens.sister],
          ['foreign account', tokens.otherAccount],
          ['suspended', tokens.suspended],
        ] as const) {
          const [status, message] = refusal(operation, caller) ?? []
          const refused = { status, body: { success: false, error: { message } } }
          expect(await openSocket(stage.gateway.url, 'victim', token).catch((error: unknown) => error)).toMatchObject(refused)
          const inQuery = await stage.gateway.api().get(`${pathOf(operation)}?token=${token}`)
          expect(inQuery).toMatchObject(refused)
        }
      }
    })

    it('changed nothing and saw nothing', async () => {
      expect(await content()).toEqual(before)
      expect(neighbour.events().filter((event) => at(event, 'instanceData.instance') !== 'theirs')).toEqual([])
      expect((await victim.listed()) as object).toMatchObject({ status: 'connected', connection: { state: 'connected' } })
      neighbour.close()
    })
  },
  { databases: bothDatabases },
)

describe('The rate limit', () => {
  let gateway: Gateway
  beforeAll(async () => {
    gateway = await startGateway({ env: { UNKNOWN_TOKENS_PER_MINUTE: '40' } })
    return () => gateway.dispose()
  })

  const account = async (limits: { requestsPerMinute: number; createsPerMinute: number }) =>
    text((await gateway.api(adminToken).post('/admin/accounts', { name: `a${Math.random()}`, ...limits })).body, 'token')

  /** Answers by the window they counted in: a story may begin in one minute and end in the next. */
  const windows = (answers: readonly { status: number; headers: Headers }[]) =>
    [...Map.groupBy(answers, ({ headers }) => headers.get('x-ratelimit-reset')).values()].map((group) => ({
      passed: group.filter(({ status }) => status !== 429),
      limited: group.filter(({ status }) => status === 429),
    }))

  it('lets exactly as many through as it says, however many come at once', async () => {
    const token = await account({ requestsPerMinute: 30, createsPerMinute: 20 })
    const answers = await Promise.all(Array.from({ length: 150 }, () => gateway.api(token).get('/api/instance/list')))
    for (const { passed, limited } of windows(answers)) {
      expect(passed.length).toBeLessThanOrEqual(30)
      if (limited.length > 0) expect(passed).toHaveLength(30)
      const remaining = passed.map(({ headers }) => Number(headers.get('x-ratelimit-remaining'))).toSorted((a, b) => b - a)
      expect(remaining).toEqual(remaining.map((_, index) => 29 - index))
      for (const { headers } of [...passed, ...limited]) {
        expect(headers.get('x-ratelimit-limit')).toBe('30')
        expect(Number(headers.get('x-ratelimit-reset')) % 60).toBe(0)
      }
      for (const { headers } of limited) {
        expect(headers.get('x-ratelimit-remaining')).toBe('0')
        expect(Number(headers.get('retry-after'))).toBeGreaterThanOrEqual(1)
        expect(Number(headers.get('retry-after'))).toBeLessThanOrEqual(60)
      }
    }
  })

  it('counts creations in a bucket of their own and in the general one', async () => {
    const token = await account({ requestsPerMinute: 12, createsPerMinute: 5 })
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) => gateway.api(token).post('/api/instance/new', { name: `made-${index}` })),
    )
    for (const { passed, limited } of windows(answers)) {
      expect(passed.length).toBeLessThanOrEqual(5)
      if (limited.length > 0) expect(passed).toHaveLength(5)
    }
    // Twenty attempts used up the general twelve as well, unless the minute turned.
    const limits = new Set(answers.filter(({ status }) => status === 429).map(({ headers }) => headers.get('x-ratelimit-limit')))
    if (windows(answers).length === 1) expect([...limits].toSorted()).toEqual(['12', '5'])
  })

  it('slows guessing: an address is told nothing more, not even what is right', async () => {
    const right = await account({ requestsPerMinute: 1000, createsPerMinute: 20 })
    const guess = (token: string) => gateway.api(token).get('/api/instance/list')
    const wrong = await Promise.all(Array.from({ length: 60 }, (_, index) => guess(`a-guess-that-is-wrong-${index}`)))
    for (const { passed, limited } of windows(wrong)) {
      expect(passed.length).toBeLessThanOrEqual(40)
      if (limited.length > 0) expect(passed).toHaveLength(40)
      for (const { status } of passed) expect(status).toBe(401)
    }
    const last = await guess(right)
    const sameWindow = wrong.filter(({ headers }) => headers.get('x-ratelimit-reset') === last.headers.get('x-ratelimit-reset'))
    if (sameWindow.some(({ status }) => status === 429)) expect(last.status).toBe(429)
    // The administrator was here before and is let in.
    expect((await gateway.api(adminToken).get('/admin/accounts')).status).toBe(200)
    expect((await gateway.api(adminToken.slice(0, -1)).get('/admin/accounts')).status).toBeGreaterThanOrEqual(401)
  })
})
