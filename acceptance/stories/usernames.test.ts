/** People who go by a username: nobody is shown their number, and all there is to know them by is the LID. */
import { expect, it } from 'vitest'
import { eventually } from '../toolkit/eventually.ts'
import { at, list, text } from '../toolkit/json.ts'
import { onStage } from '../toolkit/stage.ts'

onStage('People who go by a username', (stage, database) => {
  it('write, are answered, and have a chat, a name and receipts like anybody else', async () => {
    const receiver = await stage.receiver()
    const shy = await stage.phone({ name: 'Shy' })
    await shy.change({ username: 'shy.person' })
    const line = await stage.line(`shy-${database}`, { webhookEnabled: true, webhookURL: receiver.url })
    const { api, name } = line
    const him = { jid: null, lid: shy.lid }
    const told = async (id: string) => at(await receiver.next({ event: 'message.exchange', data: { id } }, 15_000), 'data')

    const first = await shy.send(line.phone.number, 'do you know me?')
    expect(await told(first)).toMatchObject({ chat: him, sender: { ...him, name: 'Shy' }, message: { content: 'do you know me?' } })

    const sent = await line.text(shy.lid, 'no', { replyTo: first })
    expect(sent).toMatchObject({ status: 200 })
    const id = text(sent.body, 'data.messageId')
    expect(at(await shy.next({ id }), 'text')).toBe('no')
    for (const status of ['delivered', 'read']) {
      if (status === 'read') await shy.receipts(line.phone.number, [id], 'read')
      expect(at(await receiver.next({ event: 'message.status', data: { messageIds: [id], status } }), 'data.chat')).toMatchObject(him)
    }

    expect(await api.post(`/api/message/reaction/${name}`, { number: shy.lid, messageId: first, reaction: '👍' })).toMatchObject({
      status: 200,
    })
    expect(await api.post(`/api/chat/edit/${name}`, { messageId: id, content: 'not yet' })).toMatchObject({ status: 200 })
    expect(await api.post(`/api/chat/markChatRead/${name}`, { number: shy.lid, read: true })).toMatchObject({ status: 200 })
    expect(await api.delete(`/api/chat/delete/${name}`, {}, { messageId: id, deleteForEveryone: true })).toMatchObject({ status: 200 })
    const contact = at((await api.get(`/api/chat/contacts/${name}?number=${shy.lid}`)).body, 'contact')
    expect(contact).toMatchObject({ found: true, lid: shy.lid, push_name: 'Shy' })
    const chats = async () =>
      list((await api.get(`/api/chat/list/${name}`)).body, 'chats').filter((chat) => JSON.stringify(chat).includes(shy.lid))
    expect(await chats()).toHaveLength(1)

    // Typed on the own phone, to somebody who is known by LID alone.
    const typed = await line.phone.send(shy.lid, 'from the phone')
    expect(await told(typed)).toMatchObject({ chat: him, message: { content: 'from the phone' } })

    // In a group.
    const group = await stage.simulator.group({ by: line.phone, subject: 'Names', participants: [shy] })
    const said = await shy.send(group, 'hello all')
    expect(await told(said)).toMatchObject({ chat: { jid: group }, sender: him })
    const back = text((await line.text(group, 'hello you')).body, 'data.messageId')
    expect(at(await shy.next({ id: back }), 'text')).toBe('hello you')

    // The number is shown after all: it is the same person, and the same chat.
    await shy.change({ username: null })
    const later = await shy.send(line.phone.number, 'this is my number')
    expect(await told(later)).toMatchObject({ chat: { jid: shy.jid, lid: shy.lid } })
    await eventually('one chat', async () => {
      const now = await chats()
      return now.length === 1 && JSON.stringify(now).includes(shy.number)
    })
    const history = JSON.stringify((await api.post(`/api/chat/history/${name}`, { number: shy.number })).body)
    for (const words of ['do you know me?', 'from the phone', 'this is my number']) expect(history).toContain(words)
  })
})
