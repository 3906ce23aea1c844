import { describe, expect, it } from 'vitest'
import { change, PlayedAccount, PlayedCompanion } from './played-account.ts'

const value = { archiveChatAction: { archived: true } }
const pin = (chat = 'x') => change('pin_v1', chat)

describe('writing', () => {
  it('one after the other, each on top of the one before; the library reads them', async () => {
    const account = new PlayedAccount()
    const one = new PlayedCompanion(account)
    await Promise.all(['a', 'b', 'a'].map((chat) => one.appState.write('regular_low', async () => [pin(chat)])))
    await one.appState.write('regular_low', async () => [pin('c'), { ...pin('a'), operation: 'remove' }])
    expect(account.asked.filter((line) => line.startsWith('write'))).toEqual([0, 1, 2, 3].map((n) => `write regular_low@${n}`))
    expect(one.lines()).toEqual([
      'regular_low@0 first ',
      'regular_low@1 pin_v1,a',
      'regular_low@2 pin_v1,b',
      'regular_low@3 pin_v1,a',
      'regular_low@4 -pin_v1,a pin_v1,c',
    ])
    const other = new PlayedCompanion(account)
    await other.appState.refresh('regular_low')
    expect(other.lines()).toEqual(['regular_low@4 first pin_v1,b pin_v1,c'])
  })

  it('when another device was faster, on top of what it wrote', async () => {
    const account = new PlayedAccount()
    const one = new PlayedCompanion(account)
    let clashes = 2
    account.beforeWrite = async () => {
      if (clashes > 0) await account.writes('regular_low', ['pin_v1', `phone ${clashes}`], value)
      clashes -= 1
    }
    const known: number[] = []
    await one.appState.write('regular_low', async () => {
      known.push(one.told.length)
      return [pin()]
    })
    expect(known).toEqual([1, 2, 3])
    expect(one.lines().slice(1)).toEqual(['regular_low@1 pin_v1,phone 2', 'regular_low@2 pin_v1,phone 1', 'regular_low@3 pin_v1,x'])
  })

  it('is given up when others are always faster; the next is tried all the same', async () => {
    const account = new PlayedAccount()
    const one = new PlayedCompanion(account)
    let clashes = 5
    account.beforeWrite = async () => {
      clashes -= 1
      if (clashes >= 0) await account.writes('regular_low', ['pin_v1', 'phone'], value)
    }
    const first = one.appState.write('regular_low', async () => [pin()])
    const second = one.appState.write('regular_low', async () => [pin()])
    await expect(first).rejects.toMatchObject({ code: 'conflict', serverCode: 409 })
    await second
    expect(account.asked.filter((line) => line.startsWith('write'))).toHaveLength(6)
  })

  it('nothing is nothing, and what is thrown while deciding is thrown', async () => {
    const account = new PlayedAccount()
    const one = new PlayedCompanion(account)
    await one.appState.write('regular_low', async () => [])
    const thought = new Error('better not')
    await expect(
      one.appState.write('regular_low', async () => {
        throw thought
      }),
    ).rejects.toBe(thought)
    expect(account.asked.filter((line) => line.startsWith('write'))).toEqual([])
  })

  it('what WhatsApp refuses is an error', async () => {
    const account = new PlayedAccount()
    const one = new PlayedCompanion(account)
    await one.appState.refresh('regular_low')
    account.beforeWrite = async () => void account.refused.set('regular_low', 507)
    await one.appState.write('regular_low', async () => [pin()])
    await expect(one.appState.write('regular_low', async () => [pin()])).rejects.toMatchObject({ code: 'rejected', serverCode: 507 })
  })

  it('what was written and could not be stored comes again as what is new', async () => {
    const account = new PlayedAccount()
    const one = new PlayedCompanion(account, { limits: { retryMs: [] } })
    await one.appState.refresh('regular_low')
    one.takes = false
    await expect(one.appState.write('regular_low', async () => [pin()])).rejects.toThrow()
    one.takes = true
    await one.appState.write('regular_low', async () => [pin('y')])
    expect(one.lines().slice(1)).toEqual(['regular_low@1 pin_v1,x', 'regular_low@1 pin_v1,x', 'regular_low@2 pin_v1,y'])
  })

  it('ends with the session', async () => {
    const account = new PlayedAccount()
    const one = new PlayedCompanion(account, { known: [], limits: { keyPatienceMs: 60_000 } })
    const waiting = one.appState.write('regular_low', async () => [pin()])
    one.appState.end()
    await expect(waiting).rejects.toMatchObject({ code: 'not-connected' })
    one.appState.changed(['regular_low'])
    await one.idle()
    expect(account.asked).toEqual([])
  })
})

