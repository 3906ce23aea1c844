/**
 * Messages that cannot be decrypted: asked of the sender, then of the own phone, and in the end reported without content. Nothing is dropped
 * silently, nothing is reported as unreadable that came after all, and somebody who sends only junk fills neither memory nor log.
 */
import { afterEach, beforeAll, expect, it } from 'vitest'
import { openStoredData } from '../toolkit/databases.ts'
import { eventually } from '../toolkit/eventually.ts'
import { at, type Json } from '../toolkit/json.ts'
import { type Line, nothingWaits } from '../toolkit/line.ts'
import type { Receiver } from '../toolkit/receiver.ts'
import type { Phone } from '../toolkit/simulator.ts'
import { onStage } from '../toolkit/stage.ts'

onStage(
  'A message that cannot be decrypted',
  (stage) => {
    let line: Line
    let receiver: Receiver
    let friend: Phone
    const faults: (() => Promise<void>)[] = []
    beforeAll(async () => {
      receiver = await stage.receiver()
      friend = await stage.phone({ name: 'Friend' })
      line = await stage.line('puzzled', { webhookEnabled: true, webhookURL: receiver.url, webhookEvents: ['message.exchange'] })
    })
    afterEach(async () => {
      for (const heal of faults.splice(0)) await heal()
    })

    const fault = async (spec: { [key: string]: Json }, match: { [key: string]: Json }) => {
      const heal = await stage.simulator.fault({ ...spec, match: { phone: line.phone.number, ...match } })
      faults.push(heal)
      return heal
    }
    const garble = (times?: number) =>
      fault({ action: 'corrupt', ...(times === undefined ? {} : { times }) }, { tag: 'message', direction: 'out' })
    const loseRetryReceipts = () => fault({ action: 'drop' }, { tag: 'receipt', type: 'retry', direction: 'in' })
    const eventsOf = (id: string): Json[] => receiver.deliveries().flatMap(({ body }) => (at(body, 'data.id') === id ? [body] : []))
    const typesOf = (id: string) => eventsOf(id).map((event) => at(event, 'data.message.type'))
    const unreadable = { data: { message: { type: 'unknown', content: '' } } }
    const companion = async () => (await line.phone.devices())[0]?.id ?? 0
    /** Nothing awaited is left: whatever was to be said about it has been said. */
    const rest = () =>
      eventually(
        'nothing to be awaited any more',
        async () => {
          const data = await openStoredData(stage.gateway.dataDir, stage.gateway.databaseUrl)
          try {
            return Number((await data.query('select count(*) as open from inbox where done = 2'))[0]?.open) === 0
          } finally {
            await data.close()
          }
        },
        30_000,
      )
    /** Id of a message → types of all events there may ever be about it. */
    const expected = new Map<string, string[]>()

    it('is repeated by its sender', async () => {
      await garble(1)
      const id = await friend.send(line.phone.number, 'repeat me')
      await receiver.next({ data: { id, message: { type: 'text', content: 'repeat me' } } })
      expected.set(id, ['text'])
    })

    it('is handed over by the own phone when the sender does not answer', async () => {
      await loseRetryReceipts()
      await garble(1)
      const id = await friend.send(line.phone.number, 'ask my owner')
      const event = await receiver.next({ data: { id, message: { type: 'text', content: 'ask my owner' } } })
      expect(event).toMatchObject({
        data: { direction: 'incoming', sender: { jid: friend.jid }, chat: { jid: friend.jid, type: 'private' } },
      })
      expected.set(id, ['text'])
    })

    it('is reported as unknown when nobody has it, and completed when it comes after all', async () => {
      // Whoever waits is looked at every eight seconds, so one has waited for sixteen at most.
      await fault({ action: 'delay', ms: 19_000 }, { tag: 'receipt', type: 'retry', direction: 'in' })
      await line.phone.change({ online: false })
      await garble(1)
      const id = await friend.send(line.phone.number, 'late')
      const event = await receiver.next({ data: { id } })
      expect(event).toMatchObject({ ...unreadable, data: { ...unreadable.data, sender: { jid: friend.jid, name: 'Friend' } } })
      await receiver.next({ data: { id, message: { type: 'text', content: 'late' } } })
      await line.phone.change({ online: true })
      expected.set(id, ['unknown', 'text'])
    })

    it('is asked for again by the next run when the gateway is killed meanwhile', async () => {
      await loseRetryReceipts()
      await line.phone.change({ online: false })
      await garble(1)
      const cursor = await stage.simulator.trafficCursor()
      const id = await friend.send(line.phone.number, 'survivor')
      await eventually('the retry receipt', async () =>
        (await stage.simulator.traffic({ after: cursor, phone: line.phone.number, tag: 'receipt', direction: 'in' })).some(
          (seen) => at(seen, 'stanza.attrs.type') === 'retry' && at(seen, 'stanza.attrs.id') === id,
        ),
      )
      await stage.gateway.kill()
      await line.phone.change({ online: true })
      await line.phone.next({ id })
      await stage.gateway.restart()
      await receiver.next({ data: { id, message: { type: 'text', content: 'survivor' } } })
      expected.set(id, ['text'])
    })

    it('or that came without any content, is reported once', async () => {
      const attrs = { from: friend.jid, type: 'text', t: String(Math.floor(Date.now() / 1000)), notify: 'Friend' }
      const device = await companion()
      await line.phone.stanza(device, { tag: 'message', attrs: { ...attrs, id: 'EMPTY' }, content: [{ tag: 'unavailable' }] })
      const once = { tag: 'unavailable', attrs: { type: 'view_once_unavailable_fanout' } }
      await line.phone.stanza(device, { tag: 'message', attrs: { ...attrs, id: 'ONCE' }, content: [once] })
      await receiver.next({ data: { id: 'EMPTY', ...unreadable.data } })
      await receiver.next({ data: { id: 'ONCE', ...unreadable.data } })
      expected.set('EMPTY', ['unknown']).set('ONCE', ['unknown'])
    })

    it('sent without end by one peer, is reported each time and written down a few times', async () => {
      const junk = await stage.phone({ name: 'Noise' })
      const opening = await junk.send(line.phone.number, 'hello')
      await receiver.next({ data: { id: opening } })
      const linesBefore = stage.gateway.output().split('\n').length
      await loseRetryReceipts()
      const heal = await garble()
      const ids: string[] = []
      for (let n = 0; n < 120; n += 1) ids.push(await junk.send(line.phone.number, `noise ${n}`))
      await eventually('all of it to be reported', async () => ids.every((id) => eventsOf(id).length > 0), 40_000)
      const written = stage.gateway.output().split('\n').slice(linesBefore)
      expect(written.length, written.slice(0, 40).join('\n')).toBeLessThan(40)
      await heal()
      for (const id of ids) expected.set(id, ['unknown'])
    })

    it('has been reported once and for all', async () => {
      await rest()
      const id = await friend.send(line.phone.number, 'in one chat all before it has been delivered')
      await receiver.next({ data: { id } })
      for (const [id, types] of expected) expect(typesOf(id), id).toEqual(types)
    })
  },
  // Long enough to start again and be connected on a busy machine: until then nobody can be asked.
  { env: { UNREADABLE_MESSAGE_SECONDS: '8' } },
)

