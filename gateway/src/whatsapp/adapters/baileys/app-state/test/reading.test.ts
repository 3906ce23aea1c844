import { describe, expect, it } from 'vitest'
import { Macs, saveState } from '../collections.ts'
import { PlayedAccount, PlayedCompanion } from './played-account.ts'

const value = { archiveChatAction: { archived: true } }

const pinned = async (account: PlayedAccount, ...chats: string[]): Promise<void> => {
  for (const chat of chats) await account.writes('regular_low', ['pin_v1', chat], value)
}

describe('reading', () => {
  it('the first time all there is, then what is new; also after a restart', async () => {
    const account = new PlayedAccount()
    await pinned(account, 'a', 'b')
    const one = new PlayedCompanion(account)
    one.appState.changed(['regular_low'])
    await one.idle()
    await pinned(account, 'c')
    one.appState.changed(['regular_low'])
    await one.idle()
    await pinned(account, 'd', 'a')
    const two = new PlayedCompanion(account, { store: one.store })
    two.appState.changed(['regular_low'])
    await two.idle()
    expect([...one.lines(), ...two.lines()]).toEqual([
      'regular_low@2 first pin_v1,a pin_v1,b',
      'critical_block@0 first ',
      'regular_low@3 pin_v1,c',
      'regular_low@4 pin_v1,d',
      'regular_low@5 pin_v1,a',
    ])
  })

  it('what is taken away is gone', async () => {
    const account = new PlayedAccount()
    await pinned(account, 'a', 'b', 'c')
    await account.writes('regular_low', ['pin_v1', 'b'], value, 'remove')
    const one = new PlayedCompanion(account)
    one.appState.changed(['regular_low'])
    await one.idle()
    await account.writes('regular_low', ['pin_v1', 'a'], value, 'remove')
    await pinned(account, 'a')
    one.appState.changed(['regular_low'])
    await one.idle()
    expect(one.lines().filter((line) => line.startsWith('regular_low'))).toEqual([
      'regular_low@4 first pin_v1,a pin_v1,c',
      'regular_low@5 -pin_v1,a',
      'regular_low@6 pin_v1,a',
    ])
  })

  it('all pages of it, as one when it is the first time', async () => {
    const account = new PlayedAccount()
    await pinned(account, ...'abcdefgh')
    const one = new PlayedCompanion(account)
    one.appState.changed(['regular_low'])
    await one.idle()
    expect(one.lines()[0]).toBe(`regular_low@8 first ${[...'abcdefgh'].map((chat) => `pin_v1,${chat}`).join(' ')}`)
    await pinned(account, ...'ijklmnop')
    one.appState.changed(['regular_low'])
    await one.idle()
    expect(one.told.at(-1)?.version).toBe(16)
    expect(account.asked.filter((line) => line.startsWith('read regular_low'))).toEqual(
      [0, 3, 6, 8, 11, 14].map((n) => `read regular_low@${n}`),
    )
  })

  it('a snapshot, where single changes are gone: the first time, and after a long time', async () => {
    const account = new PlayedAccount()
    account.folded = true
    await pinned(account, 'a', 'b')
    const one = new PlayedCompanion(account)
    one.appState.changed(['regular_low'])
    await one.idle()
    await pinned(account, 'c')
    await account.writes('regular_low', ['pin_v1', 'a'], value, 'remove')
    one.appState.changed(['regular_low'])
    await one.idle()
    account.folded = false
    await pinned(account, 'd')
    one.appState.changed(['regular_low'])
    await one.idle()
    expect(one.lines().filter((line) => line.startsWith('regular_low'))).toEqual([
      'regular_low@2 first pin_v1,a pin_v1,b',
      'regular_low@4 whole pin_v1,b pin_v1,c',
      'regular_low@5 pin_v1,d',
    ])
  })

  it('a large patch lies on the media host', async () => {
    const account = new PlayedAccount()
    account.external = true
    await pinned(account, 'a', 'b')
    const one = new PlayedCompanion(account)
    one.appState.changed(['regular_low'])
    await one.idle()
    expect(one.lines()[0]).toBe('regular_low@2 first pin_v1,a pin_v1,b')
  })

  it('all of it again on demand', async () => {
    const account = new PlayedAccount()
    await pinned(account, 'a', 'b')
    const one = new PlayedCompanion(account)
    await one.appState.refresh('regular_low')
    await one.appState.refresh('regular_low')
    expect(one.lines()).toEqual(['regular_low@2 first pin_v1,a pin_v1,b', 'regular_low@2 whole pin_v1,a pin_v1,b'])
  })

  it('nothing twice, however often it is said to have changed', async () => {
    const account = new PlayedAccount()
    const one = new PlayedCompanion(account)
    one.appState.opened()
    await one.idle()
    account.asked.length = 0
    await pinned(account, 'a')
    for (let times = 0; times < 50; times += 1) one.appState.changed(['regular_low'])
    await one.idle()
    expect(account.asked.filter((line) => line.includes('regular_low'))).toHaveLength(1)
    expect(one.lines().filter((line) => line.includes('pin_v1,a'))).toHaveLength(1)
  })

  it('of no collection WhatsApp does not have', async () => {
    const account = new PlayedAccount()
    const one = new PlayedCompanion(account)
    one.appState.changed(['irregular', 'constructor', ''])
    await one.idle()
    expect(account.asked).toEqual(['read critical_block@0'])
  })
})

