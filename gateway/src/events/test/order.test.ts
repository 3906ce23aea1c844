import { describe, expect, it } from 'vitest'
import type { StoredEvent } from '../envelope.ts'
import { createLogOrder } from '../order.ts'

const event = (id: string, instanceId = 'shop'): StoredEvent => ({
  id,
  instanceId,
  name: 'message.exchange',
  lane: '',
  data: '{}',
  createdAt: 0,
})

const begin = () => {
  const announced: string[] = []
  const order = createLogOrder(({ id }) => void announced.push(id))
  const write = (...ids: string[]) => {
    const recording = order.open()
    recording.noted(ids.map((id) => event(id)))
    return recording
  }
  return { announced, order, write }
}

describe('The order of the log', () => {
  it('holds an event back until all earlier ones of its instance are durable', () => {
    const { announced, order, write } = begin()
    const [first, second, third] = [write('1'), write('2', '3'), write('4')]
    third.durable()
    second.durable()
    expect(announced).toEqual([])
    expect(order.decidedBelow('shop')).toBe('1')
    first.durable()
    expect(announced).toEqual(['1', '2', '3', '4'])
    expect(order.decidedBelow('shop')).toBeNull()
  })

  it('does not wait for what was rolled back, nor announces it', () => {
    const { announced, order, write } = begin()
    const [first, second] = [write('1'), write('2')]
    second.durable()
    first.dropped()
    expect(announced).toEqual(['2'])
    expect(order.decidedBelow('shop')).toBeNull()
  })

  it('counts the ids of the run that succeeded, not of the one before', () => {
    const { announced, order, write } = begin()
    const repeated = write('1')
    const other = write('2')
    other.durable()
    repeated.dropped()
    repeated.noted([event('3')])
    expect(announced).toEqual(['2'])
    expect(order.decidedBelow('shop')).toBe('3')
    repeated.durable()
    expect(announced).toEqual(['2', '3'])
  })

  it('keeps instances apart', () => {
    const { announced, order } = begin()
    const [slow, quick] = [order.open(), order.open()]
    slow.noted([event('1', 'shop')])
    quick.noted([event('2', 'desk')])
    quick.durable()
    expect(announced).toEqual(['2'])
    expect([order.decidedBelow('shop'), order.decidedBelow('desk')]).toEqual(['1', null])
  })
})
