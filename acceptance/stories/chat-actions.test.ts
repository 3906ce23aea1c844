/** What an account does with its chats: seen on its own phone, and by the other side where the other side may see it. */
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { createApi } from '../toolkit/api.ts'
import { bothDatabases } from '../toolkit/databases.ts'
import { eventually } from '../toolkit/eventually.ts'
import { at, type Json, list, matches, text } from '../toolkit/json.ts'
import type { Line } from '../toolkit/line.ts'
import type { Receiver } from '../toolkit/receiver.ts'
import type { Phone } from '../toolkit/simulator.ts'
import { onStage } from '../toolkit/stage.ts'

const refusal = (status: number, message: string) => ({ status, body: { success: false, error: { message } } })

onStage(
  'Chats',
  (stage) => {
    let cast: Promise<{ line: Line; friend: Phone; group: string; receiver: Receiver }> | undefined
    const players = () => {
      cast ??= (async () => {
        const receiver = await stage.receiver()
        const friend = await stage.phone({ name: 'Bea' })
        const line = await stage.line('chats', { webhookEnabled: true, webhookURL: receiver.url, webhookEvents: ['message.exchange'] })
        const group = await stage.simulator.group({ by: friend, subject: 'Chats', participants: [line.phone] })
        return { line, friend, group, receiver }
      })()
      return cast
    }
    const post = async (action: string, body: { [key: string]: Json }) => (await players()).line.api.post(`/api/chat/${action}/chats`, body)
    const received = async (to: string, words: string) => {
      const { friend, receiver } = await players()
      const id = await friend.send(to, words)
      await receiver.next({ data: { id } })
      return id
    }
    /** The action the own phone holds under this index. */
    const onPhone = async (collection: string, index: string[], expected: object) => {
      const { line } = await players()
      await eventually(`the phone to know of ${index[0]}`, async () => {
        const action = at(await line.phone.appState(), collection)
        const found = typeof action === 'object' && action !== null && !Array.isArray(action) ? action[JSON.stringify(index)] : undefined
        return found !== undefined && matches(found, expected as Json)
      })
    }

    it('archived and taken out, in private and in a group', async () => {
      const { line, friend, group } = await players()
      const last = await received(line.phone.number, 'the last word')
      expect(await post('archive', { number: friend.number })).toMatchObject({
        status: 200,
        body: { success: true, message: 'Chat archived successfully', chat_jid: friend.jid, archived: true },
      })
      await onPhone('regular_low', ['archive', friend.jid], {
        archiveChatAction: { archived: true, messageRange: { messages: [{ key: { id: last, remoteJid: friend.jid } }] } },
      })
      expect((await post('archive', { number: friend.lid, archive: false })).body).toMatchObject({
        message: 'Chat unarchived successfully',
      })
      await onPhone('regular_low', ['archive', friend.jid], { archiveChatAction: { archived: false } })
      await received(group, 'in the group')
      expect((await post('archive', { number: group })).body).toMatchObject({ chat_jid: group })
      await onPhone('regular_low', ['archive', group], {
        archiveChatAction: { messageRange: { messages: [{ key: { participant: friend.jid } }] } },
      })
      expect(await post('archive', {})).toMatchObject(refusal(400, 'Number is required'))
      expect(await post('archive', { number: 'nobody' })).toMatchObject(refusal(400, 'Invalid number'))
    })

    it('pinned, muted, marked as read and unread', async () => {
      const { line, friend } = await players()
      for (const route of ['pinChat', 'pin']) {
        expect((await post(route, { number: friend.number })).body).toMatchObject({ message: 'Chat pinned successfully', pinned: true })
        await onPhone('regular_low', ['pin_v1', friend.jid], { pinAction: { pinned: true } })
        expect((await post(route, { number: friend.number, pin: false })).body).toMatchObject({ message: 'Chat unpinned successfully' })
        await onPhone('regular_low', ['pin_v1', friend.jid], { pinAction: { pinned: false } })
      }

      const muted = async (body: { [key: string]: Json }) => (await post('mute', { number: friend.number, ...body })).body
      expect(await muted({})).toMatchObject({ message: 'Chat muted permanently', muted: true, duration: 0, chat_jid: friend.jid })
      await onPhone('regular_high', ['mute', friend.jid], { muteAction: { muted: true, muteEndTimestamp: '-1' } })
      expect(await muted({ duration: '8 hours' })).toMatchObject({ message: 'Chat muted for 8 hours', duration: 28_800 })
      expect(await muted({ duration: '7d' })).toMatchObject({ message: 'Chat muted for 1 week', duration: 604_800 })
      expect(await muted({ mute: false, duration: 'x' })).toMatchObject({ message: 'Chat notifications unmuted successfully', duration: 0 })
      await onPhone('regular_high', ['mute', friend.jid], { muteAction: { muted: false } })
      expect(await post('mute', { number: friend.number, duration: '9h' })).toMatchObject(refusal(400, 'Invalid duration: 9h'))

      const unread = await received(line.phone.number, 'have you read this?')
      expect((await post('markChatRead', { number: friend.number })).body).toMatchObject({
        message: 'Chat marked as read successfully',
        read: true,
      })
      await onPhone('regular_low', ['markChatAsRead', friend.jid], { markChatAsReadAction: { read: true } })
      await eventually('the sender to see it', async () =>
        (await stage.simulator.traffic({ phone: line.phone.number, tag: 'receipt', direction: 'in' })).some(
          (seen) => at(seen, 'stanza.attrs.type') === 'read' && JSON.stringify(seen).includes(unread),
        ),
      )
      expect((await post('markChatRead', { number: friend.number, read: false })).body).toMatchObject({
        message: 'Chat marked as unread successfully',
      })
      await onPhone('regular_low', ['markChatAsRead', friend.jid], { markChatAsReadAction: { read: false } })
    })

    it('one message marked as read, in private and in a group', async () => {
      const { line, friend, group } = await players()
      for (const [to, number, sender] of [
        [line.phone.number, friend.number, null],
        [group, group, friend.jid],
      ] as const) {
        const id = await received(to, 'read me')
        expect(await post('markRead', { messageId: id, number, ...(sender === null ? {} : { sender }) })).toMatchObject({
          status: 200,
          body: { success: true, message: 'Message marked as read successfully', message_id: id },
        })
        await eventually('the receipt', async () =>
          (await stage.simulator.traffic({ phone: line.phone.number, tag: 'receipt', direction: 'in' })).some((seen) =>
            matches(seen, { stanza: { attrs: { id, type: 'read' } } }),
          ),
        )
      }
      expect(await post('markRead', { number: friend.number })).toMatchObject(refusal(400, 'messageId is required'))
      expect(await post('markRead', { messageId: 'x' })).toMatchObject(refusal(400, 'Number is required'))
      expect(await post('markRead', { messageId: 'x', number: group })).toMatchObject(refusal(400, 'sender is required for group messages'))
    })

    it('starred messages', async () => {
      const { line, friend, group } = await players()
      const id = await received(group, 'remember this')
      expect((await post('favorite', { messageId: id })).body).toMatchObject({
        type: 'message',
        chat_jid: group,
        message_id: id,
        favorite: true,
      })
      await onPhone('regular_high', ['star', group, id, '0', friend.jid], { starAction: { starred: true } })
      const own = text((await line.text(friend.number, 'and this')).body, 'data.messageId')
      await post('favorite', { messageId: own })
      await post('favorite', { messageId: own, favorite: false })
      await onPhone('regular_high', ['star', friend.jid, own, '1', '0'], { starAction: { starred: false } })
      expect(await post('favorite', {})).toMatchObject(refusal(400, 'Either number or messageId is required'))
      expect(await post('favorite', { messageId: '3EB0NOBODYHASIT' })).toMatchObject(refusal(404, 'Message not found'))
    })

    it('favourite chats: all of them in one record, in their order', async () => {
      const { friend, group } = await players()
      expect(await post('favorite', { number: friend.number })).toMatchObject({
        status: 200,
        body: { success: true, message: 'Chat favorited successfully', type: 'chat', chat_jid: friend.jid, favorite: true },
      })
      await post('favorite', { number: group })
      await onPhone('regular_high', ['favorites'], { favoritesAction: { favorites: [{ id: friend.jid }, { id: group }] } })
      expect((await post('favorite', { number: friend.lid, favorite: false })).body).toMatchObject({
        message: 'Chat unfavorited successfully',
        chat_jid: friend.jid,
        favorite: false,
      })
      await onPhone('regular_high', ['favorites'], { favoritesAction: { favorites: [{ id: group }] } })
    })

    it('blocked people are not heard', async () => {
      const { line, group, receiver } = await players()
      const pest = await stage.phone({ name: 'Pest' })
      expect(await post('block', { number: pest.number })).toMatchObject({
        status: 200,
        body: { success: true, message: 'Contact blocked successfully', contact_jid: pest.jid, blocked: true, blocked_count: 1 },
      })
      const unheard = await pest.send(line.phone.number, 'buy this')
      expect((await post('block', { number: pest.number, block: false })).body).toMatchObject({
        message: 'Contact unblocked successfully',
        blocked: false,
        blocked_count: 0,
      })
      const heard = await pest.send(line.phone.number, 'sorry')
      await receiver.next({ data: { id: heard } })
      expect(receiver.deliveries().filter(({ body }) => at(body, 'data.id') === unheard)).toEqual([])
      expect(await post('block', { number: group })).toMatchObject(refusal(400, 'Only people can be blocked'))
    })

    it('whether others are online or typing is not asked for, and what comes of it by itself is told to nobody', async () => {
      const { line, friend, receiver } = await players()
      const since = await stage.simulator.trafficCursor()
      const log = (after: string) => line.api.get(`/api/events/log/chats?after=${after}`)
      const cursor = text((await log('latest')).body, 'cursor')
      const show = async (presence: { [key: string]: Json }) =>
        expect((await createApi(stage.simulator.url).post(`/phones/${friend.number}/presence`, presence)).status).toBeLessThan(300)
      await show({ state: 'available' })
      await line.text(friend.number, 'are you there?')
      expect((await line.api.get(`/api/profile/getAccount/${line.name}?number=${friend.number}`)).status).toBe(200)
      await show({ state: 'typing', to: line.phone.jid })
      await show({ state: 'unavailable' })
      const id = await friend.send(line.phone.number, 'I was')
      await receiver.next({ data: { id } })
      const sent = await stage.simulator.traffic({ after: since, phone: line.phone.number })
      const presences = sent.filter((seen) => at(seen, 'stanza.tag') === 'presence')
      expect(
        presences.map((seen) => JSON.stringify(seen)).filter((seen) => seen.includes('subscribe') || seen.includes(friend.lid)),
      ).toEqual([])
      // Typing is told to whoever is being written to, asked or not.
      expect(sent.some((seen) => at(seen, 'stanza.tag') === 'chatstate' && at(seen, 'direction') === 'out')).toBe(true)
      const told = new Set(list((await log(cursor)).body, 'events').map((event) => at(event, 'event')))
      expect([...told].filter((name) => name !== 'message.exchange' && name !== 'message.status')).toEqual([])
    })

    it('typing is shown, and taken back when its time is over', async () => {
      const { line, friend } = await players()
      const since = await stage.simulator.trafficCursor()
      expect(await post('presence', { number: friend.number, state: 'Typing', duration: 1 })).toMatchObject({
        status: 200,
        body: { success: true, state: 'typing', duration: 1 },
      })
      const shown = async () =>
        (await stage.simulator.traffic({ after: since, phone: line.phone.number, tag: 'chatstate', direction: 'in' })).map((seen) =>
          JSON.stringify(at(seen, 'stanza')),
        )
      await eventually('typing', async () => (await shown()).some((seen) => seen.includes('composing')))
      await eventually('the pause', async () => (await shown()).some((seen) => seen.includes('paused')))
      expect((await post('presence', { number: friend.number, state: 'recording' })).body).toMatchObject({ state: 'recording' })
      await eventually('recording', async () => (await shown()).some((seen) => seen.includes('audio')))
      // Whoever goes on typing is not cut short by what was asked for before.
      const later = await stage.simulator.trafficCursor()
      await post('presence', { number: friend.number, state: 'typing', duration: 1 })
      await post('presence', { number: friend.number, state: 'recording', duration: 2 })
      const states = async () =>
        (await stage.simulator.traffic({ after: later, phone: line.phone.number, tag: 'chatstate', direction: 'in' })).map((seen) =>
          JSON.stringify(at(seen, 'stanza')).replace(/.*(audio|composing|paused).*/, '$1'),
        )
      await eventually('the end', async () => (await states()).includes('paused'))
      expect(await states()).toEqual(['composing', 'audio', 'paused'])
      expect((await post('presence', { number: friend.number, state: 'PAUSED', duration: 60 })).body).toEqual({
        success: true,
        message: 'Presence updated successfully',
        state: 'paused',
      })
      expect((await post('presence', { number: friend.number, state: 'typing', duration: 61 })).body).toMatchObject({ duration: 60 })
      expect(await post('presence', { number: friend.number })).toMatchObject(
        refusal(400, "State is required. Use 'typing', 'recording', or 'pause'"),
      )
      expect(await post('presence', { number: friend.number, state: 'dancing' })).toMatchObject(
        refusal(400, "Invalid state. Use 'typing', 'recording', or 'pause'"),
      )
    })

    it('deleted, with what was stored of them', async () => {
      const { line, friend } = await players()
      const media = { mediaType: 'document', mediaBase64: Buffer.from('a file').toString('base64'), fileName: 'file.txt' }
      const sent = await line.api.post('/api/message/media/chats', { number: friend.number, ...media })
      const id = text(sent.body, 'data.messageId')
      const remove = (body: { [key: string]: Json }) => line.api.delete('/api/chat/deleteChat/chats', {}, body)
      expect(await remove({ number: friend.number, deleteMedia: true })).toMatchObject({
        status: 200,
        body: { success: true, message: 'Chat deleted successfully (including media)', chat_jid: friend.jid, delete_media: true },
      })
      await onPhone('regular_high', ['deleteChat', friend.jid, '1'], { deleteChatAction: {} })
      expect((await post('history', { number: friend.number })).body).toMatchObject({ count: 0 })
      expect(await line.api.get(`/api/chat/base64/chats?messageId=${id}`)).toMatchObject({ status: 404 })
      expect((await remove({ number: friend.number })).body).toMatchObject({ message: 'Chat deleted successfully', delete_media: false })
      expect(await remove({})).toMatchObject(refusal(400, 'Number is required'))
    })

    it('what WhatsApp refuses, whom it does not know, what cannot be asked', async () => {
      const { line, friend } = await players()
      const id = await received(line.phone.number, 'refuse me')
      const { number } = friend
      const remove = (body: { [key: string]: Json }) => line.api.delete('/api/chat/deleteChat/chats', {}, body)
      const settings: readonly (readonly [string, () => Promise<object>])[] = [
        ['archive', () => post('archive', { number })],
        ['markChatRead', () => post('markChatRead', { number, read: false })],
        ['pinChat', () => post('pinChat', { number })],
        ['pin', () => post('pin', { number })],
        ['a chat as favourite', () => post('favorite', { number })],
        ['a message as favourite', () => post('favorite', { messageId: id })],
        ['mute', () => post('mute', { number })],
        ['deleteChat', () => remove({ number })],
      ]
      const refusals = [
        [429, refusal(429, 'WhatsApp rate limit reached. Try again later.')],
        [500, refusal(500, 'WhatsApp refused: not today')],
      ] as const
      for (const [xmlns, asked] of [
        ['w:sync:app:state', settings],
        ['blocklist', [['block', () => post('block', { number })]]],
      ] as const)
        for (const [code, answer] of refusals) {
          const end = await stage.simulator.fault({ action: 'iq-error', code, text: 'not today', match: { xmlns } })
          for (const [what, ask] of asked) expect(await ask(), `${what}, ${code}`).toMatchObject(answer)
          await end()
        }
      const fresh = await stage.phone()
      const mute = await stage.simulator.fault({ action: 'iq-error', code: 500, text: 'not today', match: { xmlns: 'usync' } })
      expect(await post('archive', { number: fresh.number })).toMatchObject(
        refusal(500, 'Failed to look up number: WhatsApp refused: not today'),
      )
      await mute()

      const besides: readonly (readonly [string, { [key: string]: Json }])[] = [
        ['archive', {}],
        ['markRead', { messageId: 'x' }],
        ['markChatRead', {}],
        ['pinChat', {}],
        ['pin', {}],
        ['favorite', {}],
        ['mute', {}],
        ['block', {}],
        ['presence', { state: 'typing' }],
      ]
      for (const [what, body] of besides) {
        expect(await post(what, { ...body, number: 'nobody' }), what).toMatchObject(refusal(400, 'Invalid number'))
        const unknown = refusal(400, 'Number 34999999999 is not registered on WhatsApp')
        expect(await post(what, { ...body, number: '34999999999' }), what).toMatchObject(unknown)
        const missing = what === 'favorite' ? 'Either number or messageId is required' : 'Number is required'
        expect(await post(what, body), what).toMatchObject(refusal(400, missing))
      }
      expect(await remove({ number: 'nobody' })).toMatchObject(refusal(400, 'Invalid number'))
      expect(await remove({ number: '34999999999' })).toMatchObject(refusal(400, 'Number 34999999999 is not registered on WhatsApp'))
      const sender = { messageId: 'x', number: (await players()).group, sender: 'nobody' }
      expect(await post('markRead', sender)).toMatchObject(refusal(400, 'Invalid sender'))
    })

    it('many at once: none is lost', async () => {
      const { friend, group } = await players()
      const answers = await Promise.all([
        ...Array.from({ length: 5 }, (_, n) => post('pinChat', { number: n % 2 === 0 ? friend.number : group })),
        ...Array.from({ length: 5 }, (_, n) => post('archive', { number: n % 2 === 0 ? friend.number : group })),
      ])
      expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 10 }, () => 200))
      for (const chat of [friend.jid, group]) {
        await onPhone('regular_low', ['pin_v1', chat], { pinAction: { pinned: true } })
        await onPhone('regular_low', ['archive', chat], { archiveChatAction: { archived: true } })
      }
    })

    it('settings that another device keeps changing are given up; those that cannot be verified are not believed', async () => {
      const line = await stage.line('overtaken')
      const friend = await stage.phone({ name: 'Eva' })
      const { number } = friend
      const mute = () => line.api.post('/api/chat/mute/overtaken', { number })
      const pin = () => line.api.post('/api/chat/pinChat/overtaken', { number })
      const match = { phone: line.phone.number, tag: 'iq', contains: 'patch' }
      const slow = await stage.simulator.fault({ action: 'delay', ms: 1_000, match: { ...match, direction: 'in' } })
      let over = false
      const asked = mute().finally(() => {
        over = true
      })
      while (!over) {
        await line.phone.set('regular_high', ['mute', friend.jid], { muteAction: { muted: false } })
        await sleep(100)
      }
      expect(await asked).toMatchObject(refusal(409, 'Other devices of the account keep changing the same settings. Try again later.'))
      await slow()
      expect((await mute()).status).toBe(200)

      const damaged = await stage.simulator.fault({ action: 'corrupt', match: { ...match, direction: 'out' } })
      await line.phone.set('regular_low', ['archive', friend.jid], { archiveChatAction: { archived: true } })
      expect(await pin()).toMatchObject(refusal(500, 'WhatsApp refused: what WhatsApp keeps of the settings cannot be verified'))
      await damaged()
      expect((await mute()).status).toBe(200)
      expect(list((await line.api.get('/api/chat/list/overtaken?archived=true')).body, 'chats')).toEqual([])
      // The next connect reads it anew.
      expect((await line.api.post('/api/instance/reconnect/overtaken')).status).toBe(200)
      await line.waitFor('connected')
      await expect.poll(async () => (await pin()).status).toBe(200)
      expect(list((await line.api.get('/api/chat/list/overtaken?archived=true')).body, 'chats')).toMatchObject([{ jid: friend.jid }])
    })

    it('settings whose key the phone keeps to itself are not written, nor anything while disconnected', async () => {
      const line = await stage.line('kept')
      const friend = await stage.phone({ name: 'Dan' })
      const { number } = friend
      const id = text((await line.text(number, 'hello')).body, 'data.messageId')
      await line.phone.renewAppStateKey('never')
      await line.phone.set('regular_low', ['pin_v1', friend.jid], { pinAction: { pinned: true } })
      await line.phone.set('regular_high', ['mute', friend.jid], { muteAction: { muted: true } })
      await line.phone.set('critical_block', ['setting_locale'], { localeSetting: { locale: 'es' } })
      const asked = (action: string, body: { [key: string]: Json }) => line.api.post(`/api/chat/${action}/kept`, body)
      const remove = () => line.api.delete('/api/chat/deleteChat/kept', {}, { number })
      const settings: readonly (readonly [string, () => Promise<object>])[] = [
        ['archive', () => asked('archive', { number })],
        ['markChatRead', () => asked('markChatRead', { number, read: false })],
        ['pinChat', () => asked('pinChat', { number })],
        ['pin', () => asked('pin', { number })],
        ['a chat as favourite', () => asked('favorite', { number })],
        ['a message as favourite', () => asked('favorite', { messageId: id })],
        ['mute', () => asked('mute', { number })],
        ['deleteChat', remove],
        ['a message deleted for oneself', () => line.api.delete('/api/chat/delete/kept', {}, { messageId: id })],
        ['the own name', () => line.api.post('/api/profile/account/kept', { profileName: 'Kept' })],
      ]
      const answers = await Promise.all(settings.map(([, ask]) => ask()))
      for (const [n, answer] of answers.entries())
        expect(answer, settings[n]?.[0]).toMatchObject(refusal(409, 'The phone has not shared its settings yet. Try again later.'))

      expect((await line.api.delete('/api/instance/logout/kept')).status).toBe(200)
      const gone = refusal(503, 'Instance is not connected to WhatsApp')
      for (const [what, ask] of settings) expect(await ask(), what).toMatchObject(gone)
      expect(await asked('markRead', { number, messageId: 'x' })).toMatchObject(gone)
      expect(await asked('block', { number })).toMatchObject(gone)
      expect(await asked('presence', { number, state: 'typing' })).toMatchObject(gone)
      expect(await asked('pinMessage', { messageId: id })).toMatchObject(gone)
    })
  },
  { databases: bothDatabases },
)
