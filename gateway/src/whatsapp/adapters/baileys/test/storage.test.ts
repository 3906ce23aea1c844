/** What Baileys keeps through us. */
import { Curve, initAuthCreds, proto } from 'baileys'
import { describe, expect, it } from 'vitest'
import { MemorySessionStore } from '../../../memory/session-store.ts'
import { createAuthKeys } from '../auth-keys.ts'
import { Credentials } from '../credentials.ts'
import { type DeviceList, DeviceLists } from '../device-lists.ts'
import { KeyHolders, weightOfHolders } from '../key-holders.ts'
import { SharedCache } from '../shared-cache.ts'
import { WeightedCache } from '../weighted-cache.ts'

const fail = (error: unknown): never => {
  throw error
}

const keysOver = (store: MemorySessionStore, forgotten: string[] = [], failures: unknown[] = []) =>
  createAuthKeys({
    store,
    tokens: new SharedCache<unknown>(10).view('t'),
    holders: new KeyHolders(new WeightedCache(100, weightOfHolders), 'h'),
    forgetSessions: async (addresses) => void forgotten.push(...addresses),
    flushCredentials: async () => {},
    onStorageFailure: (error) => void failures.push(error),
  })

describe('auth.keys', () => {
  it('writes all prekeys of an upload in one commit, 64 bytes each', async () => {
    const store = new MemorySessionStore()
    const keys = keysOver(store)
    const pairs = Object.fromEntries(Array.from({ length: 812 }, (_, i) => [String(i + 1), Curve.generateKeyPair()]))
    await keys.set({ 'pre-key': pairs })
    expect(store.commits).toBe(1)
    expect(store.records.get('pre-key/812')).toHaveLength(64)
    const found = await keys.get('pre-key', ['812', '813'])
    expect(Buffer.from(found['812']?.private ?? [])).toEqual(pairs['812']?.private)
    expect(Buffer.from(found['812']?.public ?? [])).toEqual(pairs['812']?.public)
    expect(found['813']).toBeUndefined()
    await keys.set({ 'pre-key': { '812': null } })
    expect(await keys.get('pre-key', ['812'])).toEqual({})
  })

  it('who has a sender key is read once and written only when it says something new', async () => {
    const store = new MemorySessionStore()
    const keys = keysOver(store)
    const read = async () => (await keys.get('sender-key-memory', ['g'])).g ?? {}
    const write = async (devices: { [device: string]: boolean } | null) => keys.set({ 'sender-key-memory': { g: devices } })
    const stored = (): unknown => JSON.parse(Buffer.from(store.records.get('sender-key-memory/g') ?? '{}').toString())
    const give = async (...devices: string[]) => {
      const list = await read()
      for (const device of devices) list[device] = true
      return list
    }
    await write(await give('a', 'b'))
    await write(await give('a'))
    await write(await give())
    expect(store.commits).toBe(1)
    // Baileys writes into what it has read before it sends: until it says so, that is not what is stored.
    const later = await give('c')
    expect([later.a, later.c, later.d]).toEqual([true, true, undefined])
    expect((await read()).c).toBeUndefined()
    await write(later)
    expect(store.commits).toBe(2)
    expect(stored()).toEqual({ a: true, b: true, c: true })
    expect((await keysOver(store).get('sender-key-memory', ['g'])).g?.b).toBe(true)
    await write(null)
    expect((await read()).a).toBeUndefined()
    expect(store.records.size).toBe(0)
    await write(await give('a'))
    expect(stored()).toEqual({ a: true })
  })

  it('keeps app-state keys and versions, tokens and sender-key memory as they were', async () => {
    const keys = keysOver(new MemorySessionStore())
    const key = proto.Message.AppStateSyncKeyData.fromObject({ keyData: Buffer.alloc(32, 5), timestamp: 9 })
    const version = { version: 3, hash: Buffer.alloc(128, 1), indexValueMap: { abc: { valueMac: Buffer.alloc(32, 2) } } }
    const token = { token: Buffer.from('t'), timestamp: '7' }
    await keys.set({ 'app-state-sync-key': { k: key }, 'app-state-sync-version': { regular: version }, tctoken: { '9@lid': token } })
    await keys.set({ 'sender-key-memory': { g: { d: true } } })
    expect(Buffer.from((await keys.get('app-state-sync-key', ['k'])).k?.keyData ?? [])).toEqual(Buffer.alloc(32, 5))
    expect(await keys.get('app-state-sync-version', ['regular'])).toEqual({ regular: version })
    expect(await keys.get('tctoken', ['9@lid', '8@lid'])).toEqual({ '9@lid': token })
    expect((await keys.get('sender-key-memory', ['g'])).g?.d).toBe(true)
  })

  it('passes deletions of sessions on and refuses to keep any', async () => {
    const forgotten: string[] = []
    const store = new MemorySessionStore()
    const keys = keysOver(store, forgotten)
    await keys.set({ session: { '552_1.3': null } })
    expect(forgotten).toEqual(['552_1.3'])
    expect(store.commits).toBe(0)
    await expect(async () => keys.set({ session: { '552.0': Buffer.alloc(1) } })).rejects.toThrow('do not belong')
    await expect(async () => keys.set({ 'sender-key': { x: Buffer.alloc(1) } })).rejects.toThrow('do not belong')
    expect(await keys.get('session', ['552.0'])).toEqual({})
  })

  it('does not keep the list of all tokens, which would be rewritten at every new contact', async () => {
    const store = new MemorySessionStore()
    const keys = keysOver(store)
    await keys.set({ tctoken: { __index: { token: Buffer.from('[]') } } })
    expect(store.commits).toBe(0)
    expect(await keys.get('tctoken', ['__index'])).toEqual({})
  })

  it('reports a store that fails before it throws', async () => {
    const failures: unknown[] = []
    const store = new MemorySessionStore()
    store.failure = new Error('disk full')
    const keys = keysOver(store, [], failures)
    await expect(async () => keys.set({ 'pre-key': { '1': Curve.generateKeyPair() } })).rejects.toThrow('disk full')
    expect(failures).toHaveLength(1)
  })
})

