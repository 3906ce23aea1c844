import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'kysely'
import { describe, expect, it } from 'vitest'
import { forEachDatabase } from '../../../testing/databases.ts'
import { accountRow } from '../../../testing/rows.ts'
import { addInstances, contact, countRows, fillTables, tablesOfInstances } from './rows.ts'

forEachDatabase((_name, open) => {
  const namesOf = async ({ db }: Awaited<ReturnType<typeof open>>) =>
    (await db.read.selectFrom('accounts').select('id').orderBy('id').execute()).map((row) => row.id)

  describe('writing', () => {
    it('gives back what the work returns, after it can be read', async () => {
      const { db } = await open({ own: true })
      const id = await db.write(async (tx) => {
        await tx.insertInto('accounts').values(accountRow('one')).execute()
        return tx.selectFrom('accounts').select('id').executeTakeFirst()
      })
      expect(id?.id).toBe('one')
      expect(await db.read.selectFrom('accounts').selectAll().execute()).toEqual([accountRow('one')])
    })

    it('is invisible to readers until it is committed', async () => {
      const { db } = await open({ own: true })
      const seen = await db.write(async (tx) => {
        await tx.insertInto('accounts').values(accountRow('one')).execute()
        return db.read.selectFrom('accounts').select('id').execute()
      })
      expect(seen).toEqual([])
    })

    it('that fails leaves nothing, and takes nothing of the others with it', async () => {
      const database = await open({ own: true })
      const { db } = database
      const outcomes = await Promise.allSettled([
        db.write((tx) => tx.insertInto('accounts').values(accountRow('one')).execute()),
        db.write(async (tx) => {
          await tx.insertInto('accounts').values(accountRow('two')).execute()
          throw new Error('thought better of it')
        }),
        db.write(async (tx) => {
          await tx.insertInto('accounts').values(accountRow('three')).execute()
          await tx.insertInto('accounts').values(accountRow('three')).execute()
        }),
        db.write((tx) => tx.insertInto('accounts').values(accountRow('four')).execute()),
      ])
      expect(outcomes.map((outcome) => outcome.status)).toEqual(['fulfilled', 'rejected', 'rejected', 'fulfilled'])
      expect(await namesOf(database)).toEqual(['four', 'one'])
    })

    it('that collides with all the others gets its turn all the same', async () => {
      const { db } = await open({ own: true })
      const each = Array.from({ length: 40 }, (_, index) => index)
      // Everybody reads what everybody writes and takes his time: of those that run at the same moment one can commit.
      const outcomes = await Promise.allSettled(
        each.map((index) =>
          db.write(async (tx) => {
            const before = await tx.selectFrom('accounts').select('id').execute()
            if (db.kind === 'postgres') await sql`select pg_sleep(0.02)`.execute(tx)
            await tx
              .insertInto('accounts')
              .values(accountRow(`${before.length} of ${index}`))
              .execute()
          }),
        ),
      )
      expect(outcomes.filter(({ status }) => status === 'rejected')).toEqual([])
      const counted = (await db.read.selectFrom('accounts').select('id').execute()).map(({ id }) => Number.parseInt(id, 10))
      expect(counted.sort((a, b) => a - b)).toEqual(each)
    })

    it('that reads and then writes is never overtaken: a hundred increments make a hundred', async () => {
      const { db } = await open({ own: true })
      await db.write((tx) =>
        tx
          .insertInto('accounts')
          .values({ ...accountRow('one'), instance_quota: 0 })
          .execute(),
      )
      await Promise.all(
        Array.from({ length: 100 }, () =>
          db.write(async (tx) => {
            const { instance_quota } = await tx
              .selectFrom('accounts')
              .select('instance_quota')
              .where('id', '=', 'one')
              .executeTakeFirstOrThrow()
            await tx
              .updateTable('accounts')
              .set({ instance_quota: Number(instance_quota) + 1 })
              .where('id', '=', 'one')
              .execute()
          }),
        ),
      )
      expect(await db.read.selectFrom('accounts').select('instance_quota').executeTakeFirst()).toEqual({ instance_quota: 100 })
    })

    it('that counts and then inserts keeps its limit under concurrency', async () => {
      const { db } = await open({ own: true })
      await addInstances(db, 'phone')
      const addUpToThree = (jid: string) =>
        db.write(async (tx) => {
          const { count } = await tx
            .selectFrom('contacts')
            .select(({ fn }) => fn.countAll<number>().as('count'))
            .where('instance_id', '=', 'phone')
            .executeTakeFirstOrThrow()
          if (count < 3) await tx.insertInto('contacts').values(contact('phone', jid)).execute()
        })
      await Promise.all(Array.from({ length: 20 }, (_, index) => addUpToThree(`${index}`)))
      expect(await countRows(db, 'contacts', 'phone')).toBe(3)
    })

    it('goes on while others read', async () => {
      const { db } = await open({ own: true })
      await addInstances(db, 'phone')
      const write = async (name: number) => {
        for (let index = 0; index < 50; index += 1) {
          await db.write(async (tx) => {
            await tx
              .insertInto('contacts')
              .values(contact('phone', `${name}-${index}-a`))
              .execute()
            await tx
              .insertInto('contacts')
              .values(contact('phone', `${name}-${index}-b`))
              .execute()
          })
        }
      }
      const read = async () => {
        for (let index = 0; index < 100; index += 1) expect((await countRows(db, 'contacts', 'phone')) % 2).toBe(0)
      }
      await Promise.all([write(1), write(2), write(3), read(), read()])
      expect(await countRows(db, 'contacts', 'phone')).toBe(300)
    })

    it('cannot go on after its end', async () => {
      const { db } = await open({ own: true })
      const tx = await db.write(async (writer) => writer)
      await expect(tx.insertInto('accounts').values(accountRow('late')).execute()).rejects.toThrow()
      expect(await db.read.selectFrom('accounts').selectAll().execute()).toEqual([])
    })

    it('survives a work that awaits something else: others wait, nothing is mixed up', async () => {
      const database = await open({ own: true })
      const { db } = database
      const slow = db.write(async (tx) => {
        await tx.insertInto('accounts').values(accountRow('slow')).execute()
        await sleep(30)
        throw new Error('in the end it failed')
      })
      const quick = db.write((tx) => tx.insertInto('accounts').values(accountRow('quick')).execute())
      await expect(slow).rejects.toThrow('in the end it failed')
      await quick
      expect(await namesOf(database)).toEqual(['quick'])
    })
  })

  describe('closing', () => {
    it('finishes accepted writes and refuses new ones', async () => {
      const { db } = await open({ own: true })
      const accepted = db.write((tx) => tx.insertInto('accounts').values(accountRow('one')).execute())
      const closed = db.close()
      await expect(db.write(async () => {})).rejects.toThrow('closed')
      await accepted
      await closed
      await db.close()
      await expect(db.check()).rejects.toThrow()
    })
  })

  describe('values', () => {
    it('come back as they went in', async () => {
      const { db } = await open({ own: true })
      await addInstances(db, 'phone')
      const bytes = Uint8Array.from({ length: 256 }, (_, index) => index)
      await db.write(async (tx) => {
        await tx.insertInto('session_credentials').values({ instance_id: 'phone', value: bytes }).execute()
        await tx
          .insertInto('contacts')
          .values({ ...contact('phone', 'Zoë 👋🏽'), updated_at: 2 ** 52 + 1 })
          .execute()
      })
      const { value } = await db.read.selectFrom('session_credentials').select('value').executeTakeFirstOrThrow()
      expect(Object.prototype.toString.call(value)).toBe('[object Uint8Array]')
      expect(Buffer.isBuffer(value)).toBe(false)
      expect(Buffer.from(value).equals(bytes)).toBe(true)
      const read = await db.read.selectFrom('contacts').selectAll().executeTakeFirstOrThrow()
      expect(read).toMatchObject({ jid: 'Zoë 👋🏽', push_name: null, updated_at: 2 ** 52 + 1 })
    })

    it('may hold the character that PostgreSQL cannot store', async () => {
      const { db } = await open({ own: true })
      await addInstances(db, 'phone')
      await db.write((tx) =>
        tx
          .insertInto('contacts')
          .values({ ...contact('phone', 'a'), push_name: 'x\0y' })
          .execute(),
      )
      const { push_name } = await db.read.selectFrom('contacts').select('push_name').executeTakeFirstOrThrow()
      expect(push_name).toMatch(/^x.y$/s)
    })

    it('sum and count to numbers, sort byte by byte', async () => {
      const { db } = await open({ own: true })
      await addInstances(db, 'phone')
      for (const jid of ['b', 'B', 'a', '_', 'é']) {
        await db.write((tx) =>
          tx
            .insertInto('contacts')
            .values({ ...contact('phone', jid), updated_at: 2 ** 33 })
            .execute(),
        )
      }
      const rows = await db.read.selectFrom('contacts').select('jid').orderBy('jid').execute()
      expect(rows.map((row) => row.jid)).toEqual(['B', '_', 'a', 'b', 'é'])
      const { total } = await db.read
        .selectFrom('contacts')
        .select(({ fn }) => fn.sum<number>('updated_at').as('total'))
        .executeTakeFirstOrThrow()
      expect(total).toBe(5 * 2 ** 33)
    })

    it('of the wrong type are refused', async () => {
      const { db } = await open({ own: true })
      await addInstances(db, 'phone')
      const setSuspended = (value: unknown) => db.write((tx) => sql`update accounts set suspended = ${value}`.execute(tx))
      await expect(setSuspended(true)).rejects.toThrow()
      await expect(setSuspended({ an: 'object' })).rejects.toThrow('cannot be stored')
      await expect(setSuspended(undefined)).rejects.toThrow('cannot be stored')
      await expect(setSuspended('no number')).rejects.toThrow()
      await expect(setSuspended(null)).rejects.toThrow()
    })

    it('get growing numbers', async () => {
      const { db } = await open({ own: true })
      await addInstances(db, 'phone')
      const message = (id: string) => ({
        instance_id: 'phone',
        message_id: id,
        chat: 'c',
        sender: 's',
        from_me: 0 as const,
        type: 'text',
        content: '',
        source: '',
        status: 'sent' as const,
        push_name: null,
        refers_to: null,
        edited_content: null,
        revoked: 0 as const,
        media_type: null,
        wire: new Uint8Array(),
        sent_at: 0,
        stored_at: 0,
      })
      const insert = (id: string) =>
        db.write((tx) => tx.insertInto('messages').values(message(id)).returning('seq').executeTakeFirstOrThrow())
      const first = await insert('a')
      const second = await insert('b')
      expect(second.seq).toBeGreaterThan(first.seq)
      await expect(insert('a')).rejects.toThrow()
    })
  })

  describe('deleting an instance', () => {
    it('leaves no row of it in any table, and every row of its neighbour', async () => {
      const { db } = await open({ own: true })
      await addInstances(db, 'gone', 'neighbour')
      const tables = await tablesOfInstances(db)
      expect(tables.length).toBeGreaterThanOrEqual(11)
      await fillTables(db, tables, 'gone')
      await fillTables(db, tables, 'neighbour')
      for (const { name } of tables) expect([name, await countRows(db, name, 'gone')]).toEqual([name, 1])

      await db.write((tx) => tx.deleteFrom('instances').where('id', '=', 'gone').execute())

      for (const { name } of tables) {
        expect([name, await countRows(db, name, 'gone')]).toEqual([name, 0])
        expect([name, await countRows(db, name, 'neighbour')]).toEqual([name, 1])
      }
    })

    it('is what an account must wait for', async () => {
      const { db } = await open({ own: true })
      await addInstances(db, 'phone')
      await expect(db.write((tx) => tx.deleteFrom('accounts').execute())).rejects.toThrow()
      await db.write((tx) => tx.deleteFrom('instances').execute())
      await db.write((tx) => tx.deleteFrom('accounts').execute())
    })
  })
})
