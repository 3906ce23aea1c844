import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { connectSqlite } from './connection.ts'
import { createWalFlush } from './wal-flush.ts'

const folder = async () => {
  const path = await mkdtemp(join(tmpdir(), 'ryzeapi-test-'))
  onTestFinished(() => rm(path, { recursive: true }))
  return path
}

it('flushes the journal of a database, again and again', async () => {
  const path = join(await folder(), 'db')
  const connection = connectSqlite(path, { readOnly: false, pragmas: ['journal_mode = wal', 'synchronous = normal'] })
  const { flush, close } = createWalFlush(path)
  connection.run('create table names (name text) strict')
  await flush()
  connection.run('pragma wal_checkpoint(truncate)')
  connection.run("insert into names values ('a')")
  await flush()
  await close()
  connection.close()
})

it('says so when there is no journal to flush', async () => {
  await expect(createWalFlush(join(await folder(), 'none')).flush()).rejects.toThrow('ENOENT')
})
