import { describe, expect, it } from 'vitest'
import { makePlan, shortScale, soakScale } from './plan.ts'

describe.each([
  ['short', shortScale],
  ['soak', soakScale(4)],
])('A plan (%s)', (_, scale) => {
  it('is the same for the same seed, and another for another', () => {
    expect(makePlan(7, scale)).toEqual(makePlan(7, scale))
    expect(makePlan(7, scale)).not.toEqual(makePlan(8, scale))
  })

  it('has its steps in the order of time, within the round', () => {
    for (const { ms, steps } of makePlan(1, scale).rounds) {
      const times = steps.map(({ at }) => at)
      expect(times).toEqual(times.toSorted((a, b) => a - b))
      expect(times.every((at) => at >= 0 && at < ms)).toBe(true)
    }
  })

  it('lets nobody write to himself', () => {
    const said = makePlan(3, scale).rounds.flatMap(({ steps }) => steps.filter((step) => step.kind === 'say'))
    expect(said.filter(({ from, to }) => from.index === to.index && (from.kind === 'friend') === (to.kind === 'friend'))).toEqual([])
  })

  it('ends the gateway as often as asked', () => {
    const ends = makePlan(1, scale).rounds.map(({ steps }) => steps.filter(({ kind }) => kind === 'end').length)
    expect(ends).toEqual(scale.rounds.map(({ restarts }) => restarts))
  })

  it('spares whom it has just struck', () => {
    const last = new Map<string, number>()
    for (const step of makePlan(5, scale).rounds[0]?.steps ?? []) {
      if (step.kind !== 'misfortune' || step.what.spare === null) continue
      const { whom, ms } = step.what.spare
      expect(step.at).toBeGreaterThanOrEqual(last.get(whom) ?? 0)
      last.set(whom, step.at + ms)
    }
    expect(last.size).toBeGreaterThan(5)
  })
})

it('knows every fault of the simulator', () => {
  const struck = makePlan(1, soakScale(20)).rounds.flatMap(({ steps }) =>
    steps.flatMap((step) => (step.kind === 'misfortune' && step.what.kind === 'fault' ? [step.what.fault.action] : [])),
  )
  expect([...new Set(struck)].toSorted()).toEqual(
    [
      'ack-error',
      'close',
      'corrupt',
      'delay',
      'drop',
      'duplicate',
      'iq-error',
      'refuse-connections',
      'reorder',
      'silence',
      'stream-error',
    ].toSorted(),
  )
})
