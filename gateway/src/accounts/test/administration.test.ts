/** The same accounts through `/admin/accounts` and through the command line. */
import { beforeEach, describe, expect, it } from 'vitest'
import { forEachDatabase } from '../../../testing/databases.ts'
import { openHarness, refused, tokens } from '../../http/test/harness.ts'
import { systemClock } from '../../runtime/clock.ts'
import { readSettings } from '../../settings.ts'
import { type Accounts, createAccounts } from '../accounts.ts'
import { runAccountsCommand } from '../command-line.ts'
import { accountOperations } from '../operations.ts'

forEachDatabase((_name, openDatabase) => {
  let accounts: Accounts
  beforeEach(async () => {
    const { db } = await openDatabase()
    accounts = createAccounts({ db, clock: systemClock, settings: readSettings({}) })
  })

  describe('/admin/accounts', () => {
    const open = async () => {
      const { call } = await openHarness({ operations: accountOperations(accounts) })
      return (method: 'GET' | 'POST' | 'PATCH' | 'DELETE', url: string, body?: unknown) => call(method, url, { token: tokens.admin, body })
    }

    it('creates, reads, changes, rotates, deletes', async () => {
      const admin = await open()
      const created = await admin('POST', '/admin/accounts', { name: ' shop ', instanceQuota: 2, allowedOrigins: ['https://a.example'] })
      expect(created).toMatchObject({
        status: 201,
        body: {
          success: true,
          message: 'Account created',
          account: {
            id: expect.any(String),
            name: 'shop',
            instanceQuota: 2,
            requestsPerMinute: 100,
            createsPerMinute: 20,
            allowedOrigins: ['https://a.example'],
            suspended: false,
            createdAt: expect.stringMatching(/^\d{4}-.*Z$/),
          },
          token: expect.stringMatching(/^ryz_a_/),
        },
      })
      const { account, token } = created.body as { account: { id: string }; token: string }
      const list = await admin('GET', '/admin/accounts')
      expect(list).toMatchObject({ status: 200, body: { message: '1 Account found', accounts: [account], meta: { total: 1 } } })
      expect(list.text).not.toContain(token)
      const one = `/admin/accounts/${account.id}`
      expect(await admin('PATCH', one, { instanceQuota: null, suspended: true })).toMatchObject({
        status: 200,
        body: { message: 'Account updated', account: { instanceQuota: null, suspended: true, requestsPerMinute: 100 } },
      })
      expect(await admin('GET', one)).toMatchObject({ status: 200, body: { account: { suspended: true } } })
      const rotated = await admin('POST', `${one}/token`)
      expect(rotated).toMatchObject({ status: 200, body: { message: 'Account token rotated', token: expect.stringMatching(/^ryz_a_/) } })
      expect(rotated.text).not.toContain(token)
      expect(await admin('DELETE', one)).toMatchObject({ status: 200, body: { success: true, message: 'Account deleted' } })
      expect(await admin('GET', one)).toMatchObject({ status: 404, body: refused('Account not found') })
    })

    it.each([
      [{}, 400, 'Account name is required'],
      [{ name: 'x'.repeat(101) }, 400, 'Invalid request body: name must have at most 100 characters'],
      [{ name: 'x', requestsPerMinute: 0 }, 400, 'Invalid request body: requestsPerMinute must be at least 1'],
      [{ name: 'x', instanceQuota: 1.5 }, 400, 'Invalid request body: instanceQuota must be a whole number'],
      [
        { name: 'x', allowedOrigins: ['https://a.example/'] },
        400,
        'allowedOrigins must hold origins such as https://app.example.com, or *',
      ],
    ])('refuses %j', async (body, status, message) => {
      const admin = await open()
      expect(await admin('POST', '/admin/accounts', body)).toMatchObject({ status, body: refused(message) })
    })

    it('refuses a taken name, an empty change, an unknown account', async () => {
      const admin = await open()
      await admin('POST', '/admin/accounts', { name: 'shop' })
      expect(await admin('POST', '/admin/accounts', { name: 'shop' })).toMatchObject({
        status: 409,
        body: refused('Account name already exists'),
      })
      expect(await admin('PATCH', '/admin/accounts/nobody', {})).toMatchObject({
        status: 400,
        body: refused('At least one field must be provided'),
      })
      expect(await admin('PATCH', '/admin/accounts/nobody', { suspended: true })).toMatchObject({ status: 404 })
      expect(await admin('DELETE', '/admin/accounts/nobody')).toMatchObject({ status: 404 })
    })
  })

  describe('the command line', () => {
    const run = (text: string) => runAccountsCommand(accounts, text.split(' '))

    it('creates, lists, changes, rotates, deletes', async () => {
      const [line, token] = await run('create shop --quota 2 --origins https://a.example,https://b.example')
      expect(line).toMatch(
        /^shop · id \w+ · quota 2 · 100 requests and 20 creates per minute · origins https:\/\/a.example,https:\/\/b.example$/,
      )
      expect(token).toMatch(/: ryz_a_[\w-]{43}$/)
      expect(await run('list')).toEqual([line])
      expect((await run('change shop --quota none --requests 7 --origins none'))[0]).toMatch(/quota none · 7 requests .* origins none$/)
      expect((await run('suspend shop'))[0]).toMatch(/suspended$/)
      expect((await run('resume shop'))[0]).not.toMatch(/suspended$/)
      expect((await run('rotate shop'))[1]).toMatch(/: ryz_a_[\w-]{43}$/)
      expect(await run('delete shop')).toEqual(['shop deleted'])
      expect(await run('list')).toEqual([])
    })

    it.each([
      ['', /^Usage/],
      ['paint shop', /^Usage/],
      ['create', /Account name is required/],
      ['create shop --quota many', /instanceQuota/],
      ['create shop --colour red', /colour[\s\S]*Usage/],
      ['change shop', /^Nothing to change/],
      ['rotate nobody', /^Account not found$/],
      ['create shop --origins nowhere', /allowedOrigins/],
    ])('"%s" says what is wrong', async (text, message) => {
      await expect(run(text)).rejects.toThrow(message)
    })
  })
})