describe('credentials', () => {
  it('are not stored before the device is linked, and come back byte for byte after', async () => {
    const store = new MemorySessionStore()
    const first = await Credentials.load(store, fail)
    first.value.me = { id: '551@s.whatsapp.net', name: '~' }
    first.changed()
    await first.flush()
    expect(store.credentials).toBeNull()
    first.value.account = proto.ADVSignedDeviceIdentity.fromObject({
      details: Buffer.from([1, 2]),
      accountSignatureKey: Buffer.alloc(32, 3),
    })
    first.value.processedHistoryMessages = [{ key: { id: '1' } }, { key: { id: '2' } }]
    first.changed()
    await first.flush()
    const again = await Credentials.load(store, fail)
    expect(again.linked).toBe(true)
    expect(Buffer.from(again.value.noiseKey.private)).toEqual(first.value.noiseKey.private)
    expect(Buffer.from(again.value.account?.accountSignatureKey ?? [])).toEqual(Buffer.alloc(32, 3))
    expect(again.value.processedHistoryMessages).toHaveLength(1)
    expect(Object.keys(initAuthCreds()).every((field) => field in again.value || first.value[field as 'me'] === undefined)).toBe(true)
  })

  it('many changes at once are few writes', async () => {
    const store = new MemorySessionStore(2)
    let writes = 0
    const save = store.saveCredentials.bind(store)
    store.saveCredentials = (bytes) => {
      writes += 1
      return save(bytes)
    }
    const credentials = await Credentials.load(store, fail)
    credentials.value.me = { id: '551@s.whatsapp.net' }
    credentials.value.account = {}
    for (let i = 0; i < 50; i++) credentials.changed()
    await credentials.flush()
    expect(writes).toBeLessThanOrEqual(2)
  })

  it('a change that is none is no write, and the next one is', async () => {
    const store = new MemorySessionStore()
    const linked = await Credentials.load(store, fail)
    linked.value.me = { id: '551@s.whatsapp.net' }
    linked.value.account = {}
    linked.changed()
    await linked.flush()
    let writes = 0
    const save = store.saveCredentials.bind(store)
    store.saveCredentials = (bytes) => {
      writes += 1
      return save(bytes)
    }
    const credentials = await Credentials.load(store, fail)
    credentials.changed()
    await credentials.flush()
    expect(writes).toBe(0)
    credentials.value.me = { id: '551@s.whatsapp.net', name: 'Ana' }
    credentials.changed()
    await credentials.flush()
    expect(writes).toBe(1)
    expect((await Credentials.load(store, fail)).value.me?.name).toBe('Ana')
  })
})

describe('device lists', () => {
  const devices = [{ user: '552', device: 3, server: 's.whatsapp.net' }]

  it('outlive the process, and are dropped when told', async () => {
    const store = new MemorySessionStore()
    await new DeviceLists(store, new SharedCache<DeviceList>(9).view('a'), fail).set('552', devices)
    const later = new DeviceLists(store, new SharedCache<DeviceList>(9).view('b'), fail)
    expect(await later.get('552')).toEqual(devices)
    await later.del('552')
    expect(await later.get('552')).toBeUndefined()
  })

  it('of a whole group are written in one commit and read in one question', async () => {
    const store = new MemorySessionStore()
    const users = Array.from({ length: 1_000 }, (_, n) => `55${n}`)
    await new DeviceLists(store, new SharedCache<DeviceList>(5_000).view('a'), fail).mset(users.map((key) => ({ key, value: devices })))
    expect(store.commits).toBe(1)
    let questions = 0
    const { load } = store
    store.load = (...asked) => {
      questions += 1
      return load.apply(store, asked)
    }
    const later = new DeviceLists(store, new SharedCache<DeviceList>(5_000).view('b'), fail)
    for (const _ of [1, 2]) {
      const found = await later.mget([...users, 'stranger'])
      expect(Object.keys(found)).toHaveLength(1_000)
      expect(found['55999']).toEqual(devices)
      expect(found.stranger).toBeUndefined()
    }
    expect(questions).toBe(2)
  })

  it('are asked for again when in doubt, but not right after they were', async () => {
    const store = new MemorySessionStore()
    const lists = new DeviceLists(store, new SharedCache<DeviceList>(9).view('a'), fail)
    await lists.set('552', devices)
    lists.doubt('552')
    expect(await lists.get('552')).toEqual(devices)
    const old = { at: Date.now() - 2 * 3_600_000, devices }
    store.records.set('device-list/553', Buffer.from(JSON.stringify(old)))
    expect(await lists.get('553')).toEqual(devices)
    lists.doubt('553')
    expect(await lists.get('553')).toBeUndefined()
  })

  it('are asked for again after a week', async () => {
    const store = new MemorySessionStore()
    const old = { at: Date.now() - 8 * 24 * 3_600_000, devices }
    store.records.set('device-list/552', Buffer.from(JSON.stringify(old)))
    expect(await new DeviceLists(store, new SharedCache<DeviceList>(9).view('a'), fail).get('552')).toBeUndefined()
  })
})
