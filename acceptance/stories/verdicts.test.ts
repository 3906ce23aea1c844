/** What becomes of a message after the answer: WhatsApp refuses it, or the connection is lost under it. */
import { expect, it } from 'vitest'
import { eventually } from '../toolkit/eventually.ts'
import { at, text } from '../toolkit/json.ts'
import { onStage } from '../toolkit/stage.ts'

onStage('What WhatsApp says of a sent message', (stage) => {
  it.each([
    [463, 'the account is restricted: it may not begin new chats for now'],
    [475, 'the account has begun as many new chats as it may for now'],
    [479, 'the message was written for devices that are not there any more; the next one is written for those that are'],
    [405, 'WhatsApp does not take a message of this form'],
    [999, 'WhatsApp refused the message'],
  ])('refused with %i: a message.status says so, and why', async (code, reason) => {
    const receiver = await stage.receiver()
    const friend = await stage.phone()
    const name = `refused-${code}`
    const line = await stage.line(name, { webhookEnabled: true, webhookURL: receiver.url, webhookEvents: ['message.status'] })
    await stage.simulator.fault({
      action: 'ack-error',
      code,
      match: { phone: line.phone.number, tag: 'message', direction: 'in' },
      times: 1,
    })
    const sent = await line.text(friend.number, 'no')
    // Whoever sent it was told that it had left; what WhatsApp thinks of it comes later.
    expect(sent.status).toBe(200)
    const id = text(sent.body, 'data.messageId')
    const told = await receiver.next({ event: 'message.status', data: { messageIds: [id] } })
    expect(at(told, 'data')).toMatchObject({ status: 'server_error', error: { code, reason }, isFromMe: true, chat: { jid: friend.jid } })
    const status = await line.api.get(`/api/chat/status/${name}?messageId=${id}`)
    expect(status.body).toMatchObject({ status: 'error', status_code: -1 })
    // The next one goes through.
    await friend.next({ id: text((await line.text(friend.number, 'yes')).body, 'data.messageId') })
  })

  it('a connection that is lost with a message on it: the next one takes it, and nobody gets it twice', async () => {
    const friend = await stage.phone()
    const line = await stage.line('lost')
    await line.text(friend.number, 'before')
    await stage.simulator.fault({ action: 'close', match: { phone: line.phone.number, tag: 'message', direction: 'in' }, times: 1 })
    const key = { 'idempotency-key': 'lost-1' }
    const send = () => line.api.post('/api/message/text/lost', { number: friend.number, message: 'on the edge' }, key)
    const first = await send()
    await line.waitFor('connected')
    // Refused because nobody was connected, it may be tried again; answered with success it arrives, and is not sent anew.
    if (first.status !== 200) expect(first.status).toBe(503)
    const second = first.status === 200 ? first : await send()
    expect((await send()).body).toEqual(second.body)
    await friend.next({ id: text(second.body, 'data.messageId') })
    await friend.next({ id: text((await line.text(friend.number, 'after')).body, 'data.messageId') })
    expect((await friend.messages()).filter((message) => at(message, 'text') === 'on the edge')).toHaveLength(1)
  })

  it('a message WhatsApp got, but nobody heard so: it is handed over again, shown once, and counts as sent', async () => {
    const friend = await stage.phone()
    const line = await stage.line('unheard')
    await line.text(friend.number, 'before')
    // Neither WhatsApp's word for it comes through nor the friend's.
    const drop = (tag: string) => stage.simulator.fault({ action: 'drop', match: { phone: line.phone.number, direction: 'out', tag } })
    const [acks, receipts] = [await drop('ack'), await drop('receipt')]
    const cursor = await stage.simulator.trafficCursor()
    const sent = await line.text(friend.number, 'did you get it?')
    const id = text(sent.body, 'data.messageId')
    await friend.next({ id })
    const statusOf = async () => at((await line.api.get(`/api/chat/status/unheard?messageId=${id}`)).body, 'status')
    expect(await statusOf()).toBe('pending')

    await acks()
    await line.api.post('/api/instance/reconnect/unheard')
    await eventually('it to be handed over again', async () => {
      const seen = await stage.simulator.traffic({ after: cursor, phone: line.phone.number, tag: 'message', direction: 'in' })
      return seen.filter((one) => at(one, 'stanza.attrs.id') === id).length === 2
    })
    await eventually('it to count as sent', async () => (await statusOf()) === 'sent')
    await receipts()
    await friend.next({ id: text((await line.text(friend.number, 'after')).body, 'data.messageId') })
    expect((await friend.messages()).filter((message) => at(message, 'text') === 'did you get it?')).toHaveLength(1)
  })
})
