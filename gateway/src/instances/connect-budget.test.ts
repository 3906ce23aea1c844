import { describe, expect, it } from 'vitest'
import { createConnectBudget } from './connect-budget.ts'

describe('The connect budget', () => {
  it('gives places in order, never more than there are', async () => {
    const budget = createConnectBudget(2)
    let held = 0
    let most = 0
    const order: number[] = []
    await Promise.all(
      Array.from({ length: 20 }, async (_, index) => {
        const release = await budget.acquire()
        order.push(index)
        held += 1
        most = Math.max(most, held)
        await new Promise((resolve) => setImmediate(resolve))
        held -= 1
        release?.()
        release?.()
      }),
    )
    expect(most).toBe(2)
    expect(order).toEqual(Array.from({ length: 20 }, (_, index) => index))
  })

  it('sends those who wait away when it closes', async () => {
    const budget = createConnectBudget(1)
    await budget.acquire()
    const waiting = budget.acquire()
    budget.close()
    expect(await waiting).toBeNull()
    expect(await budget.acquire()).toBeNull()
  })
})
