import { proto } from 'baileys'
import { describe, expect, it } from 'vitest'
import { change, PlayedAccount, PlayedCompanion } from './played-account.ts'

const value = { pushNameSetting: { name: 'long enough for something in the middle of it to be damaged alone'.repeat(3) } }

/** Three settings are known; two changes follow, of which something happens to the second. */
const stage = async () => {
  const account = new PlayedAccount()
  const one = new PlayedCompanion(account)
  for (const chat of 'abc') await account.writes('regular_low', ['pin_v1', chat], value)
  one.appState.changed(['regular_low'])
  await one.idle()
  one.told.length = 0
  for (const chat of 'de') await account.writes('regular_low', ['pin_v1', chat], value)
  return { account, one }
}

const flip = (bytes: Uint8Array | null | undefined, at: number): void => {
  const byte = bytes?.at(at)
  if (bytes && byte !== undefined) bytes[at < 0 ? bytes.length + at : at] = byte ^ 1
}

const record = (patch: proto.ISyncdPatch) => patch.mutations?.[0]?.record

const damages: [string, (patch: proto.ISyncdPatch) => void][] = [
  ['its value', (patch) => flip(record(patch)?.value?.blob, 20)],
  ['the middle of its value', (patch) => flip(record(patch)?.value?.blob, 120)],
  ['the MAC of its value', (patch) => flip(record(patch)?.value?.blob, -1)],
  ['its index', (patch) => flip(record(patch)?.index?.blob, 0)],
  ['the MAC of the whole', (patch) => flip(patch.snapshotMac, 0)],
  ['its own MAC', (patch) => flip(patch.patchMac, 0)],
  ['its operation', (patch) => Object.assign(patch.mutations?.[0] ?? {}, { operation: proto.SyncdMutation.SyncdOperation.REMOVE })],
  ['a change that is left out', (patch) => patch.mutations?.pop()],
  ['a change that is told twice', (patch) => patch.mutations?.push(...(patch.mutations ?? []))],
  ['no value', (patch) => Object.assign(record(patch) ?? {}, { value: null })],
  ['a value that is too short', (patch) => Object.assign(record(patch) ?? {}, { value: { blob: Buffer.alloc(40) } })],
  ['no key', (patch) => Object.assign(patch, { keyId: null })],
  ['no MAC', (patch) => Object.assign(patch, { patchMac: null })],
]

describe('a change that cannot be verified', () => {
  it.each(damages)('%s: is not applied; all is read from the beginning, nothing is lost', async (_what, damage) => {
    const { account, one } = await stage()
    let answers = 0
    account.onTheWay = (patches) => {
      answers += 1
      if (answers === 1 && patches[1]) damage(patches[1])
      return patches
    }
    one.appState.changed(['regular_low'])
    await one.idle()
    const [before, whole, ...more] = one.lines().filter((line) => line.startsWith('regular_low'))
    expect(before).toBe('regular_low@4 pin_v1,d')
    expect(whole).toBe('regular_low@5 whole pin_v1,a pin_v1,b pin_v1,c pin_v1,d pin_v1,e')
    expect(more).toEqual([])
    expect(one.log).toHaveLength(1)
    one.told.length = 0
    await account.writes('regular_low', ['pin_v1', 'f'], value)
    one.appState.changed(['regular_low'])
    await one.idle()
    expect(one.lines()).toEqual(['regular_low@6 pin_v1,f'])
  })

  it.each([
    ['a change that is missing', (patches: proto.ISyncdPatch[]) => patches.slice(1)],
    ['changes in another order', (patches: proto.ISyncdPatch[]) => patches.toReversed()],
    ['the change of another version', (patches: proto.ISyncdPatch[]) => [{ ...patches[1], version: { version: 4 } }]],
    ['something else', () => [{ snapshotMac: Buffer.from('x') }]],
  ])('%s: the same', async (_what, damage) => {
    const { account, one } = await stage()
    let answers = 0
    account.onTheWay = (patches) => {
      answers += 1
      return answers === 1 ? damage(patches) : patches
    }
    one.appState.changed(['regular_low'])
    await one.idle()
    expect(one.lines()).toEqual(['regular_low@5 whole pin_v1,a pin_v1,b pin_v1,c pin_v1,d pin_v1,e'])
    expect(one.log).toHaveLength(1)
  })

  it('the state it was made for is another than ours: the same', async () => {
    const { account, one } = await stage()
    const state = one.store.records.get('app-state/regular_low')
    flip(state, 50)
    one.appState.changed(['regular_low'])
    await one.idle()
    expect(one.lines()).toEqual(['regular_low@5 whole pin_v1,a pin_v1,b pin_v1,c pin_v1,d pin_v1,e'])
    await account.writes('regular_low', ['pin_v1', 'f'], value)
    one.appState.changed(['regular_low'])
    await one.idle()
    expect(one.lines().at(-1)).toBe('regular_low@6 pin_v1,f')
  })

  it('changes that are known already are passed over', async () => {
    const { account, one } = await stage()
    account.onTheWay = (patches) => [...account.collection('regular_low').patches.slice(1, 3), ...patches]
    one.appState.changed(['regular_low'])
    await one.idle()
    expect(one.lines()).toEqual(['regular_low@4 pin_v1,d', 'regular_low@5 pin_v1,e'])
  })
})