describe('what is not stored', () => {
  it('counts as unread, and comes again', async () => {
    const account = new PlayedAccount()
    const one = new PlayedCompanion(account, { limits: { retryMs: [] } })
    one.appState.changed(['regular_low'])
    await one.idle()
    one.takes = false
    await pinned(account, 'a')
    one.appState.changed(['regular_low'])
    await one.idle()
    one.takes = true
    await pinned(account, 'b')
    one.appState.changed(['regular_low'])
    await one.idle()
    expect(one.lines().filter((line) => line.startsWith('regular_low'))).toEqual([
      'regular_low@0 first ',
      'regular_low@1 pin_v1,a',
      'regular_low@1 pin_v1,a',
      'regular_low@2 pin_v1,b',
    ])
  })

  it('is tried again by itself, a few times', async () => {
    const account = new PlayedAccount()
    const one = new PlayedCompanion(account)
    one.takes = false
    await pinned(account, 'a')
    one.appState.changed(['regular_low'])
    await expect.poll(() => one.told.length).toBe(3)
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(one.told).toHaveLength(3)
    expect(one.log).toHaveLength(1)
    one.takes = true
    one.appState.changed(['regular_low'])
    await one.idle()
    expect(one.told.at(-2)).toMatchObject({ version: 1, first: true })
  })
})

describe('WhatsApp', () => {
  it('that cannot be asked is asked again', async () => {
    const account = new PlayedAccount()
    await pinned(account, 'a')
    let failures = 2
    account.beforeAnswer = () => {
      failures -= 1
      if (failures >= 0) throw new Error('timed out')
    }
    const one = new PlayedCompanion(account)
    one.appState.changed(['regular_low'])
    await expect.poll(() => one.lines()).toEqual(['regular_low@1 first pin_v1,a'])
  })

  it('that refuses to tell of one collection tells of the others', async () => {
    const account = new PlayedAccount()
    await pinned(account, 'a')
    account.refused.set('regular', 404)
    const one = new PlayedCompanion(account)
    one.appState.opened()
    await expect.poll(() => account.asked.filter((line) => line.startsWith('read regular@'))).toHaveLength(3)
    expect(one.lines()).toContain('regular_low@1 first pin_v1,a')
    await expect(one.appState.refresh('regular')).rejects.toMatchObject({ code: 'rejected', serverCode: 404 })
  })
})

it('a change writes little, however much there is', async () => {
  const account = new PlayedAccount()
  const one = new PlayedCompanion(account)
  const macs = new Macs(one.store, 'regular_low', 'whole')
  for (let n = 0; n < 20_000; n += 1) macs.set(Buffer.concat([Buffer.of(n % 256), Buffer.alloc(31, `${n} `)]), Buffer.alloc(32, n))
  await saveState(one.store, 'regular_low', { version: 0, hash: new Uint8Array(128) }, macs)
  const written: number[] = []
  const { commit } = one.store
  one.store.commit = (batch) => {
    written.push(batch.put.reduce((sum, { value: bytes }) => sum + bytes.length, 0))
    return commit.call(one.store, batch)
  }
  const changed = new Macs(one.store, 'regular_low', 'stored')
  await changed.load([Buffer.alloc(32, 1)])
  changed.set(Buffer.alloc(32, 1), Buffer.alloc(32, 2))
  await saveState(one.store, 'regular_low', { version: 1, hash: new Uint8Array(128) }, changed)
  expect(written[0]).toBeLessThan(8_000)
})