describe('keys', () => {
  it('the first one is waited for a moment', async () => {
    const account = new PlayedAccount()
    const one = new PlayedCompanion(account, { known: [], limits: { keyPatienceMs: 5_000 } })
    const writing = one.appState.write('regular_low', async () => [pin()])
    await one.gets(account.keyId, account.keys.get(account.keyId) ?? {})
    await writing
    expect(account.collection('regular_low').version).toBe(1)
  })

  it('and no longer: the phone has to share it first', async () => {
    const account = new PlayedAccount()
    const one = new PlayedCompanion(account, { known: [] })
    await expect(one.appState.write('regular_low', async () => [pin()])).rejects.toMatchObject({ code: 'not-ready' })
    one.appState.opened()
    await one.idle()
    expect(account.asked).toEqual([])
  })

  it('one that is missing is asked for once; what needs it waits, and nothing of it is lost', async () => {
    const account = new PlayedAccount()
    const [old = ''] = account.keys.keys()
    const one = new PlayedCompanion(account)
    one.appState.changed(['regular_low'])
    await one.idle()
    await account.writes('regular_low', ['pin_v1', 'a'], value)
    const fresh = account.newKey()
    await account.writes('regular_low', ['pin_v1', 'b'], value)
    for (let times = 0; times < 3; times += 1) {
      one.appState.changed(['regular_low'])
      await one.idle()
    }
    expect(one.lines().filter((line) => line.startsWith('regular_low'))).toEqual(['regular_low@0 first ', 'regular_low@1 pin_v1,a'])
    await expect(one.appState.write('regular_low', async () => [pin()])).rejects.toMatchObject({ code: 'not-ready' })
    expect(one.askedKeys).toEqual([fresh])
    expect(one.log).toHaveLength(1)
    await one.gets(fresh, account.keys.get(fresh) ?? {})
    await one.idle()
    expect(one.lines()).toContain('regular_low@2 pin_v1,b')
    expect([old, fresh]).toContain(one.keys.writing)
    expect(one.keys.writing).toBe(fresh)
  })

  it('a phone that does not have it any more shares nothing, and an old one is not written with', async () => {
    const account = new PlayedAccount()
    const [old = ''] = account.keys.keys()
    const fresh = account.newKey(Date.now() + 1_000)
    const one = new PlayedCompanion(account, { known: [fresh] })
    await one.gets('bm9uZQ==', {})
    expect(one.keys.writing).toBe(fresh)
    await one.gets(old, account.keys.get(old) ?? {})
    expect(one.keys.writing).toBe(fresh)
    await one.appState.write('regular_low', async () => [pin()])
    expect(Buffer.from(account.collection('regular_low').patches[0]?.keyId?.id ?? []).toString('base64')).toBe(fresh)
  })

  it('records of one snapshot may be sealed with several', async () => {
    const account = new PlayedAccount()
    await account.writes('regular_low', ['pin_v1', 'a'], value)
    account.newKey()
    await account.writes('regular_low', ['pin_v1', 'b'], value)
    account.folded = true
    const one = new PlayedCompanion(account)
    await one.appState.refresh('regular_low')
    expect(one.lines()).toEqual(['regular_low@2 first pin_v1,a pin_v1,b'])
  })
})
