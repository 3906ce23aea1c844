import { proto } from 'baileys'
import { describe, expect, test } from 'vitest'
import { AppState, AppStateConflict, type Collection } from './app-state.ts'

const { SET, REMOVE } = proto.SyncdMutation.SyncdOperation

function patch(index: string, value: string, operation = SET): Uint8Array {
  return proto.SyncdPatch.encode({
    mutations: [
      { operation, record: { index: { blob: Buffer.from(index) }, value: { blob: Buffer.from(value) }, keyId: { id: Buffer.from('k') } } },
    ],
    snapshotMac: Buffer.from(`mac of ${value}`),
    keyId: { id: Buffer.from('k') },
  }).finish()
}

function collection(): Collection {
  const found = new AppState().collection('regular')
  if (found === undefined) throw new Error('no such collection')
  return found
}

const valueIn = (bytes: Uint8Array) => Buffer.from(proto.SyncdPatch.decode(bytes).mutations?.[0]?.record?.value?.blob ?? []).toString()

test('collections are WhatsApp’s five', () => {
  const state = new AppState()
  expect(state.collection('anything')).toBeUndefined()
  expect(Object.keys(state.versions())).toEqual(['critical_block', 'critical_unblock_low', 'regular_high', 'regular_low', 'regular'])
})

describe('patches', () => {
  test('are numbered and carry their number', () => {
    const regular = collection()
    expect(regular.append(0, patch('a', '1'))).toBe(1)
    expect(regular.append(1, patch('b', '2'))).toBe(2)
    const { patches, version, hasMore, snapshot } = regular.since(0, true)
    expect(patches.map(({ bytes }) => [Number(proto.SyncdPatch.decode(bytes).version?.version), valueIn(bytes)])).toEqual([
      [1, '1'],
      [2, '2'],
    ])
    expect([version, hasMore, snapshot]).toEqual([2, false, undefined])
    expect(regular.since(1, false).patches.map(({ version: number }) => number)).toEqual([2])
    expect(regular.since(2, false).patches).toEqual([])
  })

  test('on top of an old version are refused', () => {
    const regular = collection()
    regular.append(0, patch('a', '1'))
    expect(() => regular.append(0, patch('a', '2'))).toThrow(AppStateConflict)
    expect(regular.version).toBe(1)
  })

  test('come in pages', () => {
    const regular = collection()
    for (let version = 0; version < 250; version += 1) regular.append(version, patch(`i${version}`, `v${version}`))
    const first = regular.since(0, true)
    expect([first.patches.length, first.version, first.hasMore]).toEqual([100, 100, true])
    const last = regular.since(200, false)
    expect([last.patches.length, last.version, last.hasMore]).toEqual([50, 250, false])
  })
})

test('old patches are folded into a snapshot of what is still true', () => {
  const regular = collection()
  regular.append(0, patch('gone', 'x'))
  regular.append(1, patch('gone', 'x', REMOVE))
  for (let version = 2; version < 1_100; version += 1) regular.append(version, patch(`i${version % 7}`, `v${version}`))
  const { snapshot, patches, version } = regular.since(0, true)
  expect([patches, version]).toEqual([[], 1_100])
  const decoded = proto.SyncdSnapshot.decode(snapshot ?? new Uint8Array())
  expect(Number(decoded.version?.version)).toBe(1_100)
  expect(decoded.records).toHaveLength(7)
  expect(Buffer.from(decoded.mac ?? []).toString()).toBe('mac of v1099')
  expect(regular.since(1_099, false).patches).toHaveLength(1)
})
