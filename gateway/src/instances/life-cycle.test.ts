import { describe, expect, it } from 'vitest'
import type { InstanceState } from '../storage/schema.ts'
import { defaultLimits, edge, inputOfClose, type LifeCycleInput, limitOf } from './life-cycle.ts'

const states: InstanceState[] = ['disconnected', 'connecting', 'qr', 'closed', 'connected', 'loggedout', 'banned', 'deleting']

describe('The life cycle', () => {
  it.each<[InstanceState, LifeCycleInput, InstanceState, string | null, boolean | undefined]>([
    ['disconnected', 'connect', 'connecting', null, true],
    ['disconnected', 'retry', 'connecting', null, undefined],
    ['disconnected', 'failed', 'disconnected', null, false],
    ['connecting', 'code', 'qr', 'qr_ready', undefined],
    ['qr', 'code', 'qr', 'qr_ready', undefined],
    ['qr', 'paired', 'connecting', 'pair_success', undefined],
    ['connecting', 'open', 'connected', 'connected', true],
    ['qr', 'expired', 'closed', 'disconnected', false],
    ['connecting', 'failed', 'disconnected', 'connect_failure', false],
    ['connecting', 'lost', 'disconnected', 'connect_failure', undefined],
    ['connected', 'lost', 'disconnected', 'disconnected', undefined],
    ['connected', 'replaced', 'disconnected', 'stream_replaced', false],
    ['connected', 'outdated', 'disconnected', 'client_outdated', false],
    ['connected', 'banned', 'banned', 'temp_banned', false],
    ['connected', 'unlinked', 'loggedout', 'logged_out', false],
    ['connected', 'reconnect', 'connecting', 'manual_reconnect', true],
    ['closed', 'connect', 'connecting', null, true],
    ['loggedout', 'connect', 'connecting', null, true],
    ['loggedout', 'logout', 'loggedout', null, false],
    ['banned', 'connect', 'connecting', null, true],
  ])('%s on %s becomes %s', (from, input, to, announce, wanted) => {
    expect(edge(from, input)).toMatchObject({ to, announce })
    expect(edge(from, input)?.wanted).toBe(wanted)
  })

  it.each(states.filter((state) => state !== 'deleting'))('%s can be deleted and logged out', (state) => {
    expect(edge(state, 'delete')).toEqual({ to: 'deleting', announce: null })
    expect(edge(state, 'logout')).toMatchObject({ to: 'loggedout', wanted: false, wipe: true })
  })

  it.each<LifeCycleInput>(['connect', 'retry', 'open', 'lost', 'unlinked', 'logout', 'delete'])(
    'nothing leads out of deleting: %s',
    (input) => {
      expect(edge('deleting', input)).toBeNull()
    },
  )

  it('only a disconnected instance is retried', () => {
    expect(states.filter((state) => edge(state, 'retry') !== null)).toEqual(['disconnected'])
  })

  it('credentials are wiped exactly where WhatsApp or the owner ended the session', () => {
    const inputs: LifeCycleInput[] = ['lost', 'failed', 'expired', 'replaced', 'outdated', 'banned', 'unlinked', 'logout', 'open', 'paired']
    const wiping = inputs.filter((input) => states.some((state) => edge(state, input)?.wipe))
    expect(wiping).toEqual(['unlinked', 'logout'])
  })

  it.each([
    ['lost', true, 'lost'],
    ['restart', true, 'lost'],
    ['storage', true, 'lost'],
    ['bad-session', true, 'lost'],
    ['stopped', true, 'lost'],
    ['lost', false, 'failed'],
    ['storage', false, 'failed'],
    ['replaced', true, 'replaced'],
    ['outdated', true, 'outdated'],
    ['banned', true, 'banned'],
    ['logged-out', true, 'unlinked'],
    ['qr-expired', false, 'expired'],
  ] as const)('a session closed with %s (linked: %s) means %s', (reason, linked, input) => {
    expect(inputOfClose(reason, linked)).toBe(input)
  })

  it('every waiting state ends by time', () => {
    expect(limitOf('connecting', false, defaultLimits)).toEqual({ ms: 60_000, input: 'failed' })
    expect(limitOf('connecting', true, defaultLimits)).toEqual({ ms: 30_000, input: 'lost' })
    expect(limitOf('qr', false, defaultLimits)).toEqual({ ms: 190_000, input: 'expired' })
    for (const state of ['disconnected', 'connected', 'closed', 'loggedout', 'banned'] as const) {
      expect(limitOf(state, true, defaultLimits)).toBeNull()
    }
  })
})
