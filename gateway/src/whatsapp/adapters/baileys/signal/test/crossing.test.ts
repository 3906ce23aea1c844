/** Two devices that write to each other first at the same moment: two sessions, used crosswise until both agree on one. */
import { describe, expect, it } from 'vitest'
import { Party, type Sealed } from './party.ts'

/** A repeatable coin. */
const coinOf = (seed: number) => {
  let state = seed
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31
    return state / 2 ** 31 < 0.5
  }
}

describe('two who write first at the same moment', () => {
  it.each(Array.from({ length: 25 }, (_, index) => index + 1))('read everything, in whatever order it crosses (%i)', async (seed) => {
    const coin = coinOf(seed)
    const [left, right] = [new Party('34600000001@s.whatsapp.net'), new Party('34600000002@s.whatsapp.net')]
    const onTheWay = new Map<Party, { text: string; sealed: Sealed }[]>([
      [left, []],
      [right, []],
    ])
    const write = async (from: Party, to: Party, text: string) => {
      onTheWay.get(to)?.push({ text, sealed: await from.seal(to.jid, text) })
    }
    const read = async (by: Party, from: Party) => {
      const next = onTheWay.get(by)?.shift()
      if (next !== undefined) expect(await by.open(from.jid, next.sealed)).toBe(next.text)
    }
    await left.meet(right)
    await right.meet(left)
    for (let step = 0; step < 60; step += 1) {
      const [one, other] = coin() ? [left, right] : [right, left]
      if (coin()) await write(one, other, `${step}`)
      else await read(one, other)
    }
    while (onTheWay.get(left)?.length || onTheWay.get(right)?.length) {
      await read(left, right)
      await read(right, left)
    }
    expect([...left.undecryptable, ...right.undecryptable]).toEqual([])
  })
})
