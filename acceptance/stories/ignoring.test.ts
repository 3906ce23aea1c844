import { expect, it } from 'vitest'
import { eventually } from '../toolkit/eventually.ts'
import { at, matches } from '../toolkit/json.ts'
import type { Line } from '../toolkit/line.ts'
import type { Receiver } from '../toolkit/receiver.ts'
import { onStage } from '../toolkit/stage.ts'

onStage('Groups and stories, wanted or ignored', (stage) => {
  const settings = (line: Line, patch: { [key: string]: boolean }) => line.api.post(`/api/instance/settings/${line.name}`, patch)

  /** WhatsApp has been told that this device has the message. */
  const receiptOf = (line: Line, id: string, chat: string) =>
    eventually(`a delivery receipt for ${id}`, async () =>
      (await stage.simulator.traffic({ phone: line.phone.number, tag: 'receipt', direction: 'in' })).some((entry) =>
        matches(entry, {
          device: 1,
          stanza: { attrs: (attrs) => at(attrs, 'id') === id && at(attrs, 'to') === chat && !/retry/.test(String(at(attrs, 'type'))) },
        }),
      ),
    )

  /** What was told about a message, looked at when a later one has been told. */
  const told = (receiver: Receiver, id: string) => receiver.deliveries().filter(({ body }) => at(body, 'data.id') === id)

  const counted = async (line: Line) => at((await line.api.get(`/api/instance/metrics/${line.name}`)).body, 'metrics')

  it.each(['lid', 'pn'] as const)(
    'ignoreGroupMessages in a group addressed by %s: no event and nothing stored; off again, the next one is told',
    async (addressing) => {
      const receiver = await stage.receiver()
      const friend = await stage.phone({ name: 'Bea' })
      const line = await stage.line(`no-groups-${addressing}`, {
        ignoreGroupMessages: true,
        webhookEnabled: true,
        webhookURL: receiver.url,
      })
      const group = await stage.simulator.group({ by: friend, subject: 'Neighbours', participants: [line.phone], addressing })

      const ignored = await friend.send(group, 'Who has a ladder?')
      await receiptOf(line, ignored, group)
      const direct = await friend.send(line.phone.number, 'And you?')
      await receiver.next({ event: 'message.exchange', data: { id: direct, chat: { type: 'private' } } })
      expect(told(receiver, ignored)).toEqual([])
      expect(await counted(line)).toMatchObject({ totalMessages: 1, groupMessages: 0 })

      expect((await settings(line, { ignoreGroupMessages: false })).status).toBe(200)
      const wanted = await friend.send(group, 'Anybody?')
      expect(await receiver.next({ event: 'message.exchange', data: { id: wanted } })).toMatchObject({
        data: {
          direction: 'incoming',
          chat: { jid: group, lid: null, type: 'group' },
          sender: { jid: friend.jid, lid: friend.lid, name: 'Bea' },
          recipient: null,
          message: { type: 'text', content: 'Anybody?', source: '', isForwarded: false, isEdit: false, media: null },
        },
      })
      await receiptOf(line, wanted, group)
      expect(await counted(line)).toMatchObject({ totalMessages: 2, groupMessages: 1 })
    },
  )

  it('ignoreStatus: a story gives no event and is not stored; off again, the next one is told', async () => {
    const receiver = await stage.receiver()
    const friend = await stage.phone({ name: 'Bea' })
    const line = await stage.line('no-stories', { ignoreStatus: true, webhookEnabled: true, webhookURL: receiver.url })

    const ignored = await friend.post('At the beach', [line.phone])
    await receiptOf(line, ignored, 'status@broadcast')
    const direct = await friend.send(line.phone.number, 'Did you see it?')
    await receiver.next({ event: 'message.exchange', data: { id: direct } })
    expect(told(receiver, ignored)).toEqual([])
    expect(await counted(line)).toMatchObject({ totalMessages: 1 })

    expect((await settings(line, { ignoreStatus: false })).status).toBe(200)
    const wanted = await friend.post('Back home', [line.phone])
    expect(await receiver.next({ event: 'message.exchange', data: { id: wanted } })).toMatchObject({
      data: {
        direction: 'incoming',
        chat: { jid: 'status@broadcast', lid: null, type: 'status' },
        sender: { jid: friend.jid, lid: friend.lid, name: 'Bea' },
        recipient: null,
        message: { type: 'text', content: 'Back home' },
      },
    })
    await receiptOf(line, wanted, 'status@broadcast')
    expect(await counted(line)).toMatchObject({ totalMessages: 2 })
  })

  it('what the own phone writes to a group is told as outgoing, what the API writes reaches everybody in it', async () => {
    const receiver = await stage.receiver()
    const friend = await stage.phone({ name: 'Bea' })
    const other = await stage.phone({ name: 'Ciro' })
    const line = await stage.line('in-a-group', { webhookEnabled: true, webhookURL: receiver.url })
    const group = await stage.simulator.group({ by: friend, subject: 'Choir', participants: [line.phone, other] })

    const typed = await line.phone.send(group, 'From my pocket')
    expect(await receiver.next({ event: 'message.exchange', data: { id: typed } })).toMatchObject({
      data: { direction: 'outgoing', chat: { jid: group, type: 'group' }, sender: { jid: line.phone.jid, lid: line.phone.lid } },
    })
    expect(await line.text(group, 'From the desk')).toMatchObject({ status: 200, body: { data: { chat: { jid: group } } } })
    for (const phone of [friend, other]) {
      expect(await phone.next({ text: 'From the desk' })).toMatchObject({ chat: group, from: line.phone.jid, fromMe: false })
    }
    expect(await line.phone.next({ text: 'From the desk' })).toMatchObject({ chat: group, fromMe: true })
  })
})
