/** The session and identity stores, the same story in memory and on both databases. */
import { beforeEach, describe, expect, it } from 'vitest'
import { forEachDatabase, type TestDatabase } from '../../../testing/databases.ts'
import { addAccount, addInstance } from '../../../testing/rows.ts'
import type { IdentityStore, InboxRow, SessionStore } from '../engine.ts'
import { DatabaseIdentityStore } from '../identities.ts'
import { awaitedInbox, purgeInbox, setInboxAside, settleInbox, unsettledInbox } from '../inbox-table.ts'
import { MemoryIdentityStore } from '../memory/identities.ts'
import { MemorySessionStore } from '../memory/session-store.ts'
import { DatabaseSessionStore } from '../session-store.ts'

const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text))
const row = (hash: string, receivedAt = 5): InboxRow => ({
  hash,
  attributes: { id: hash, from: 'x' },
  plaintext: bytes(`plain ${hash}`),
  receivedAt,
})

const stores = (open: () => Promise<{ store: SessionStore; other: SessionStore; identities: IdentityStore }>): void => {
  let store: SessionStore
  let other: SessionStore
  let identities: IdentityStore
  beforeEach(async () => {
    ;({ store, other, identities } = await open())
  })

  it('keep credentials, the last ones, of one instance only', async () => {
    expect(await store.loadCredentials()).toBeNull()
    await store.saveCredentials(bytes('one'))
    await store.saveCredentials(bytes('two'))
    expect(await store.loadCredentials()).toEqual(bytes('two'))
    expect(await other.loadCredentials()).toBeNull()
  })

  it('commit records, replacements, removals and an inbox row together', async () => {
    const put = Array.from({ length: 812 }, (_, i) => ({ kind: 'pre-key', id: String(i), value: bytes(`key ${i}`) }))
    await store.commit({ put, remove: [] })
    await store.commit({
      put: [{ kind: 'session', id: 'a.0', value: bytes('s1') }],
      remove: [{ kind: 'pre-key', id: '7' }],
      inbox: [row('h1')],
    })
    await store.commit({ put: [{ kind: 'session', id: 'a.0', value: bytes('s2') }], remove: [] })
    expect(await store.load('session', ['a.0', 'b.0'])).toEqual(new Map([['a.0', bytes('s2')]]))
    expect(
      (
        await store.load(
          'pre-key',
          put.map(({ id }) => id),
        )
      ).size,
    ).toBe(811)
    expect(await store.load('pre-key', [])).toEqual(new Map())
    expect(await store.findInbox('h1')).toEqual({ row: row('h1'), recorded: false })
    expect(await store.findInbox('h2')).toBeNull()
    expect(await other.load('session', ['a.0'])).toEqual(new Map())
    expect(await other.findInbox('h1')).toBeNull()
  })

  it('recognise a settled row without its content', async () => {
    await store.commit({ put: [], remove: [], inbox: [row('h1')] })
    await store.commit({ put: [], remove: [], inbox: [row('h2')], settleInbox: ['h1', 'unknown'] })
    expect(await store.findInbox('h1')).toMatchObject({ recorded: true, row: { plaintext: new Uint8Array() } })
    expect(await store.findInbox('h2')).toMatchObject({ recorded: false })
  })

  it('note what nobody could read once, and apart from what is to be recorded', async () => {
    await store.commit({ put: [], remove: [], awaited: [row('a1', 1)] })
    await store.commit({ put: [], remove: [], awaited: [row('a2', 2), row('a1', 3)], inbox: [row('h1')] })
    const noted = (rows: InboxRow[]) => rows.map(({ hash, receivedAt }) => [hash, receivedAt])
    expect(noted(await store.loadAwaited(10))).toEqual([
      ['a2', 2],
      ['a1', 1],
    ])
    expect(noted(await store.loadAwaited(1))).toEqual([['a2', 2]])
    expect(await other.loadAwaited(10)).toEqual([])
    await store.commit({ put: [], remove: [], settleInbox: ['a1'] })
    await store.commit({ put: [], remove: [], awaited: [row('a1', 4)] })
    expect(noted(await store.loadAwaited(10))).toEqual([['a2', 2]])
  })

  it('forget credentials and records, not what waits to be recorded', async () => {
    await store.saveCredentials(bytes('one'))
    await store.commit({ put: [{ kind: 'session', id: 'a.0', value: bytes('s') }], remove: [], inbox: [row('h1')] })
    await store.clear()
    expect(await store.loadCredentials()).toBeNull()
    expect(await store.load('session', ['a.0'])).toEqual(new Map())
    expect(await store.findInbox('h1')).not.toBeNull()
  })

  it('learn the same pair many times at once', async () => {
    await Promise.all(Array.from({ length: 20 }, () => identities.learn([{ number: '34600000009', lid: '900000009' }])))
    expect(await identities.lidsOf(['34600000009'])).toEqual(new Map([['34600000009', '900000009']]))
  })

  it('learn pairs of LID and number; the newest counts, both ways', async () => {
    await identities.learn([
      { number: '551', lid: '91' },
      { number: '552', lid: '92' },
    ])
    await identities.learn([{ number: '551', lid: '93' }])
    expect(await identities.lidsOf(['551', '552', '553'])).toEqual(
      new Map([
        ['551', '93'],
        ['552', '92'],
      ]),
    )
    expect(await identities.numbersOf(['93', '92', '91'])).toEqual(
      new Map([
        ['93', '551'],
        ['92', '552'],
      ]),
    )
    await identities.learn([{ number: '554', lid: '93' }])
    expect(await identities.lidsOf(['551', '554'])).toEqual(new Map([['554', '93']]))
    await identities.learn([])
    await identities.learn(Array.from({ length: 2_500 }, (_, i) => ({ number: `7${i}`, lid: `8${i}` })))
    expect((await identities.lidsOf(Array.from({ length: 2_500 }, (_, i) => `7${i}`))).size).toBe(2_500)
  })
}

