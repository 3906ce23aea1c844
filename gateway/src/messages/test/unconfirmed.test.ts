import { describe, expect, it } from 'vitest'
import { createLogger } from '../../runtime/logging.ts'
import type { EngineEvent } from '../../whatsapp/engine.ts'
import { createUnconfirmed } from '../unconfirmed.ts'

const self = { jid: '34600111222@s.whatsapp.net', lid: null }
const opened: EngineEvent = { type: 'open', self, name: null }
const acked = (id: string, error: number | null = null): EngineEvent => ({ type: 'server-ack', id, to: self, error })

describe('A message that was handed over', () => {
  const stage = () => {
    let now = 0
    const again: string[] = []
    const unconfirmed = createUnconfirmed({ clock: { now: () => now }, logger: createLogger('silent') })
    const send = (id: string, hand: () => Promise<unknown> = async () => 'handed', instance = 'shop') =>
      unconfirmed.handOver(instance, id, hand, async () => {
        again.push(id)
      })
    const pass = (ms: number) => {
      now += ms
    }
    return { unconfirmed, again, send, pass }
  }

  it('is handed over again on each new connection, in order, until WhatsApp answers', async () => {
    const { unconfirmed, again, send } = stage()
    for (const id of ['A', 'B', 'C', 'D']) expect(await send(id)).toBe('handed')
    unconfirmed.heed('shop', acked('A'))
    unconfirmed.heed('shop', acked('C', 479))
    unconfirmed.heed('other', opened)
    expect(again).toEqual([])
    unconfirmed.heed('shop', opened)
    expect(again).toEqual(['B', 'D'])
    unconfirmed.heed('shop', { type: 'receipt', ids: ['D'], chat: self, sender: self, fromMe: true, status: 'delivered', timestamp: 0 })
    unconfirmed.heed('shop', opened)
    expect(again).toEqual(['B', 'D', 'B'])
  })

  it('is the business of whoever sends it until it has left, and if it cannot', async () => {
    const { unconfirmed, again, send } = stage()
    const { promise, resolve } = Promise.withResolvers<void>()
    const slow = send('slow', () => promise)
    await expect(send('refused', () => Promise.reject(new Error('no')))).rejects.toThrow('no')
    unconfirmed.heed('shop', opened)
    expect(again).toEqual([])
    resolve()
    await slow
    unconfirmed.heed('shop', opened)
    expect(again).toEqual(['slow'])
  })

  it('whose answer was faster than our own note of it is not handed over again', async () => {
    const { unconfirmed, again, send } = stage()
    await send('fast', async () => unconfirmed.heed('shop', acked('fast')))
    unconfirmed.heed('shop', opened)
    expect(again).toEqual([])
  })

  it('counts as failed after ten minutes, and is forgotten with its instance', async () => {
    const { unconfirmed, again, send, pass } = stage()
    await send('old')
    pass(599_999)
    await send('new')
    pass(1)
    unconfirmed.heed('shop', opened)
    expect(again).toEqual(['new'])
    unconfirmed.forget('shop')
    unconfirmed.heed('shop', opened)
    expect(again).toEqual(['new'])
  })

  it('does not wait among more than two thousand', async () => {
    const { unconfirmed, again, send } = stage()
    for (let n = 0; n < 2_001; n += 1) await send(`${n}`)
    unconfirmed.heed('shop', opened)
    expect([again.length, again[0]]).toEqual([2_000, '1'])
  })
})
