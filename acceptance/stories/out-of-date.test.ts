/** What the gateway knows of others is out of date, and nobody has told it: devices that are gone, groups whose members are named otherwise. */
import { expect, it } from 'vitest'
import { createApi } from '../toolkit/api.ts'
import { eventually } from '../toolkit/eventually.ts'
import { at, text } from '../toolkit/json.ts'
import { linkedLine } from '../toolkit/line.ts'
import { onStage } from '../toolkit/stage.ts'

onStage('Out of date', (stage) => {
  const written = async (number: string, id: string) =>
    (await stage.simulator.traffic({ phone: number, tag: 'message', direction: 'in' })).filter((one) => at(one, 'stanza.attrs.id') === id)

  it('a device that is gone, and that nobody was told of: everybody else gets the message, in a group and in person', async () => {
    const [friend, other] = [await stage.phone(), await stage.phone()]
    const line = await stage.line('remembers')
    const group = await stage.simulator.group({ by: friend, subject: 'Tablets', participants: [line.phone, other] })
    for (const chat of [group, friend.number]) await line.text(chat, 'before')
    await linkedLine(stage.gateway, stage.account, friend, 'a-tablet')
    await eventually('the line to hear of the tablet', async () => {
      const heard = await stage.simulator.traffic({ phone: line.phone.number, tag: 'notification', direction: 'out' })
      return heard.some((one) => at(one, 'stanza.attrs.type') === 'devices')
    })
    const heal = await stage.simulator.fault({
      action: 'drop',
      match: { phone: line.phone.number, tag: 'notification', type: 'devices', direction: 'out' },
    })
    for (const { id } of await friend.devices()) await friend.unlink(id)
    for (const chat of [group, friend.number]) {
      const sent = await line.text(chat, 'after')
      expect(sent.status, JSON.stringify(sent.body)).toBe(200)
      await friend.next({ id: text(sent.body, 'data.messageId') })
      if (chat === group) await other.next({ id: text(sent.body, 'data.messageId') })
    }
    await heal()
  })

  it('a group that was moved from numbers to LIDs: the message WhatsApp refuses is written again, and the next ones at once', async () => {
    const receiver = await stage.receiver()
    const [friend, other] = [await stage.phone(), await stage.phone()]
    const line = await stage.line('moved', { webhookEnabled: true, webhookURL: receiver.url, webhookEvents: ['message.status'] })
    const control = createApi(stage.simulator.url)
    const move = async (group: string, addressing: 'lid' | 'pn') =>
      expect((await control.put(`/groups/${group}/addressing`, { addressing })).status).toBe(200)
    const group = await stage.simulator.group({ by: friend, subject: 'Old', participants: [line.phone, other], addressing: 'pn' })
    const before = await line.text(group, 'by number')
    await friend.next({ id: text(before.body, 'data.messageId') })

    await move(group, 'lid')
    const sent = await line.text(group, 'by LID')
    const id = text(sent.body, 'data.messageId')
    for (const phone of [friend, other]) expect(at(await phone.next({ id }), 'text')).toBe('by LID')
    expect(await written(line.phone.number, id)).toHaveLength(2)
    await receiver.next({ event: 'message.status', data: { messageIds: [id], status: 'delivered' } })
    const next = text((await line.text(group, 'and on')).body, 'data.messageId')
    for (const phone of [friend, other]) await phone.next({ id: next })
    expect(await written(line.phone.number, next)).toHaveLength(1)

    // Refused once more, it is told.
    await stage.simulator.fault({ action: 'ack-error', code: 421, match: { phone: line.phone.number, tag: 'message' }, times: 2 })
    const refused = text((await line.text(group, 'refused')).body, 'data.messageId')
    const told = await receiver.next({ event: 'message.status', data: { messageIds: [refused], status: 'server_error' } })
    expect(at(told, 'data.error.code')).toBe(421)
    expect(await written(line.phone.number, refused)).toHaveLength(2)

    // What somebody else writes says how members are named: nothing has to be refused first.
    await move(group, 'pn')
    await other.send(group, 'is it me?')
    await eventually('the line to hear it', async () => {
      const rows = await line.api.post(`/api/chat/history/${line.name}`, { number: group })
      return JSON.stringify(rows.body).includes('is it me?')
    })
    const last = text((await line.text(group, 'by number again')).body, 'data.messageId')
    await other.next({ id: last })
    expect(await written(line.phone.number, last)).toHaveLength(1)
    const failed = receiver.deliveries().filter(({ body }) => at(body, 'data.status') === 'server_error')
    expect(failed.map(({ body }) => at(body, 'data.messageIds'))).toEqual([[refused]])
  })
})
