/**
 * A store that fails, for real: locked by another process, unable to write, stopped. No receipt leaves for what could not be stored, the session
 * stops and says why, `/health` is degraded, and when the store is back everything comes by itself.
 */
import { spawnSync } from 'node:child_process'
import { appendFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type OwnPostgres, startOwnPostgres } from '../toolkit/databases.ts'
import { eventually } from '../toolkit/eventually.ts'
import { accountToken, type Gateway, startGateway } from '../toolkit/gateway.ts'
import { at, type Json } from '../toolkit/json.ts'
import { type Line, linkedLine } from '../toolkit/line.ts'
import { type Receiver, startReceiver } from '../toolkit/receiver.ts'
import { type Phone, type Simulator, startSimulator } from '../toolkit/simulator.ts'

interface Play {
  simulator: Simulator
  gateway: Gateway
  receiver: Receiver
  line: Line
  friend: Phone
}

const open = async (place: { databaseUrl?: string; dataDir?: string } = {}): Promise<Play> => {
  const simulator = await startSimulator()
  const receiver = await startReceiver()
  const gateway = await startGateway({ network: simulator.url, ...place })
  const [owner, friend] = [await simulator.phone({ name: 'Owner' }), await simulator.phone({ name: 'Friend' })]
  const webhook = { webhookEnabled: true, webhookURL: receiver.url, webhookEvents: ['message.exchange'] }
  return { simulator, gateway, receiver, friend, line: await linkedLine(gateway, gateway.api(accountToken), owner, 'line', webhook) }
}

const close = async ({ simulator, gateway, receiver }: Play): Promise<void> => {
  await gateway.dispose()
  await simulator.stop()
  await receiver.close()
}

type Mend = () => Promise<void>

/** `fail` breaks the store and gives what mends it. `check`: what `/health` says of it. */
const outage = async ({ simulator, gateway, receiver, line, friend }: Play, fail: () => Promise<Mend>, check: RegExp) => {
  await line.waitFor('connected')
  const stranger = await simulator.phone({ name: 'Stranger' })
  const before = await friend.send(line.phone.number, 'before')
  await receiver.next({ data: { id: before } })
  const cursor = await simulator.trafficCursor()
  const logged = gateway.output().length
  const fromCompanion = async (tag: string) =>
    (await simulator.traffic({ after: cursor, phone: line.phone.number, tag, direction: 'in' })).filter((seen) => at(seen, 'device') !== 0)

  const ids: string[] = []
  const mend = await fail()
  try {
    // The first message of somebody nobody has seen before needs the store before it is decrypted.
    ids.push(await stranger.send(line.phone.number, 'who are you?'))
    for (const text of ['one', 'two']) ids.push(await friend.send(line.phone.number, text))
    // Five seconds for the lock when it is read, as much for what was to be written; more when the machine is busy.
    await eventually('the session to stop', async () => gateway.output().slice(logged).includes('"reason":"storage"'), 40_000)
    await eventually('/health to be degraded', async () => {
      const asked = performance.now()
      const { status, body } = await gateway.api().get('/health')
      expect(performance.now() - asked).toBeLessThan(15_000)
      return status === 503 && at(body, 'status') === 'degraded' && check.test(String(at(body, 'checks.db')))
    })
    // Neither forgotten nor refused: for WhatsApp the messages are still on their way.
    expect(await fromCompanion('receipt')).toEqual([])
    expect((await fromCompanion('ack')).filter((seen) => at(seen, 'stanza.attrs.class') === 'message')).toEqual([])
    expect(receiver.deliveries().filter(({ body }) => ids.includes(String(at(body, 'data.id'))))).toEqual([])
  } finally {
    await mend()
  }

  for (const id of ids) await receiver.next({ data: { id, message: { type: 'text' } } })
  await line.waitFor('connected')
  await eventually('/health to be ok', async () => (await gateway.api().get('/health')).status === 200)
  const delivered = receiver.deliveries().map(({ body }: { body: Json }) => String(at(body, 'data.id')))
  expect(delivered.filter((id) => id === ids[0])).toHaveLength(1)
  expect(delivered.filter((id) => ids.slice(1).includes(id))).toEqual(ids.slice(1))
  await eventually('the receipts', async () => {
    const said = JSON.stringify(await fromCompanion('receipt'))
    return ids.every((id) => said.includes(id))
  })
}

