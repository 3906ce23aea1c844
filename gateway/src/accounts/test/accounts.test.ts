import { expect, it } from 'vitest'
import { forEachDatabase } from '../../../testing/databases.ts'
import { tokenHash } from '../../runtime/ids.ts'
import { readSettings } from '../../settings.ts'
import type { Database } from '../../storage/database.ts'
import { createAccounts } from '../accounts.ts'

const open = (db: Database, environment: Record<string, string> = {}) => {
  let now = Date.UTC(2026, 0, 1)
  return createAccounts({ db, clock: { now: () => now++ }, settings: readSettings(environment) })
}

forEachDatabase((_name, openDatabase) => {
  it('the first start makes the account `default`, whose token is shown once', async () => {
    const { db } = await openDatabase()
    const { newToken } = await open(db).start()
    expect(newToken).toMatch(/^ryz_a_[\w-]{43}$/)
    const again = open(db)
    expect(await again.start()).toEqual({ newToken: null })
    expect(await again.byTokenHash(tokenHash(newToken ?? ''))).toMatchObject({
      name: 'default',
      requestsPerMinute: 100,
      createsPerMinute: 20,
    })
    const stored = JSON.stringify(await db.read.selectFrom('accounts').selectAll().execute())
    expect(stored).not.toContain(newToken ?? expect.fail())
  })

  it('ACCOUNT_TOKEN is its token on first start, and ignored afterwards', async () => {
    const { db } = await openDatabase()
    expect(await open(db, { ACCOUNT_TOKEN: 'the-first-account-token' }).start()).toEqual({ newToken: null })
    const later = open(db, { ACCOUNT_TOKEN: 'another-account-token' })
    await later.start()
    expect(await later.byTokenHash(tokenHash('the-first-account-token'))).toMatchObject({ name: 'default' })
    expect(await later.byTokenHash(tokenHash('another-account-token'))).toBeNull()
  })

  it('a name is taken once, also when two ask at the same time', async () => {
    const { db } = await openDatabase()
    const accounts = open(db)
    const outcomes = await Promise.allSettled([accounts.create({ name: 'shop' }), accounts.create({ name: 'shop' })])
    expect(outcomes.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
    expect(outcomes.find(({ status }) => status === 'rejected')).toMatchObject({
      reason: { status: 409, message: 'Account name already exists' },
    })
  })

  it('what is changed is seen at once, where it was remembered too', async () => {
    const { db } = await openDatabase()
    const accounts = open(db)
    const { account, token } = await accounts.create({ name: 'shop', instanceQuota: 3, allowedOrigins: ['https://a.example'] })
    const hash = tokenHash(token)
    expect(accounts.remembered(hash)).toBeUndefined()
    expect(await accounts.byTokenHash(hash)).toEqual(account)
    expect(accounts.remembered(hash)).toEqual(account)
    expect(accounts.anyAllowsOrigin('https://a.example')).toBe(true)

    const change = { instanceQuota: null, requestsPerMinute: 7, createsPerMinute: 3, allowedOrigins: ['https://b.example'] }
    const changed = await accounts.change(account.id, change)
    expect(changed).toEqual({ ...account, ...change })
    expect(accounts.remembered(hash)).toBeUndefined()
    expect(await accounts.byId(account.id)).toEqual(changed)
    expect(accounts.remembered(hash)).toEqual(changed)
    expect(accounts.anyAllowsOrigin('https://a.example')).toBe(false)
    expect(accounts.anyAllowsOrigin('https://b.example')).toBe(true)

    const restarted = open(db)
    await restarted.start()
    expect(restarted.anyAllowsOrigin('https://b.example')).toBe(true)
    expect(await restarted.byName('shop')).toEqual(changed)
  })

  it('a rotated token replaces the old one at once', async () => {
    const { db } = await openDatabase()
    const accounts = open(db)
    const revoked: string[] = []
    accounts.onRevoked((id) => revoked.push(id))
    const { account, token } = await accounts.create({ name: 'shop' })
    await accounts.byTokenHash(tokenHash(token))
    const rotated = await accounts.rotateToken(account.id)
    expect(rotated.token).not.toBe(token)
    expect(accounts.remembered(tokenHash(token))).toBeUndefined()
    expect(await accounts.byTokenHash(tokenHash(token))).toBeNull()
    expect(await accounts.byTokenHash(tokenHash(rotated.token))).toEqual(account)
    expect(accounts.remembered(tokenHash(token))).toBeUndefined()
    expect(revoked).toEqual([account.id])
  })

  it('a look-up that overlaps with a change does not bring the old state back', async () => {
    const { db } = await openDatabase()
    const accounts = open(db)
    const { account, token } = await accounts.create({ name: 'shop' })
    await Promise.all([accounts.byTokenHash(tokenHash(token)), accounts.change(account.id, { suspended: true }), accounts.byId(account.id)])
    expect(await accounts.byId(account.id)).toMatchObject({ suspended: true })
  })

  it('deleting suspends first, lets the instances go, then removes', async () => {
    const { db } = await openDatabase()
    const accounts = open(db)
    const { account, token } = await accounts.create({ name: 'shop', allowedOrigins: ['https://a.example'] })
    const seen: unknown[] = []
    accounts.onRevoked((id) => seen.push(id))
    accounts.onDelete(async (leaving) => {
      seen.push(leaving.suspended, (await accounts.byTokenHash(tokenHash(token)))?.suspended)
    })
    await accounts.delete(account.id)
    expect(seen).toEqual([account.id, true, true])
    expect(await accounts.byTokenHash(tokenHash(token))).toBeNull()
    expect(accounts.remembered(tokenHash(token))).toBeUndefined()
    expect(accounts.anyAllowsOrigin('https://a.example')).toBe(false)
    await expect(accounts.delete(account.id)).rejects.toMatchObject({ status: 404, message: 'Account not found' })
    await expect(accounts.change(account.id, { suspended: false })).rejects.toMatchObject({ status: 404 })
    await expect(accounts.rotateToken(account.id)).rejects.toMatchObject({ status: 404 })
  })

  it('a deletion that fails half-way leaves a suspended account, and can be repeated', async () => {
    const { db } = await openDatabase()
    const accounts = open(db)
    const { account } = await accounts.create({ name: 'shop' })
    let works = false
    accounts.onDelete(async () => {
      if (!works) throw new Error('WhatsApp is away')
    })
    await expect(accounts.delete(account.id)).rejects.toThrow('WhatsApp is away')
    expect(await accounts.byId(account.id)).toMatchObject({ suspended: true })
    works = true
    await accounts.delete(account.id)
    expect(await accounts.byId(account.id)).toBeNull()
  })

  it('are listed by age, in pages', async () => {
    const { db } = await openDatabase()
    const accounts = open(db)
    for (const name of ['a', 'b', 'c']) await accounts.create({ name })
    const first = await accounts.list({ limit: 2 })
    expect(first.accounts.map(({ name }) => name)).toEqual(['a', 'b'])
    expect(first.total).toBe(3)
    const second = await accounts.list({ after: first.accounts.at(-1)?.id, limit: 2 })
    expect(second.accounts.map(({ name }) => name)).toEqual(['c'])
  })
})