describe('what cannot be verified from the beginning either', () => {
  const hopeless = async () => {
    const { account, one } = await stage()
    account.onTheWay = (patches, name) => {
      if (name === 'regular_low') for (const patch of patches) flip(patch.snapshotMac, 0)
      return patches
    }
    return { account, one }
  }

  it('is not applied, not asked for again and again, and complained about once', async () => {
    const { account, one } = await hopeless()
    account.asked.length = 0
    for (let times = 0; times < 5; times += 1) {
      one.appState.changed(['regular_low'])
      await one.idle()
    }
    expect(one.lines()).toEqual([])
    expect(account.asked.filter((line) => line.includes('regular_low'))).toEqual(['read regular_low@3', 'read regular_low@0'])
    expect(one.log.map((line) => JSON.parse(line).level)).toEqual([40, 50])
  })

  it('is not written to, while the others are', async () => {
    const { account, one } = await hopeless()
    await expect(one.appState.write('regular_low', async () => [change('pin_v1', 'x')])).rejects.toMatchObject({ code: 'damaged' })
    await expect(one.appState.refresh('regular_low')).rejects.toMatchObject({ code: 'damaged' })
    await one.appState.write('regular_high', async () => [change('mute', 'x')])
    expect(account.collection('regular_low').version).toBe(5)
    expect(account.collection('regular_high').version).toBe(1)
  })

  it('is read when it has been mended: some time later, after a connect, or on demand', async () => {
    const { account, one } = await stage()
    const damage = (patches: proto.ISyncdPatch[]) => {
      for (const patch of patches) flip(patch.snapshotMac, 0)
      return patches
    }
    const later = new PlayedCompanion(account, { store: one.store, limits: { brokenMs: 1 } })
    account.onTheWay = damage
    later.appState.changed(['regular_low'])
    await later.idle()
    account.onTheWay = (patches) => patches
    await new Promise((resolve) => setTimeout(resolve, 5))
    later.appState.changed(['regular_low'])
    await later.idle()
    expect(later.lines()).toEqual(['regular_low@4 pin_v1,d', 'regular_low@5 pin_v1,e'])

    account.onTheWay = damage
    await account.writes('regular_low', ['pin_v1', 'f'], value)
    later.appState.changed(['regular_low'])
    await later.idle()
    account.onTheWay = (patches) => patches
    const again = new PlayedCompanion(account, { store: one.store })
    again.appState.opened()
    await again.idle()
    expect(again.lines()).toContain('regular_low@6 pin_v1,f')

    account.onTheWay = damage
    await account.writes('regular_low', ['pin_v1', 'g'], value)
    again.appState.changed(['regular_low'])
    await again.idle()
    account.onTheWay = (patches) => patches
    await again.appState.refresh('regular_low')
    await again.appState.write('regular_low', async () => [change('pin_v1', 'h')])
    expect(again.lines().at(-1)).toBe('regular_low@8 pin_v1,h')
  })
})

describe('a snapshot', () => {
  it.each<[string, (snapshot: proto.ISyncdSnapshot) => void]>([
    ['with a damaged record', (snapshot) => flip(snapshot.records?.[0]?.value?.blob, 20)],
    ['without one of its records', (snapshot) => snapshot.records?.pop()],
    ['with a record twice', (snapshot) => snapshot.records?.push(...(snapshot.records?.slice(0, 1) ?? []))],
    ['of another version', (snapshot) => Object.assign(snapshot, { version: { version: 4 } })],
    ['without a MAC', (snapshot) => Object.assign(snapshot, { mac: null })],
  ])('%s is not applied', async (_what, damage) => {
    const { account, one } = await stage()
    account.folded = true
    account.onSnapshot = (snapshot) => {
      snapshot.records = (snapshot.records ?? []).map((each) => proto.SyncdRecord.decode(proto.SyncdRecord.encode(each).finish()))
      damage(snapshot)
    }
    one.appState.changed(['regular_low'])
    await one.idle()
    expect(one.lines()).toEqual([])
    account.onSnapshot = () => {}
    await one.appState.refresh('regular_low')
    expect(one.lines()).toEqual(['regular_low@5 whole pin_v1,a pin_v1,b pin_v1,c pin_v1,d pin_v1,e'])
  })

  it('that is something else is not applied', async () => {
    const { account, one } = await stage()
    account.folded = true
    const { download } = account
    account.download = async (blob) => Buffer.concat([await download(blob), Buffer.from([0xff])])
    const two = new PlayedCompanion(account, { store: one.store })
    two.appState.changed(['regular_low'])
    await two.idle()
    expect(two.lines()).toEqual([])
  })
})
