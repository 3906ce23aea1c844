/** Databases for a benchmark, flushed to disk as in earnest: a file or a PostgreSQL of its own, gone afterwards. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startPostgres } from '../gateway/testing/postgres-server.ts'

export type DatabaseName = 'SQLite' | 'PostgreSQL'

/** One database, as the gateway's settings name it. */
export interface Place {
  dataDir: string
  databaseUrl?: string
}

export interface Databases {
  /** An empty one. */
  fresh(): Promise<Place>
  /** Milliseconds of CPU its server has used so far; 0 for SQLite, which is part of the process that uses it. */
  cpu(): Promise<number>
}

/** Runs `work` with databases of this kind. */
export const withDatabases = async <T>(name: DatabaseName, work: (databases: Databases) => Promise<T>): Promise<T> => {
  const folders: string[] = []
  const folder = async () => {
    const made = await mkdtemp(join(tmpdir(), 'ryzeapi-bench-'))
    folders.push(made)
    return made
  }
  const server = name === 'SQLite' ? null : await startPostgres({ durable: true })
  try {
    return await work({
      async fresh() {
        const dataDir = await folder()
        return server === null ? { dataDir } : { dataDir, databaseUrl: await server.createDatabase() }
      },
      cpu: async () => (server === null ? 0 : cpuOfServer(server.folder)),
    })
  } finally {
    await server?.stop()
    for (const made of folders) await rm(made, { recursive: true, force: true })
  }
}

/** The first process of the server, those it has started, and those of them that ended. */
const cpuOfServer = async (folder: string): Promise<number> => {
  const first = Number((await readFile(join(folder, 'postmaster.pid'), 'utf8')).split('\n')[0])
  let ticks = 0
  for (const pid of (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry))) {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null)
    if (stat === null) continue
    const fields = stat
      .replace(/^.*\) /s, '')
      .split(' ')
      .map(Number)
    const [user = 0, system = 0, childrenUser = 0, childrenSystem = 0] = fields.slice(11, 15)
    if (Number(pid) === first) ticks += user + system + childrenUser + childrenSystem
    else if (fields[1] === first) ticks += user + system
  }
  return ticks * 10
}
