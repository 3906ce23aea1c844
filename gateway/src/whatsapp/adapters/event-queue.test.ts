import { pino } from 'pino'
import { describe, expect, it } from 'vitest'
import type { EngineEvent } from '../engine.ts'
import { EventQueue } from './event-queue.ts'

const event = (name: string): EngineEvent => ({ type: 'profile', name })
const logger = pino({ level: 'silent' })

describe('an event queue', () => {
  it('hands over one at a time and in order, however long each takes', async () => {
    const taken: string[] = []
    let inside = 0
    const queue = new EventQueue({
      logger,
      onPressure: () => {},
      deliver: async (one) => {
        inside += 1
        expect(inside).toBe(1)
        await new Promise((resolve) => setTimeout(resolve, one.type === 'profile' && one.name === '0' ? 5 : 0))
        taken.push(one.type === 'profile' ? (one.name ?? '') : one.type)
        inside -= 1
      },
    })
    queue.push(event('0'))
    queue.push(async () => event('1'))
    queue.push(event('2'))
    await queue.close({ type: 'closed', reason: 'stopped', detail: '' })
    queue.push(event('too late'))
    expect(taken).toEqual(['0', '1', '2', 'closed'])
  })

  it('goes on after a listener or a completion that fails', async () => {
    const taken: string[] = []
    const queue = new EventQueue({
      logger,
      onPressure: () => {},
      deliver: (one) => {
        if (one.type === 'profile' && one.name === 'bad') throw new Error('not taken')
        taken.push(one.type)
      },
    })
    queue.push(event('bad'))
    queue.push(() => Promise.reject(new Error('no completion')))
    queue.push(event('good'))
    await queue.close({ type: 'closed', reason: 'stopped', detail: '' })
    expect(taken).toEqual(['profile', 'closed'])
  })

  it('tells when the listener falls behind, and when it has caught up', async () => {
    const pressure: boolean[] = []
    const gate = Promise.withResolvers<void>()
    const queue = new EventQueue({ logger, onPressure: (high) => void pressure.push(high), deliver: () => gate.promise })
    for (let i = 0; i < 600; i++) queue.push(event(String(i)))
    expect(pressure).toEqual([true])
    gate.resolve()
    await queue.close({ type: 'closed', reason: 'stopped', detail: '' })
    expect(pressure).toEqual([true, false])
  })
})
