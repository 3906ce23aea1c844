import { describe, expect, test } from 'vitest'
import { deliveryUrl } from '../webhooks/attempt.ts'
import { outcomeOf, retryAfterMs, usualRules, waitAfter } from '../webhooks/rules.ts'

const now = Date.parse('2026-01-01T00:00:00Z')

describe('what an answer means', () => {
  test.each([
    [200, { kind: 'taken', status: 200 }],
    [202, { kind: 'taken', status: 202 }],
    [204, { kind: 'taken', status: 204 }],
    [301, { kind: 'failed', status: 301, error: 'answered 301', retryAfterMs: null }],
    [404, { kind: 'failed', status: 404, error: 'answered 404', retryAfterMs: null }],
    [410, { kind: 'gone', status: 410, error: 'answered 410' }],
    [500, { kind: 'failed', status: 500, error: 'answered 500', retryAfterMs: null }],
  ])('%i', (status, outcome) => {
    expect(outcomeOf(status, undefined, now)).toEqual(outcome)
  })
})

describe('Retry-After', () => {
  test.each([
    ['120', 120_000],
    [' 0 ', 0],
    ['Thu, 01 Jan 2026 00:00:30 GMT', 30_000],
    ['Wed, 31 Dec 2025 23:00:00 GMT', 0],
    ['soon', null],
    ['-5', null],
    ['', null],
    [undefined, null],
  ])('%s', (text, milliseconds) => {
    expect(retryAfterMs(text, now)).toBe(milliseconds)
  })
})

describe('the wait before the next attempt', () => {
  const minute = 60_000
  test('follows the schedule of the contract', () => {
    const waits = Array.from({ length: 10 }, (_, failed) => waitAfter(usualRules, failed + 1, null, 0.5))
    expect(waits).toEqual([
      5_000,
      30_000,
      2 * minute,
      10 * minute,
      30 * minute,
      60 * minute,
      180 * minute,
      360 * minute,
      720 * minute,
      null,
    ])
  })
  test('is spread by a fifth either way', () => {
    expect(waitAfter(usualRules, 1, null, 0)).toBe(4_000)
    expect(waitAfter(usualRules, 1, null, 1)).toBe(6_000)
  })
  test('is made longer by the receiver, not shorter, and not endless', () => {
    expect(waitAfter(usualRules, 1, 90_000, 0.5)).toBe(90_000)
    expect(waitAfter(usualRules, 3, 1_000, 0.5)).toBe(2 * minute)
    expect(waitAfter(usualRules, 1, 10 ** 12, 0.5)).toBe(24 * 60 * minute)
    expect(waitAfter(usualRules, 10, 90_000, 0.5)).toBeNull()
  })
})

describe('where a delivery goes', () => {
  test.each([
    ['https://a.example', false, 'https://a.example'],
    ['https://a.example', true, 'https://a.example/call.update'],
    ['https://a.example/', true, 'https://a.example/call.update'],
    ['https://a.example/x/?k=/v?', true, 'https://a.example/x/call.update?k=/v?'],
    ['https://a.example/x#f', true, 'https://a.example/x/call.update#f'],
    ['https://a.example/x?k=v', false, 'https://a.example/x?k=v'],
  ])('%s with byEvents %s', (url, byEvents, expected) => {
    expect(deliveryUrl({ url, byEvents }, 'call.update')).toBe(expected)
  })
})
