import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import { sql } from 'kysely'
import pg from 'pg'
import { expect, it } from 'vitest'
import { forEachDatabase } from '../../../testing/databases.ts'
import { createLogger } from '../../runtime/logging.ts'
import { DataInUseError, isStoreFailure, StoreUnavailableError } from '../errors.ts'
import { openPostgres } from './open.ts'

const logger = createLogger('silent')

forEachDatabase(
  (_name, open) => {
    const openWithUrl = async () => {
      const { db, place } = await open({ own: true })
      return { db, url: place.databaseUrl ?? '' }
    }

    it('a second gateway is refused in one line, until the first one is gone', async () => {
      const { db, url } = await openWithUrl()
      const second = openPostgres({ url, logger })
      await expect(second).rejects.toThrow(DataInUseError)
      await expect(second).rejects.toThrow(/^The database is in use by another gateway[^\n]*$/)
      await db.close()
      await (await openPostgres({ url, logger })).close()
    })

    it('a server that cuts all connections is survived, and the lock taken again', async () => {
      const { db, url } = await openWithUrl()
      const administrator = new pg.Client({ connectionString: url })
      await administrator.connect()
      await administrator.query(
        `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'ryzeapi' and datname = current_database()`,
      )
      await administrator.end()
      await expect.poll(() => db.check().then(() => 'well', String)).not.toBe('well')
      await expect.poll(() => db.check().then(() => 'well', String)).toBe('well')
      expect(await db.write((tx) => tx.selectFrom('accounts').selectAll().execute())).toEqual([])
    })

    it('a check sees that nothing can be written, and that somebody has locked what messages pass through', async () => {
      const { db, url } = await openWithUrl()
      const administrator = new pg.Client({ connectionString: url })
      await administrator.connect()
      const found = () =>
        db.check().then(
          () => 'well',
          (error: { code: unknown }) => error.code,
        )
      expect(await found()).toBe('well')
      await administrator.query('begin')
      await administrator.query('lock table messages in share row exclusive mode')
      expect(await found()).toBe('55P03')
      await administrator.query('rollback')
      expect(await found()).toBe('well')
      const readOnly = async (value: 'on' | 'off') => {
        const { rows } = await administrator.query('select current_database() as name')
        await administrator.query(`alter database ${rows[0].name} set default_transaction_read_only = ${value}`)
        // Connections that are there already go by what was said when they were made.
        await administrator.query(
          `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'ryzeapi' and datname = current_database()`,
        )
      }
      await readOnly('on')
      await expect.poll(found).toBe('25006')
      await readOnly('off')
      await expect.poll(found).toBe('well')
      await administrator.end()
    })

    it('locked by somebody else: whoever reads or writes is told in time, however many stand in line, and all goes on afterwards', async () => {
      const { db: first, url } = await openWithUrl()
      await first.close()
      const db = await openPostgres({ url, logger, patience: { lock: 1_000, turn: 3_000 } })
      const administrator = new pg.Client({ connectionString: url })
      await administrator.connect()
      try {
        await administrator.query('begin')
        await administrator.query('lock table accounts in access exclusive mode')
        const began = performance.now()
        const waiting = Array.from({ length: 60 }, (_, n) =>
          n % 2 === 0
            ? db.read.selectFrom('accounts').select('id').execute()
            : db.write((tx) => tx.deleteFrom('accounts').where('id', '=', 'nobody').execute()),
        )
        const outcomes = await Promise.allSettled(waiting)
        // Each waits for a connection, then for the lock; a machine under load takes its time.
        expect(performance.now() - began).toBeLessThan(20_000)
        for (const outcome of outcomes) expect(outcome.status === 'rejected' && isStoreFailure(outcome.reason)).toBe(true)
        const reasons = outcomes.map((outcome) => (outcome.status === 'rejected' ? String(outcome.reason) : ''))
        expect(reasons.filter((reason) => reason.includes('lock timeout')).length).toBeGreaterThanOrEqual(10)
        expect(reasons.filter((reason) => reason.includes('No connection')).length).toBeGreaterThan(0)
        await administrator.query('rollback')
        expect(await db.write((tx) => tx.selectFrom('accounts').selectAll().execute())).toEqual([])
      } finally {
        await administrator.end()
        await db.close()
      }
    })

    it('a server that says nothing any more is given up on, and used again when it speaks', async () => {
      const { db: first, url } = await openWithUrl()
      await first.close()
      const network = await freezable(url)
      const db = await openPostgres({ url: network.url, logger, patience: { turn: 3_000, answer: 3_000 } })
      try {
        const read = () => db.read.selectFrom('accounts').select('id').execute()
        const write = () => db.write((tx) => tx.deleteFrom('accounts').where('id', '=', 'nobody').execute())
        await Promise.all([read(), write()])
        network.freeze(true)
        const began = performance.now()
        const outcomes = await Promise.allSettled([0, 1, 2, 3, 4, 5, 6, 7].flatMap(() => [read(), write()]))
        expect(performance.now() - began).toBeLessThan(20_000)
        for (const outcome of outcomes) expect(outcome).toMatchObject({ status: 'rejected', reason: expect.any(StoreUnavailableError) })
        network.freeze(false)
        await expect.poll(() => db.check().then(() => 'well', String)).toBe('well')
        expect(await read()).toEqual([])
      } finally {
        await db.close()
        await network.close()
      }
    })

    it('the way of a statement is looked for once per connection, not each time', async () => {
      const { db } = await openWithUrl()
      const plans = await db.write(async (tx) => {
        for (const id of ['a', 'b', 'c']) await tx.selectFrom('accounts').select('id').where('id', '=', id).execute()
        const { rows } = await sql<{ custom: number; generic: number }>`
          select custom_plans as custom, generic_plans as generic from pg_prepared_statements
          where statement like 'select "id" from "accounts" where "id" =%'`.execute(tx)
        return rows
      })
      expect(plans).toEqual([{ custom: 0, generic: 3 }])
    })

    it('writes that keep getting into each other over a key end up one after the other', async () => {
      const { db } = await openWithUrl()
      let running = 0
      const write = () =>
        db.write(async (tx) => {
          running += 1
          let others = running > 1
          try {
            for (let n = 0; n < 10; n += 1) {
              await tx.selectFrom('accounts').select('id').execute()
              others ||= running > 1
            }
          } finally {
            running -= 1
          }
          if (others) throw Object.assign(new Error('duplicate key value'), { code: '23505' })
          return 'written'
        })
      expect(new Set(await Promise.all(Array.from({ length: 8 }, write)))).toEqual(new Set(['written']))
    })

    it('a connection that is cut between two statements of a transaction fails that transaction, nothing else', async () => {
      const { db, url } = await openWithUrl()
      const administrator = new pg.Client({ connectionString: url })
      await administrator.connect()
      const writing = db.write(async (tx) => {
        const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(tx)
        await administrator.query('select pg_terminate_backend($1)', [rows[0]?.pid])
        await setTimeout(100)
        return tx.selectFrom('accounts').selectAll().execute()
      })
      await expect(writing).rejects.toThrow()
      await administrator.end()
      expect(await db.write((tx) => tx.selectFrom('accounts').selectAll().execute())).toEqual([])
    })
  },
  ['PostgreSQL'],
)

it('a server that cannot be reached is named, its password is not', async () => {
  const opening = openPostgres({ url: 'postgres://me:secret-word@127.0.0.1:1/data', logger })
  await expect(opening).rejects.toThrow(StoreUnavailableError)
  await expect(opening).rejects.toThrow(/127\.0\.0\.1:1\/data cannot be used: .*ECONNREFUSED/)
  await expect(opening).rejects.not.toThrow(/secret-word/)
})

/** A way to the server on which nothing moves while it is frozen, though it stays open. */
const freezable = async (target: string) => {
  const { hostname, port } = new URL(target)
  const sockets = new Set<Socket>()
  let frozen = false
  const server = createServer((near) => {
    const far = connect(Number(port), hostname)
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from)
      from.on('data', (bytes) => to.write(bytes))
      from.on('error', () => {})
      from.on('close', () => {
        sockets.delete(from)
        to.destroy()
      })
      if (frozen) from.pause()
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = new URL(target)
  url.host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    url: url.href,
    freeze(now: boolean) {
      frozen = now
      for (const socket of sockets) now ? socket.pause() : socket.resume()
    },
    async close() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
