/** Who a text goes to: what WhatsApp is asked for it, numbers that may be written in two ways, and chats that are written to too fast. */
import { expect, it } from 'vitest'
import { bothDatabases } from '../toolkit/databases.ts'
import { eventually } from '../toolkit/eventually.ts'
import { at, list, text } from '../toolkit/json.ts'
import type { Line } from '../toolkit/line.ts'
import { onStage, type Stage } from '../toolkit/stage.ts'

/** What the line has asked WhatsApp about other people since then. */
const questions = async (stage: Stage, line: Line, after: number): Promise<{ usync: number; keys: number }> => {
  const requests = await stage.simulator.traffic({ after, phone: line.phone.number, tag: 'iq', direction: 'in' })
  const asks = (xmlns: string, child: string) =>
    requests.filter((one) => {
      const stanza = at(one, 'stanza')
      return at(stanza, 'attrs.xmlns') === xmlns && list(stanza, 'content').some((content) => at(content, 'tag') === child)
    }).length
  return { usync: asks('usync', 'usync'), keys: asks('encrypt', 'key') }
}

onStage(
  'Recipients',
  (stage) => {
    it('the first text to a stranger costs one question who that is and one for the keys, whatever devices there are', async () => {
      const line = await stage.line('asks')
      // The own devices are asked for once, with the first text of all.
      expect((await line.text((await stage.phone()).number, 'first of all')).status).toBe(200)
      const [alone, withCompanion] = [await stage.phone(), (await stage.line('answers')).phone]
      for (const stranger of [alone, withCompanion]) {
        const before = await stage.simulator.trafficCursor()
        expect((await line.text(stranger.number, 'Hello')).status).toBe(200)
        await stranger.next({ text: 'Hello' })
        expect(await questions(stage, line, before)).toEqual({ usync: 1, keys: 1 })
        expect((await line.text(stranger.number, 'Hello again')).status).toBe(200)
        await stranger.next({ text: 'Hello again' })
        expect(await questions(stage, line, before)).toEqual({ usync: 1, keys: 1 })
      }
    })

    it('of a number nobody has, nothing more is asked', async () => {
      const line = await stage.line('nobody')
      // A device that was just linked asks for the keys of its own phone; the first text waits for that.
      expect((await line.text((await stage.phone()).number, 'first of all')).status).toBe(200)
      const before = await stage.simulator.trafficCursor()
      expect(await line.text('34999888777', 'Anybody?')).toMatchObject({
        status: 400,
        body: { error: { message: 'Number 34999888777 is not registered on WhatsApp' } },
      })
      expect(await questions(stage, line, before)).toEqual({ usync: 1, keys: 0 })
    })

    it.each([
      ['Mexico, registered with the 1', '5215512345678', '525512345678'],
      ['Mexico, registered without', '525587654321', '5215587654321'],
      ['Argentina, registered with the 9', '5491123456789', '541123456789'],
      ['Argentina, registered without', '541198765432', '5491198765432'],
      ['Brazil, registered without the ninth digit', '553188880000', '5531988880000'],
      ['Brazil, registered with it', '5531988881111', '553188881111'],
    ])(
      "%s: both ways of writing it reach the same person, WhatsApp's is reported, and it is asked once",
      async (title, registered, other) => {
        const friend = await stage.phone({ number: registered })
        const line = await stage.line(title.replace(/[^A-Za-z0-9 ]/g, ''))
        expect((await line.text((await stage.phone()).number, 'first of all')).status).toBe(200)
        const before = await stage.simulator.trafficCursor()
        for (const number of [other, `+${other}`]) {
          const answer = await line.text(number, `To ${number}`)
          expect(answer).toMatchObject({ status: 200, body: { data: { chat: { jid: friend.jid, lid: friend.lid } } } })
          expect(await friend.next({ text: `To ${number}` })).toMatchObject({ id: text(answer.body, 'data.messageId') })
        }
        expect(await questions(stage, line, before)).toEqual({ usync: 1, keys: 1 })
        expect(await line.text(registered, 'As registered')).toMatchObject({ status: 200, body: { data: { chat: { jid: friend.jid } } } })
        await friend.next({ text: 'As registered' })
      },
    )

    it('a device somebody links later gets what is written from then on', async () => {
      const friend = await stage.phone()
      const line = await stage.line('early')
      expect((await line.text(friend.number, 'Before')).status).toBe(200)
      const receiver = await stage.receiver()
      const later = await stage.account.post('/api/instance/new', { name: 'later', webhookEnabled: true, webhookURL: receiver.url })
      const qr = await stage.gateway.api(text(later.body, 'instance.token')).get('/api/instance/connect/later')
      await friend.scan(text(qr.body, 'qrCode'))
      await receiver.next({ event: 'instance.state', data: { state: 'connected' } })
      // WhatsApp tells of the new device by itself.
      await eventually('the news of the device', async () => {
        const news = await stage.simulator.traffic({ phone: line.phone.number, tag: 'notification', direction: 'out' })
        return news.some((one) => at(one, 'stanza.attrs.type') === 'devices' && at(one, 'stanza.attrs.from') === friend.jid)
      })
      expect((await line.text(friend.number, 'After')).status).toBe(200)
      await receiver.next({ event: 'message.exchange', data: { direction: 'incoming', message: { content: 'After' } } })
    })
  },
  { databases: bothDatabases },
)

onStage('A chat that is written to too fast', (stage) => {
  it('has 500 texts in line; more are refused with 429, other chats go on, and what was taken arrives', async () => {
    const [busy, other] = [await stage.phone(), await stage.phone()]
    const line = await stage.line('fast')
    expect((await line.text(busy.number, 'Known from now on')).status).toBe(200)
    const holding = line.text(busy.number, 'Wait for me', { delay: 10 })
    await eventually('the first one to hold the chat', async () => {
      return (await stage.simulator.traffic({ phone: line.phone.number, tag: 'chatstate', direction: 'in' })).length > 0
    })
    const sent = Array.from({ length: 520 }, (_, n) => `Text ${n}`)
    const asking = sent.map((message) => line.text(busy.number, message))
    const refused = await Promise.any(
      asking.map(async (each) => {
        const answer = await each
        if (answer.status !== 429) throw new Error(`answered ${answer.status}`)
        return answer
      }),
    )
    expect(refused).toMatchObject({
      body: { success: false, error: { message: 'Too many messages are waiting to be sent. Try again later.' } },
    })
    expect(refused.headers.get('retry-after')).toBe('1')
    expect((await line.text(other.number, 'Meanwhile')).status).toBe(200)

    expect((await holding).status).toBe(200)
    const answers = await Promise.all(asking)
    expect([...new Set(answers.map(({ status }) => status))].sort()).toEqual([200, 429])
    const taken = answers.flatMap(({ status }, n) => (status === 200 ? [sent[n] ?? ''] : []))
    expect(taken.length).toBeGreaterThanOrEqual(499)
    expect((await line.text(busy.number, 'The last one')).status).toBe(200)
    await busy.next({ text: 'The last one' })
    const arrived = (await busy.messages()).map((message) => text(message, 'text')).filter((said) => said.startsWith('Text '))
    expect(arrived.sort()).toEqual(taken.sort())
  }, 120_000)
})
