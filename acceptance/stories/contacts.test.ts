/** Whom an account knows, which numbers are on WhatsApp, and messages pinned for all. */
import { expect, it } from 'vitest'
import { groupRoutes, phoneGroups } from '../toolkit/groups.ts'
import { at, type Json, list, text } from '../toolkit/json.ts'
import { onStage } from '../toolkit/stage.ts'

const refusal = (status: number, message: string) => ({ status, body: { success: false, error: { message } } })

onStage(
  'Contacts',
  (stage, database) => {
    it('are those who wrote, found under every form of their number', async () => {
      const name = `contacts-${database}`
      const receiver = await stage.receiver()
      const [ana, bea] = [await stage.phone({ name: 'Ana' }), await stage.phone({ name: 'Bea' })]
      const line = await stage.line(name, { webhookEnabled: true, webhookURL: receiver.url })
      const group = await stage.simulator.group({ by: ana, subject: 'No contact', participants: [line.phone] })
      for (const friend of [ana, bea]) await receiver.next({ data: { id: await friend.send(line.phone.number, 'hello') } })
      await receiver.next({ data: { id: await ana.send(group, 'hello all') } })

      const contact = (phone: typeof ana, push_name: string) => ({
        jid: phone.jid,
        lid: phone.lid,
        first_name: '',
        full_name: '',
        push_name,
        business_name: '',
        redacted_phone: '',
        found: true,
      })
      const all = await line.api.get(`/api/chat/contacts/${name}`)
      expect(all).toMatchObject({ status: 200, body: { success: true, total: list(all.body, 'contacts').length } })
      const listed = list(all.body, 'contacts').filter((one) => at(one, 'jid') !== line.phone.jid)
      expect(listed).toEqual(
        [ana, bea].map((phone, index) => contact(phone, ['Ana', 'Bea'][index] ?? '')).sort((a, b) => (a.jid < b.jid ? -1 : 1)),
      )
      for (const number of [ana.number, `+${ana.number}`, ana.jid, ana.lid]) {
        const one = await line.api.get(`/api/chat/contacts/${name}?number=${encodeURIComponent(number)}`)
        expect(at(one.body, 'contact')).toEqual(contact(ana, 'Ana'))
      }
      expect((await line.api.get(`/api/chat/contacts/${name}?number=34699999999`)).body).toMatchObject({
        success: true,
        contact: { jid: '34699999999@s.whatsapp.net', found: false, push_name: '' },
      })
      expect(await line.api.get(`/api/chat/contacts/${name}?number=nobody`)).toMatchObject(refusal(400, 'Invalid number'))
    })

    it('that are businesses have the name WhatsApp has verified, and are found by it', async () => {
      const name = `business-${database}`
      const line = await stage.line(name)
      const shop = await stage.phone({ name: 'Padaria Estrela', business: true })
      await shop.send(line.phone.number, 'open from six')
      const contact = async () => at((await line.api.get(`/api/chat/contacts/${name}?number=${shop.number}`)).body, 'contact')
      await expect.poll(contact).toMatchObject({ jid: shop.jid, lid: shop.lid, business_name: 'Padaria Estrela', found: true })
      const found = async () => list((await line.api.get(`/api/chat/list/${name}?search=estrela`)).body, 'chats')
      await expect.poll(found).toMatchObject([{ jid: shop.jid }])
    })

    it('are called what they are saved as on the phone, as long as they stand in its address book', async () => {
      const name = `saved-${database}`
      const line = await stage.line(name)
      const ana = await stage.phone({ name: 'Ana', number: database === 'SQLite' ? '553188887777' : '553188887778' })
      await ana.send(line.phone.number, 'hello')
      const contact = async () => at((await line.api.get(`/api/chat/contacts/${name}?number=${ana.number}`)).body, 'contact')
      const listed = async (query = '') =>
        list((await line.api.get(`/api/chat/list/${name}${query}`)).body, 'chats').map((chat) => at(chat, 'name'))
      await expect.poll(contact).toMatchObject({ full_name: '', push_name: 'Ana' })
      const save = (fullName: string) => line.phone.set('critical_unblock_low', ['contact', ana.jid], { contactAction: { fullName } })
      for (const fullName of ['Ana Ruiz', 'María Ruiz']) {
        await save(fullName)
        await expect.poll(contact).toMatchObject({ first_name: fullName.split(' ')[0], full_name: fullName, push_name: 'Ana', found: true })
        await expect.poll(() => listed('?search=ruiz')).toEqual([fullName])
      }
      // With the ninth digit it is the same person.
      const ninth = `${ana.number.slice(0, 4)}9${ana.number.slice(4)}`
      expect(at((await line.api.get(`/api/chat/contacts/${name}?number=${ninth}`)).body, 'contact')).toEqual(await contact())
      await line.phone.set('critical_unblock_low', ['contact', ana.jid], null)
      await expect.poll(contact).toMatchObject({ first_name: '', full_name: '', push_name: 'Ana', found: true })
      await expect.poll(listed).toEqual(['Ana'])
      expect(await listed('?search=ruiz')).toEqual([])
      await save('Ana again')
      await expect.poll(contact).toMatchObject({ full_name: 'Ana again' })
    })

    it('whose number WhatsApp hides have what it shows of it', async () => {
      const name = `masked-${database}`
      const line = await stage.line(name)
      const [founder, shy] = [await stage.phone({ name: 'Founder' }), await stage.phone({ name: 'Shy' })]
      const community = await phoneGroups(stage.simulator).community(founder, 'Strangers', [shy, line.phone])
      const contact = async () => at((await line.api.get(`/api/chat/contacts/${name}?number=${shy.lid}`)).body, 'contact')
      expect(await contact()).toMatchObject({ found: false, redacted_phone: '' })
      const announcements = text(await phoneGroups(stage.simulator).look(community), 'groups.0')
      expect((await groupRoutes(line).info(announcements)).status).toBe(200)
      const masked = `+${shy.number.slice(0, 2)}${'∙'.repeat(shy.number.length - 4)}${shy.number.slice(-2)}`
      await expect.poll(contact).toMatchObject({ jid: shy.lid, lid: shy.lid, redacted_phone: masked, found: true })
    })

    it('numbers are looked up, fifty at a time', async () => {
      const name = `check-${database}`
      const line = await stage.line(name)
      const friend = await stage.phone()
      const check = (body: { [key: string]: Json }) => line.api.post(`/api/chat/check/${name}`, body)
      const spaced = `+${friend.number.slice(0, 2)} ${friend.number.slice(2)}`
      expect((await check({ numbers: [spaced, '34699999999', 'nobody'] })).body).toMatchObject({
        success: true,
        results: [
          { number: spaced, exists: true, jid: friend.jid, lid: friend.lid },
          { number: '34699999999', exists: false, jid: null, lid: null },
          { number: 'nobody', exists: false, jid: null, lid: null },
        ],
      })
      expect(await check({})).toMatchObject(refusal(400, 'Numbers is required'))
      expect(await check({ numbers: Array.from({ length: 51 }, () => friend.number) })).toMatchObject(
        refusal(400, 'At most 50 numbers at once'),
      )
      const fresh = await stage.phone()
      for (const [code, answer] of [
        [429, refusal(429, 'WhatsApp rate limit reached. Try again later.')],
        [500, refusal(500, 'Failed to check numbers: WhatsApp refused: not today')],
      ] as const) {
        const over = await stage.simulator.fault({
          action: 'iq-error',
          code,
          text: 'not today',
          match: { phone: line.phone.number, xmlns: 'usync' },
        })
        expect(await check({ numbers: [fresh.number] })).toMatchObject(answer)
        await over()
      }
      await line.api.delete(`/api/instance/logout/${name}`)
      expect(await check({ numbers: [fresh.number] })).toMatchObject(refusal(503, 'Instance is not connected to WhatsApp'))
      expect((await line.api.get(`/api/chat/contacts/${name}`)).status).toBe(200)
    })

    it('messages are pinned and unpinned, in private and in a group', async () => {
      const name = `pins-${database}`
      const receiver = await stage.receiver()
      const friend = await stage.phone()
      const line = await stage.line(name, { webhookEnabled: true, webhookURL: receiver.url })
      const group = await stage.simulator.group({ by: line.phone, subject: 'Pins', participants: [friend] })
      const pin = (body: { [key: string]: Json }) => line.api.post(`/api/chat/pinMessage/${name}`, body)
      for (const to of [line.phone.number, group]) {
        const id = await friend.send(to, 'important')
        await receiver.next({ data: { id } })
        expect((await pin({ messageId: id, duration: '24h' })).body).toMatchObject({
          success: true,
          message: 'Message pinned successfully',
          message_id: id,
          chat_jid: to === group ? group : friend.jid,
          pinned: true,
          duration: '24h',
        })
        const got = await friend.next({ message: { pinInChatMessage: { key: { id }, type: 'PIN_FOR_ALL' } } })
        expect(at(got, 'message.messageContextInfo.messageAddOnDurationInSecs')).toBe(86_400)
        expect((await pin({ messageId: id, pin: false })).body).toMatchObject({ message: 'Message unpinned successfully', pinned: false })
        await friend.next({ message: { pinInChatMessage: { key: { id }, type: 'UNPIN_FOR_ALL' } } })
        // The other way round it is an event.
        const key = { remoteJid: to === group ? group : line.phone.jid, fromMe: true, id }
        const theirs = await friend.send(to, { pinInChatMessage: { key, type: 'PIN_FOR_ALL' } }, { edit: '2' })
        await receiver.next({ data: { id: theirs, message: { type: 'unknown' } } })
      }
      const own = text((await line.text(friend.number, 'mine')).body, 'data.messageId')
      expect(await pin({ messageId: own, duration: '2d' })).toMatchObject(refusal(400, 'Invalid duration: 2d'))
      expect((await pin({ messageId: own })).body).toMatchObject({ duration: '7d' })
      expect(await pin({})).toMatchObject(refusal(400, 'messageId is required'))
      expect(await pin({ messageId: 'NOBODY' })).toMatchObject(refusal(404, 'message with ID NOBODY not found'))
    })
  },
  { databases: ['SQLite', 'PostgreSQL'] },
)
