/**
 * A gateway killed at a named place on the way of one message (docs/delivery.md), for real: a preloaded module sends it SIGKILL there. Whatever
 * the sender saw as delivered reaches the webhook exactly once; only between the receiver's answer and our note of it twice, as the same event.
 */
import { randomBytes } from 'node:crypto'
import { beforeAll, expect, it } from 'vitest'
import { bothDatabases } from '../toolkit/databases.ts'
import { eventually } from '../toolkit/eventually.ts'
import { at, type Json, text } from '../toolkit/json.ts'
import { type Line, nothingWaits } from '../toolkit/line.ts'
import type { Receiver } from '../toolkit/receiver.ts'
import { onStage } from '../toolkit/stage.ts'

interface Point {
  name: string
  channel: string
  /** Whether WhatsApp had been told to forget the message; undefined: either. */
  receipt?: boolean
  /** Deliveries to the webhook, before the kill and in all. */
  before?: number
  deliveries?: number
}

const points: readonly Point[] = [
  { name: 'before it is decrypted', channel: 'ryzeapi:message.decrypting', receipt: false },
  { name: 'after the commit of ratchet and inbox row', channel: 'ryzeapi:message.stored', receipt: false },
  { name: 'after the receipt', channel: 'ryzeapi:message.receipt-sent', receipt: true },
  { name: 'before the event is stored', channel: 'ryzeapi:message.recording' },
  { name: 'after the event is stored', channel: 'ryzeapi:message.recorded' },
  { name: 'before the delivery', channel: 'undici:request:create' },
  { name: 'after the delivery, before it is noted', channel: 'undici:request:headers', before: 1, deliveries: 2 },
]

onStage(
  'A gateway killed',
  (stage) => {
    let line: Line
    let receiver: Receiver
    beforeAll(async () => {
      receiver = await stage.receiver()
      line = await stage.line('killed', { webhookEnabled: true, webhookURL: receiver.url, webhookEvents: ['message.exchange'] })
    })

    const eventsOf = (id: string): Json[] => receiver.deliveries().flatMap(({ body }) => (at(body, 'data.id') === id ? [body] : []))
    /** Of the companion: its phone sends its own. */
    const receiptsFor = async (id: string) =>
      (await stage.simulator.traffic({ phone: line.phone.number, tag: 'receipt', direction: 'in' })).filter(
        (seen) => at(seen, 'device') !== 0 && at(seen, 'stanza.attrs.id') === id && at(seen, 'stanza.attrs.type') !== 'retry',
      )

    it.each(points)('$name', async ({ channel, receipt, before = 0, deliveries = 1 }) => {
      const friend = await stage.phone()
      const first = await friend.send(line.phone.number, 'before')
      await receiver.next({ data: { id: first } })
      // A kill before that is noted would bring it twice.
      await eventually('the delivery to be noted', () => nothingWaits(line))

      const victim = `3A${randomBytes(9).toString('hex').toUpperCase()}`
      await stage.gateway.killAt(channel, victim)
      await friend.send(line.phone.number, 'in between', { id: victim })
      expect(await stage.gateway.exited()).toEqual({ code: null, signal: 'SIGKILL' })
      if (receipt !== undefined) expect(await receiptsFor(victim)).toHaveLength(receipt ? 1 : 0)
      expect(eventsOf(victim)).toHaveLength(before)

      const last = await friend.send(line.phone.number, 'after')
      await stage.gateway.restart()
      // One chat, one order: when the last has come, the one in between has.
      await receiver.next({ data: { id: last } })
      for (const [id, times] of [
        [first, 1],
        [victim, deliveries],
        [last, 1],
      ] as const) {
        expect(eventsOf(id)).toHaveLength(times)
        expect(new Set(eventsOf(id).map((event) => text(event, 'id'))).size).toBe(1)
        expect(eventsOf(id)[0]).toMatchObject({ data: { message: { type: 'text' } } })
        await eventually(`the receipt for ${id}`, async () => (await receiptsFor(id)).length > 0)
      }
    })
  },
  { databases: bothDatabases, killable: true },
)
