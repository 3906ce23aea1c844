import { describe, expect, it } from 'vitest'
import { continueUlids, ulid, ulidFloor } from './ids.ts'

describe('ULIDs', () => {
  it('grow, also within a millisecond and when the clock is set back', () => {
    const now = Date.now()
    const ids = [now, now, now + 5, now - 60_000, now + 5].map(ulid)
    expect(ids).toEqual([...ids].sort())
    expect(new Set(ids).size).toBe(ids.length)
  })

  it('grow over the end of what the low half holds', () => {
    const time = Date.now() + 120_000
    continueUlids(`${ulidFloor(time).slice(0, 10)}01234567ZZZZZZZY`)
    const made = [ulid(time), ulid(time), ulid(time)].map((id) => id.slice(10))
    expect(made).toEqual(['01234567ZZZZZZZZ', '0123456800000000', '0123456800000001'])
  })

  it('go on behind those of an earlier process whose clock was ahead', () => {
    const last = `${ulidFloor(Date.now() + 240_000).slice(0, 20)}ZZZZZZ`
    continueUlids(last)
    const next = ulid(Date.now())
    expect(next > last).toBe(true)
    expect(next.slice(0, 10)).toBe(last.slice(0, 10))
    continueUlids(ulidFloor(Date.now()))
    expect(ulid(Date.now()) > next).toBe(true)
  })
})