onStage(
  'A message of a channel',
  (stage) => {
    it('has an inbox row: it reaches the webhook once, although the gateway is killed before it is recorded', async () => {
      const receiver = await stage.receiver()
      const line = await stage.line('reader', { webhookEnabled: true, webhookURL: receiver.url, webhookEvents: ['message.exchange'] })
      const post = (id: string, text: string) => {
        // A `Message` with `conversation`, its first field.
        const plaintext = Buffer.from([0x0a, text.length, ...Buffer.from(text)]).toString('base64')
        const attrs = { id, from: '120363000000000001@newsletter', type: 'text', server_id: '7', t: String(Math.floor(Date.now() / 1000)) }
        return line.phone.stanza(1, { tag: 'message', attrs, content: [{ tag: 'plaintext', content: { base64: plaintext } }] })
      }
      await post('POST-1', 'news')
      const chat = { jid: '120363000000000001@newsletter', type: 'newsletter' }
      await receiver.next({ data: { id: 'POST-1', chat, message: { type: 'text', content: 'news' } } })
      await eventually('the delivery to be noted', () => nothingWaits(line))
      await stage.gateway.killAt('ryzeapi:message.recording', 'POST-2')
      await post('POST-2', 'news')
      await stage.gateway.exited()
      const data = await openStoredData(stage.gateway.dataDir, stage.gateway.databaseUrl)
      expect(await data.query("select done from inbox where done = 0 and attributes like '%POST-2%'")).toHaveLength(1)
      await data.close()
      await stage.gateway.restart()
      await receiver.next({ data: { id: 'POST-2', chat, message: { type: 'text', content: 'news' } } })
      await line.waitFor('connected')
      await post('POST-3', 'more')
      await receiver.next({ data: { id: 'POST-3' } })
      expect(receiver.deliveries().map(({ body }) => at(body, 'data.id'))).toEqual(['POST-1', 'POST-2', 'POST-3'])
    })
  },
  { killable: true },
)