describe('stores in memory', () => {
  stores(async () => ({ store: new MemorySessionStore(), other: new MemorySessionStore(), identities: new MemoryIdentityStore() }))
})

describe('stores', () => {
  forEachDatabase((_name, open) => {
    let database: TestDatabase
    const instance = async (id: string): Promise<void> => {
      await addAccount(database.db, `account ${id}`)
      await addInstance(database.db, id, `account ${id}`)
    }
    const openBoth = async () => {
      database = await open()
      await instance('one')
      await instance('two')
      const { db, vault } = database
      return {
        store: new DatabaseSessionStore(db, vault, 'one'),
        other: new DatabaseSessionStore(db, vault, 'two'),
        identities: new DatabaseIdentityStore(db, 'one'),
      }
    }
    stores(openBoth)

    it('hold nothing readable', async () => {
      const { store } = await openBoth()
      await store.saveCredentials(bytes('SECRET-credentials'))
      await store.commit({
        put: [{ kind: 'session', id: 'a.0', value: bytes('SECRET-session') }],
        remove: [],
        inbox: [{ ...row('h'), plaintext: bytes('SECRET-text') }],
      })
      const all = [
        ...(await database.db.read.selectFrom('session_credentials').selectAll().execute()),
        ...(await database.db.read.selectFrom('signal_records').selectAll().execute()),
        ...(await database.db.read.selectFrom('inbox').selectAll().execute()),
      ]
      expect(all).toHaveLength(3)
      for (const one of all)
        expect(
          Object.values(one)
            .map((value) => Buffer.from(String(value instanceof Uint8Array ? Buffer.from(value) : value)).toString())
            .join(),
        ).not.toContain('SECRET')
    })

    it('give the recorder what a crash left behind, oldest first, and let go of old settled rows', async () => {
      const { store, other } = await openBoth()
      await store.commit({ put: [], remove: [], inbox: [row('late', 30)] })
      await other.commit({ put: [], remove: [], inbox: [row('early', 10)] })
      await store.commit({ put: [], remove: [], inbox: [row('done', 5)], settleInbox: [] })
      await database.db.write((tx) => settleInbox(tx, 'one', ['done']))
      const left = (before: number, limit: number) => unsettledInbox(database.db.read, database.vault, before, limit)
      expect(await left(31, 10)).toEqual([
        { instanceId: 'two', ...row('early', 10) },
        { instanceId: 'one', ...row('late', 30) },
      ])
      expect(await left(31, 1)).toHaveLength(1)
      expect(await left(30, 10)).toHaveLength(1)
      expect(await purgeInbox(database.db, 'settled', 20, 100)).toBe(1)
      expect(await store.findInbox('done')).toBeNull()
      expect(await other.findInbox('early')).not.toBeNull()
    })

    it('give damaged rows too, each by itself, and keep what is set aside for its own time', async () => {
      const { store } = await openBoth()
      await store.commit({
        put: [],
        remove: [],
        inbox: [row('whole', 1), row('sealed', 2), row('attributes', 3)],
        awaited: [row('awaited', 4)],
      })
      const damage = (hash: string, set: { plaintext: Uint8Array } | { attributes: string }) =>
        database.db.write((tx) => tx.updateTable('inbox').set(set).where('hash', '=', hash).execute())
      await damage('sealed', { plaintext: bytes('nonsense') })
      await damage('attributes', { attributes: '{"id":' })
      const { read } = database.db
      expect(await unsettledInbox(read, database.vault, 10, 10)).toEqual([
        { instanceId: 'one', ...row('whole', 1) },
        { instanceId: 'one', ...row('sealed', 2), plaintext: null },
        { instanceId: 'one', ...row('attributes', 3), attributes: null },
      ])
      await database.db.write((tx) => setInboxAside(tx, 'one', 'sealed'))
      expect(await unsettledInbox(read, database.vault, 10, 10)).toHaveLength(2)
      expect(await awaitedInbox(read, database.vault, 4, 10)).toHaveLength(0)
      expect(await awaitedInbox(read, database.vault, 5, 10)).toMatchObject([{ hash: 'awaited' }])
      expect(await purgeInbox(database.db, 'settled', 10, 10)).toBe(0)
      expect(await purgeInbox(database.db, 'setAside', 10, 10)).toBe(1)
    })
  })
})
