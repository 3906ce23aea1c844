import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { CompiledQuery, sql } from 'kysely'
import { pino } from 'pino'
import { expect, it, onTestFinished, vi } from 'vitest'
import type { Writer } from '../database.ts'
import { StoreOverloadedError } from '../errors.ts'
import { connectSqlite } from './connection.ts'
import { createGroupCommit, type GroupCommitLimits } from './group-commit.ts'

const add = (name: string) => (tx: Writer) => sql`insert into names values (${name})`.execute(tx)
const numbers = (count: number) => Array.from({ length: count }, (_, index) => `${index}`)

/** A table of names, what was logged, and how often there was a commit. */
async function open(limits?: Partial<GroupCommitLimits>) {
  const folder = await mkdtemp(join(tmpdir(), 'ryzeapi-test-'))
  const path = join(folder, 'db')
  const connection = connectSqlite(path, { readOnly: false, pragmas: ['journal_mode = wal', 'foreign_keys = on'] })
  connection.run('create table names (name text primary key) strict')
  connection.run('create table children (name text references names (name) deferrable initially deferred) strict')
  const reader = connectSqlite(path, { readOnly: true, pragmas: [] })
  let commits = 0
  const counting = {
    executeQuery: connection.executeQuery,
    streamQuery: connection.streamQuery,
    close: connection.close,
    get inTransaction() {
      return connection.inTransaction
    },
    run(statement: string) {
      connection.run(statement)
      if (statement === 'commit') commits += 1
    },
  }
  const log: string[] = []
  const flush = vi.fn(async () => {})
  const logger = pino({}, { write: (line: string) => log.push(line) })
  const { write, close } = createGroupCommit({ connection: counting, flush, logger, limits })
  onTestFinished(async () => {
    await close()
    reader.close()
    connection.close()
    await rm(folder, { recursive: true })
  })
  return {
    path,
    connection,
    write,
    flush,
    log,
    commits: () => commits,
    async names() {
      const { rows } = await reader.executeQuery<{ name: string }>(CompiledQuery.raw('select name from names order by name'))
      return rows.map((row) => row.name)
    },
  }
}

it('commits the writes of one turn together', async () => {
  const { write, commits, names } = await open()
  await Promise.all(numbers(100).map((name) => write(add(name))))
  expect(commits()).toBe(1)
  expect(await names()).toHaveLength(100)
})

it('resolves no write before its commit', async () => {
  const { write, commits } = await open()
  await Promise.all(numbers(10).map((name) => write(add(name)).then(() => expect(commits()).toBe(1))))
})

it('resolves no write before the disk has it, and gathers what comes meanwhile', async () => {
  const { write, flush, commits } = await open()
  const disk = Promise.withResolvers<void>()
  flush.mockReturnValueOnce(disk.promise)
  let durable = false
  const first = write(add('first')).then(() => expect(durable).toBe(true))
  await vi.waitFor(() => expect(commits()).toBe(1))
  const later = numbers(5).map((name) => write(add(name)))
  await nextTurn()
  expect(commits()).toBe(1)
  durable = true
  disk.resolve()
  await Promise.all([first, ...later])
  expect(commits()).toBe(2)
})

it('rejects everybody when the disk refuses, and works afterwards', async () => {
  const { write, flush } = await open()
  flush.mockRejectedValueOnce(new Error('input/output error'))
  const outcomes = await Promise.allSettled([write(add('a')), write(add('b'))])
  expect(outcomes.map((outcome) => outcome.status)).toEqual(['rejected', 'rejected'])
  await write(add('c'))
})

it('commits large groups in portions', async () => {
  const { write, commits, names } = await open({ groupSize: 30 })
  await Promise.all(numbers(100).map((name) => write(add(name))))
  expect(commits()).toBe(4)
  expect(await names()).toHaveLength(100)
})

it('commits again for later turns', async () => {
  const { write, commits } = await open()
  for (const name of numbers(3)) await write(add(name))
  expect(commits()).toBe(3)
})

it('rejects everybody when the commit fails, and works afterwards', async () => {
  const { write, names } = await open()
  const orphan = (tx: Writer) => sql`insert into children values ('of nobody')`.execute(tx)
  const outcomes = await Promise.allSettled([write(add('a')), write(orphan), write(add('b'))])
  expect(outcomes.map((outcome) => outcome.status)).toEqual(['rejected', 'rejected', 'rejected'])
  expect(await names()).toEqual([])
  await write(add('c'))
  expect(await names()).toEqual(['c'])
})

