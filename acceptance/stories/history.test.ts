/** What was said before the instance was linked, and older still. */
import { expect, it } from 'vitest'
import { eventually } from '../toolkit/eventually.ts'
import { at, type Json, list, text } from '../toolkit/json.ts'
import { createInstance, type Line, unlinkedLine } from '../toolkit/line.ts'
import { onStage } from '../toolkit/stage.ts'

const refusal = (status: number, message: string) => ({ status, body: { success: false, error: { message } } })

onStage(
  'History',
  (stage, database) => {
    /** A new instance on a phone that remembers; `query` goes to connect. */
    const linked = async (name: string, past: { [key: string]: Json }, query: string, more: { [key: string]: Json } = {}) => {
      const phone = await stage.phone({ name: 'Old hand' })
      const chats = await phone.remember(past)
      const line = unlinkedLine(stage.gateway, phone, name, await createInstance(stage.account, name, more))
      const answer = await line.api.get(`/api/instance/connect/${name}${query}`)
      await phone.scan(text(answer.body, 'qrCode'))
      await line.waitFor('connected')
      return { line, chats }
    }

    const stored = async (line: Line, number: Json | undefined, count = 1000): Promise<readonly Json[]> =>
      list((await line.api.post(`/api/chat/history/${line.name}`, { number: number ?? null, count })).body, 'messages')

    const storedAtLast = (line: Line, chat: Json, count: number): Promise<unknown> =>
      eventually(`${count} messages of a chat`, async () => (await stored(line, at(chat, 'jid'))).length >= count, 60_000)

    it('comes in chunks from the media host, as many days as were asked for, with its names, and is announced to nobody', async () => {
      const receiver = await stage.receiver()
      const name = `past-${database}`
      const webhook = { webhookEnabled: true, webhookURL: receiver.url, webhookEvents: ['message.exchange'] }
      const { line, chats } = await linked(name, { chats: 30, messages: 200, days: 100, groups: 5 }, '?history=50', webhook)
      for (const chat of chats) await storedAtLast(line, chat, 99)
      const sample = await stored(line, at(chats[2], 'jid'))
      expect(sample[0]).toMatchObject({ id: at(chats[2], 'newest'), chatJid: at(chats[2], 'jid') })
      expect(sample.length).toBeLessThan(105)
      expect(new Set(sample.map((message) => at(message, 'id'))).size).toBe(sample.length)
      const contact = async (chat: Json | undefined) =>
        at((await line.api.get(`/api/chat/contacts/${name}?number=${at(chat, 'jid')}`)).body, 'contact')
      expect(await contact(chats[2])).toMatchObject({
        full_name: at(chats[2], 'name'),
        push_name: at(chats[2], 'pushName'),
        lid: at(chats[2], 'lid'),
      })
      expect(await contact(chats[3])).toMatchObject({ full_name: '', push_name: at(chats[3], 'pushName') })
      const friend = await stage.phone({ name: 'Ana' })
      const id = await friend.send(line.phone.number, 'and now?')
      await receiver.next({ event: 'message.exchange', data: { id } })
      expect(receiver.deliveries().filter(({ body }) => at(body, 'event') === 'message.exchange')).toHaveLength(1)
    })

    it('of a year comes in full, also when it is asked for later', async () => {
      const year = { chats: 3, messages: 60, days: 300 }
      const age = async (line: Line, chat: Json | undefined) => {
        const oldest = (await stored(line, at(chat, 'jid'))).at(-1)
        return { id: at(oldest, 'id'), days: (Date.now() - Date.parse(text(oldest, 'timestamp'))) / 86_400_000 }
      }
      const { line, chats } = await linked(`year-${database}`, year, '?history=365')
      for (const chat of chats) {
        await storedAtLast(line, chat, 60)
        const { id, days } = await age(line, chat)
        expect(id).toBe(at(chat, 'oldest'))
        expect(days).toBeGreaterThan(280)
      }

      // Phones hand over three months by themselves: what is older has to be asked of them.
      const late = await linked(`later-${database}`, year, '?history=90')
      for (const chat of late.chats) await storedAtLast(late.line, chat, 15)
      expect((await age(late.line, late.chats[0])).days).toBeLessThan(91)
      expect(await late.line.api.get(`/api/instance/connect/later-${database}?history=365`)).toMatchObject({
        status: 200,
        body: { message: 'Instance already connected' },
      })
      for (const chat of late.chats) {
        await storedAtLast(late.line, chat, 60)
        expect((await stored(late.line, at(chat, 'jid'))).length).toBe(60)
        expect(await age(late.line, chat)).toMatchObject({ id: at(chat, 'oldest') })
      }
    })

    it('is left out unless it was asked for; its names are not', async () => {
      const { line, chats } = await linked(`quiet-${database}`, { chats: 4, messages: 50, days: 10 }, '')
      await eventually('the names', async () => {
        const contacts = await line.api.get(`/api/chat/contacts/${line.name}`)
        return list(contacts.body, 'contacts').some((contact) => at(contact, 'full_name') === at(chats[0], 'name'))
      })
      for (const chat of chats) expect(await stored(line, at(chat, 'jid'))).toEqual([])
    })

    it('goes on after a crash, and nothing is there twice', async () => {
      const { line, chats } = await linked(`crashed-${database}`, { chats: 40, messages: 300, days: 60 }, '?history=90')
      await storedAtLast(line, chats[0] ?? null, 1)
      await stage.gateway.kill()
      await stage.gateway.restart()
      await line.waitFor('connected')
      for (const chat of [chats[0], chats[20], chats[39]]) {
        await storedAtLast(line, chat ?? null, 300)
        const ids = (await stored(line, at(chat, 'jid'))).map((message) => at(message, 'id'))
        expect(new Set(ids).size).toBe(300)
        expect(ids).toContain(at(chat, 'oldest'))
      }
    })

    it('of one chat, older than what is stored, is asked of the phone', async () => {
      const friend = await stage.phone({ name: 'Bia' })
      const past = { chats: 1, messages: 120, days: 20, people: [friend.number] }
      const name = `older-${database}`
      const { line, chats } = await linked(name, past, '')
      const sync = (body: Json) => line.api.post(`/api/chat/sync/${name}`, body)
      expect(await sync({ number: friend.number })).toMatchObject(refusal(404, 'No message of this chat is stored yet'))
      const first = await friend.send(line.phone.number, 'do you remember?')
      await storedAtLast(line, chats[0] ?? null, 1)
      const asked = await sync({ number: friend.number, count: 40 })
      expect(asked).toMatchObject({
        status: 202,
        body: { success: true, chat_jid: friend.jid, count: 40, before: { messageId: first } },
      })
      expect(text(asked.body, 'requestId')).not.toBe('')
      await storedAtLast(line, chats[0] ?? null, 41)
      expect(await sync({ number: friend.jid })).toMatchObject({ status: 202, body: { count: 50 } })
      await storedAtLast(line, chats[0] ?? null, 91)
      expect(await sync({ number: friend.lid, count: 200 })).toMatchObject({ status: 202 })
      await storedAtLast(line, chats[0] ?? null, 121)
      const all = (await stored(line, friend.number)).map((message) => at(message, 'id'))
      expect([all.length, new Set(all).size, all[0], all.at(-1)]).toEqual([121, 121, first, at(chats[0], 'oldest')])

      expect(await sync({})).toMatchObject(refusal(400, 'Number is required'))
      expect(await sync({ number: 'nobody' })).toMatchObject(refusal(400, 'Invalid number'))
      for (const count of [0, 201, 1.5])
        expect(await sync({ number: friend.number, count })).toMatchObject(refusal(400, 'Count must be between 1 and 200'))
      expect(await sync({ number: '120363000000000000@newsletter' })).toMatchObject(refusal(400, 'Channels are not on the phone'))
      await line.api.delete(`/api/instance/logout/${name}`)
      expect(await sync({ number: friend.number })).toMatchObject(refusal(503, 'Instance is not connected to WhatsApp'))
    })
  },
  { databases: ['SQLite', 'PostgreSQL'] },
)