/** SIGTERM in the middle of it: while messages, the session and more requests than there are connections wait for the lock. */
const stopWhileLocked = async ({ gateway, receiver, line, friend }: Play, lock: () => Promise<Mend>) => {
  await line.waitFor('connected')
  const mend = await lock()
  let missed: string
  try {
    missed = await friend.send(line.phone.number, 'are you going?')
    const requests = Array.from({ length: 30 }, (_, n) =>
      Promise.all([
        line.text(friend.number, `waits ${n}`).catch(() => null),
        line.api.post(`/api/chat/history/${line.name}`, { number: friend.number }).catch(() => null),
      ]),
    )
    await eventually('the store to be waited for', async () => (await gateway.api().get('/health')).status === 503)
    const began = performance.now()
    expect(await gateway.stop()).toEqual({ code: 0, signal: null })
    expect(performance.now() - began).toBeLessThan(10_000)
    // Answered or cut off, but over.
    await Promise.all(requests)
  } finally {
    await mend()
  }
  await gateway.restart()
  await receiver.next({ data: { id: missed } })
  await line.waitFor('connected')
}

describe('SQLite', () => {
  let play: Play
  beforeAll(async () => {
    play = await open()
  })
  afterAll(() => close(play))

  const lock = async (): Promise<Mend> => {
    const other = new DatabaseSync(join(play.gateway.dataDir, 'gateway.sqlite'), { timeout: 10_000 })
    other.exec('begin exclusive')
    return async () => {
      other.exec('rollback')
      other.close()
    }
  }

  it('locked by another process: nothing is acknowledged, and all comes when the lock is gone', async () => {
    await outage(play, lock, /^fail: (locked|timed out)$/)
  }, 150_000)

  it('locked: SIGTERM ends it in time, and nothing is lost', () => stopWhileLocked(play, lock), 150_000)

  const prlimit = (pid: number, limit: string) => spawnSync('prlimit', ['--pid', String(pid), `--fsize=${limit}:`], { encoding: 'utf8' })

  it('unable to write: the same', async ({ skip }) => {
    if (prlimit(process.pid, 'unlimited').status !== 0) skip('prlimit is not here or may not be used')
    await outage(
      play,
      async () => {
        // From here on every file that the process writes ends at 4 KiB, as on a disk that takes no more.
        expect(prlimit(play.gateway.pid(), '4096').status).toBe(0)
        return async () => void prlimit(play.gateway.pid(), 'unlimited')
      },
      /^fail: (input\/output error|disk full)$/,
    )
  }, 150_000)
})

describe('SQLite on a disk that is full', () => {
  /** A file system of its own, where we may make one. */
  const disk = mkdtempSync(join(tmpdir(), 'ryzeapi-disk-'))
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', disk]).status === 0
  afterAll(() => {
    if (mounted) spawnSync('umount', [disk])
    rmSync(disk, { recursive: true, force: true })
  })

  it.runIf(mounted)(
    'nothing is acknowledged, and all comes when there is room',
    async () => {
      const play = await open({ dataDir: join(disk, 'data') })
      const filler = join(disk, 'filler')
      try {
        await outage(
          play,
          async () => {
            fill(filler)
            return async () => rmSync(filler)
          },
          /^fail: disk full$/,
        )
      } finally {
        await close(play)
      }
    },
    150_000,
  )
})

/** Until the disk takes no more; the gateway writes meanwhile, and how much there is room for nobody knows. */
const fill = (path: string): void => {
  const piece = Buffer.alloc(64 * 1024)
  try {
    for (;;) appendFileSync(path, piece)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error
  }
}

describe('PostgreSQL', () => {
  let postgres: OwnPostgres
  let play: Play
  beforeAll(async () => {
    postgres = await startOwnPostgres()
    play = await open({ databaseUrl: postgres.url })
  })
  afterAll(() => close(play))

  const administrator = async (): Promise<Client> => {
    const client = new Client({ connectionString: postgres.url })
    await client.connect()
    return client
  }

  it('stopped: nothing is acknowledged, and all comes when it is back', async () => {
    const stop = async () => {
      await postgres.stop()
      return postgres.start
    }
    await outage(play, stop, /^fail: /)
  }, 150_000)

  it('that takes no writes: the same', async () => {
    const readOnly = async (value: 'on' | 'off') => {
      const client = await administrator()
      await client.query(`alter system set default_transaction_read_only = ${value}`)
      await client.query('select pg_reload_conf()')
      await client.end()
    }
    const fail = async () => {
      await readOnly('on')
      return () => readOnly('off')
    }
    await outage(play, fail, /^fail: read-only$/)
  }, 150_000)

  const lock = async (): Promise<Mend> => {
    const client = await administrator()
    await client.query('begin')
    await client.query('lock table signal_records, inbox, messages, events in access exclusive mode')
    return async () => {
      await client.query('rollback')
      await client.end()
    }
  }

  it('locked by somebody else: the same', async () => {
    await outage(play, lock, /^fail: (locked|timed out)$/)
  }, 240_000)

  it('locked: SIGTERM ends it in time, and nothing is lost', () => stopWhileLocked(play, lock), 150_000)
})