it('keeps its word on a full disk: stored is what was resolved, nothing else', async () => {
  const { write, connection, names } = await open()
  connection.run('pragma max_page_count = 12')
  const long = (name: string) => name.padEnd(3_000, '.')
  const outcomes = await Promise.allSettled(numbers(40).map((name) => write(add(long(name)))))
  const resolved = numbers(40).filter((_, index) => outcomes[index]?.status === 'fulfilled')
  expect(resolved.length).toBeLessThan(40)
  expect((await names()).map((name) => name.replaceAll('.', ''))).toEqual(resolved.sort())
  connection.run('pragma max_page_count = 1000')
  await write(add('there is room again'))
})

it('reports a work that awaits something else, and abandons it in the end', async () => {
  const { write, log, names } = await open({ foreignAwait: 20 })
  const release = Promise.withResolvers<void>()
  const late = Promise.withResolvers<unknown>()
  const hanging = write(async (tx) => {
    await add('never')(tx)
    await release.promise
    await add('late')(tx).then(late.resolve, late.reject)
  })
  const patient = write(add('patient'))
  await expect(hanging).rejects.toThrow('abandoned')
  await patient
  expect(log.join()).toContain('holds up all others')
  release.resolve()
  await expect(late.promise).rejects.toThrow('has ended')
  expect(await names()).toEqual(['patient'])
})

it('says nothing about works that only query', async () => {
  const { write, log } = await open()
  await Promise.all(numbers(50).map((name) => write(add(name))))
  await nextTurn()
  expect(log).toEqual([])
})

it('refuses more than it can hold', async () => {
  const { write } = await open({ waiting: 5 })
  const outcomes = await Promise.allSettled(numbers(7).map((name) => write(add(name))))
  expect(outcomes.filter((outcome) => outcome.status === 'rejected').map((outcome) => outcome.reason)).toEqual([
    expect.any(StoreOverloadedError),
    expect.any(StoreOverloadedError),
  ])
})

it('waits for a foreign lock without standing still, then gives up', async () => {
  const { write, path, names } = await open({ lock: 300 })
  const foreign = connectSqlite(path, { readOnly: false, pragmas: [] })
  onTestFinished(() => foreign.close())
  foreign.run('begin immediate')
  await expect(write(add('a'))).rejects.toThrow('locked')
  const patient = write(add('b'))
  setTimeout(() => foreign.run('rollback'), 20)
  await patient
  expect(await names()).toEqual(['b'])
})

it('a foreign lock is waited for once, however many stand in line; who came later is given as long', async () => {
  const { write, path, names } = await open({ lock: 1_500, groupSize: 2 })
  const foreign = connectSqlite(path, { readOnly: false, pragmas: [] })
  onTestFinished(() => foreign.close())
  foreign.run('begin immediate')
  const began = performance.now()
  const early = Promise.allSettled(numbers(100).map((name) => write(add(name))))
  await sleep(1_200)
  const late = write(add('late'))
  for (const outcome of await early) expect(outcome).toMatchObject({ status: 'rejected', reason: { errcode: 5 } })
  foreign.run('rollback')
  // One group after the other they would have waited for more than a minute.
  expect(performance.now() - began).toBeLessThan(10_000)
  await late
  expect(await names()).toEqual(['late'])
})

it('one that fails fails alone, also after a lock: the others are run again', async () => {
  const { write, path, names } = await open({ lock: 5_000 })
  await write(add('taken'))
  const foreign = connectSqlite(path, { readOnly: false, pragmas: [] })
  onTestFinished(() => foreign.close())
  let runs = 0
  const counted = (tx: Writer) => {
    runs += 1
    return add('counted')(tx)
  }
  foreign.run('begin immediate')
  const outcomes = Promise.allSettled([write(counted), write(add('taken')), write(add('last'))])
  await nextTurn()
  foreign.run('rollback')
  expect((await outcomes).map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
  expect(runs).toBe(2)
  expect(await names()).toEqual(['counted', 'last', 'taken'])
})
