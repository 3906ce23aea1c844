/** Channels: made, looked at, followed and left; what is posted by us and by others. */
import { expect, it } from 'vitest'
import { createApi } from '../toolkit/api.ts'
import { bothDatabases } from '../toolkit/databases.ts'
import { eventually } from '../toolkit/eventually.ts'
import { png } from '../toolkit/files.ts'
import { at, type Json, list, text } from '../toolkit/json.ts'
import type { Line } from '../toolkit/line.ts'
import type { Receiver } from '../toolkit/receiver.ts'
import type { Phone } from '../toolkit/simulator.ts'
import { onStage } from '../toolkit/stage.ts'

const refusal = (status: number, message: string) => ({ status, body: { success: false, error: { message } } })
const invalid = refusal(400, 'Invalid newsletter identifier (use JID @newsletter or invite link/code)')

onStage(
  'Channels',
  (stage) => {
    let cast: Promise<{ line: Line; friend: Phone; receiver: Receiver }> | undefined
    const players = () => {
      cast ??= (async () => {
        const receiver = await stage.receiver()
        const friend = await stage.phone({ name: 'Bea' })
        const line = await stage.line('channels', { webhookEnabled: true, webhookURL: receiver.url })
        return { line, friend, receiver }
      })()
      return cast
    }
    const network = () => createApi(stage.simulator.url)
    const create = async (body: { [key: string]: Json }) => (await players()).line.api.post('/api/newsletter/create/channels', body)

    it('are made, with their picture, even before the terms for creators were agreed to', async () => {
      const { line, friend } = await players()
      expect((await network().put(`/phones/${line.phone.number}/newsletter-terms`, { accepted: false })).status).toBeLessThan(300)
      const made = await create({ name: 'News', description: 'What is new', picture: png(80, 60).toString('base64') })
      const jid = text(made.body, 'channel.jid')
      expect(made).toMatchObject({
        status: 200,
        body: {
          success: true,
          message: 'Newsletter created',
          channel: {
            jid: expect.stringMatching(/^\d+@newsletter$/),
            state: 'active',
            name: 'News',
            description: 'What is new',
            inviteLink: expect.stringMatching(/^https:\/\/whatsapp\.com\/channel\/\S+$/),
            subscriberCount: 0,
            pictureUrl: expect.stringMatching(/^https:/),
          },
        },
      })
      // One whose picture is none is made all the same.
      const plain = await create({ name: 'Plain', picture: Buffer.from('no picture').toString('base64') })
      expect(plain.body).toMatchObject({ channel: { name: 'Plain', pictureUrl: null } })

      expect((await network().post(`/newsletters/${jid}/follow`, { by: friend.number })).status).toBeLessThan(300)
      const sent = await line.text(jid, 'first post')
      expect(sent).toMatchObject({ status: 200, body: { data: { chat: { jid } } } })
      const listed = await line.api.get('/api/newsletter/list/channels')
      expect(listed).toMatchObject({ status: 200, body: { message: '2 newsletters found', meta: { total: 2 } } })
      expect(
        list(listed.body, 'channels')
          .map((one) => at(one, 'name'))
          .sort(),
      ).toEqual(['News', 'Plain'])
      expect(await create({ description: 'nameless' })).toMatchObject(refusal(400, "The 'name' field is required"))
    })

    it('of others are looked at by JID, code and link, followed and left', async () => {
      const { line, friend } = await players()
      const theirs = await network().post('/newsletters', { by: friend.number, name: 'Cooking', description: 'Every day' })
      const [jid, code] = [text(theirs.body, 'id'), text(theirs.body, 'invite')]
      const info = (identifier: string) => line.api.get(`/api/newsletter/info/channels?identifier=${encodeURIComponent(identifier)}`)
      const join = (body: { [key: string]: Json }) => line.api.post('/api/newsletter/join/channels', body)
      const leave = (identifier: string) => line.api.delete(`/api/newsletter/leave/channels?identifier=${encodeURIComponent(identifier)}`)
      const followed = async () => list((await line.api.get('/api/newsletter/list/channels')).body, 'channels').map((one) => at(one, 'jid'))

      for (const identifier of [jid, code, `https://whatsapp.com/channel/${code}`, `whatsapp.com/channel/${code}?x=1`]) {
        expect(await info(identifier)).toMatchObject({
          status: 200,
          body: { success: true, message: 'Newsletter info retrieved', channel: { jid, name: 'Cooking', description: 'Every day' } },
        })
      }
      expect(await join({ identifier: `https://whatsapp.com/channel/${code}` })).toMatchObject({
        status: 200,
        body: { success: true, message: 'Successfully joined newsletter', channelJid: jid },
      })
      expect(await followed()).toContain(jid)
      expect(await join({ identifier: jid })).toMatchObject({ status: 200 })
      expect(await leave(jid)).toMatchObject({
        status: 200,
        body: { success: true, message: 'Successfully left newsletter', channelJid: jid },
      })
      expect(await followed()).not.toContain(jid)
      expect(await leave(jid)).toMatchObject({
        status: 500,
        body: { error: { message: expect.stringMatching(/^failed to leave newsletter: /) } },
      })

      const nobody = '120363999999999999@newsletter'
      expect(await info(nobody)).toMatchObject(refusal(400, 'newsletter not found or no metadata returned'))
      expect(await join({ identifier: nobody })).toMatchObject(refusal(400, 'newsletter not found'))
      expect(await info('120363000000000001@g.us')).toMatchObject(invalid)
      expect(await join({ identifier: 'not a code' })).toMatchObject(invalid)
      expect(await leave('?')).toMatchObject(invalid)
      const required = 'is required (JID @newsletter or invite link/code)'
      expect(await info('')).toMatchObject(refusal(400, `The 'identifier' query parameter ${required}`))
      expect(await leave('')).toMatchObject(refusal(400, `The 'identifier' query parameter ${required}`))
      expect(await join({})).toMatchObject(refusal(400, `The 'identifier' field ${required}`))
    })

    it('posts of ours are edited, reacted to and taken back', async () => {
      const { line, friend, receiver } = await players()
      const channel = text((await create({ name: 'Changes' })).body, 'channel.jid')
      await network().post(`/newsletters/${channel}/follow`, { by: friend.number })
      const posts = async () => list((await network().get(`/newsletters/${channel}`)).body, 'posts')
      const id = text((await line.text(channel, 'at nine')).body, 'data.messageId')
      await friend.next({ id })

      const edited = await line.api.post('/api/chat/edit/channels', { messageId: id, content: 'at ten' })
      expect(edited).toMatchObject({ status: 200, body: { oldContent: 'at nine', newContent: 'at ten', chatJid: channel } })
      expect(await friend.next({ id, edit: '3' })).toMatchObject({ text: 'at ten' })
      await receiver.next({ event: 'message.exchange', data: { message: { type: 'message_edit', edit: { original_id: id } } } })

      const react = (reaction: string) => line.api.post('/api/message/reaction/channels', { number: channel, messageId: id, reaction })
      expect(await react('👍')).toMatchObject({ status: 200, body: { data: { content: '👍', replyTo: { messageId: id } } } })
      await eventually('the reaction to count', async () => Object.values(at((await posts())[0], 'reactions') ?? {})[0] === '👍')
      expect(await react('remove')).toMatchObject({ status: 200, body: { message: 'Reaction removed successfully' } })
      await eventually('the reaction to be gone', async () => JSON.stringify(at((await posts())[0], 'reactions')) === '{}')

      const gone = await line.api.delete('/api/chat/delete/channels', {}, { messageId: id, deleteForEveryone: true })
      expect(gone).toMatchObject({ status: 200, body: { delete_type: 'revoke', chat_jid: channel } })
      await friend.next({ id, edit: '8', type: 'protocolMessage' })
      await receiver.next({ event: 'message.exchange', data: { message: { type: 'message_revoke', edit: { original_id: id } } } })
      // None of it became a post of its own.
      expect(await posts()).toMatchObject([{ id, message: null }])
      // WhatsApp has taken all of it: nothing waits for its verdict.
      for (const { body } of receiver.deliveries()) expect(at(body, 'data.status')).not.toBe('server_error')
    })

    it('posts of others, their changes, and what the owner posts from the phone are told', async () => {
      const { line, friend, receiver } = await players()
      const theirs = text((await network().post('/newsletters', { by: friend.number, name: 'Cooking' })).body, 'id')
      await line.api.post('/api/newsletter/join/channels', { identifier: theirs })
      const exchange = async (pattern: { [key: string]: Json }) =>
        at(await receiver.next({ event: 'message.exchange', data: pattern }), 'data')

      const chat = { jid: theirs, lid: null, name: 'Cooking', type: 'newsletter' }
      const id = await friend.send(theirs, 'Soup today')
      expect(await exchange({ id })).toMatchObject({
        direction: 'incoming',
        chat,
        sender: { jid: theirs, lid: null, name: 'Cooking' },
        recipient: null,
        message: { type: 'text', content: 'Soup today', source: '' },
      })
      const find = async () => (await line.api.get(`/api/chat/getMessage/channels?messageId=${id}`)).body
      await friend.send(theirs, 'Stew today', { id, edit: '3' })
      expect(await exchange({ message: { type: 'message_edit', edit: { original_id: id } } })).toMatchObject({
        chat,
        message: { content: 'Stew today', isEdit: true, edit: { original_id: id, text: 'Stew today' } },
      })
      expect(at(await find(), 'data.content')).toBe('Stew today')
      // Back to the first words: as much of a change as any other.
      await friend.send(theirs, 'Soup today', { id, edit: '3' })
      await exchange({ message: { type: 'message_edit', edit: { original_id: id, text: 'Soup today' } } })
      await friend.send(theirs, '', { id, edit: '8' })
      expect(await exchange({ message: { type: 'message_revoke', edit: { original_id: id } } })).toMatchObject({
        chat,
        direction: 'incoming',
      })

      const ours = text((await create({ name: 'Ours' })).body, 'channel.jid')
      const own = await line.phone.send(ours, 'from the pocket')
      expect(await exchange({ id: own })).toMatchObject({
        direction: 'outgoing',
        chat: { jid: ours, type: 'newsletter' },
        sender: { jid: line.phone.jid, lid: line.phone.lid },
        message: { content: 'from the pocket', source: '' },
      })
    })

    it('what others post in a channel that is followed is told with its pictures, and nothing from before', async () => {
      const { line, friend, receiver } = await players()
      const jid = text((await network().post('/newsletters', { by: friend.number, name: 'Weather' })).body, 'id')
      const before = await friend.send(jid, 'before anybody came')
      expect(await line.api.post('/api/newsletter/join/channels', { identifier: jid })).toMatchObject({ status: 200 })
      const told = async (id: string, type: string) =>
        at(await receiver.next({ event: 'message.exchange', data: { id, message: { type } } }), 'data')
      const chat = { jid, lid: null, name: 'Weather', type: 'newsletter' }
      const post = await friend.send(jid, 'Rain')
      expect(await told(post, 'text')).toMatchObject({
        direction: 'incoming',
        chat,
        sender: { jid, lid: null, name: 'Weather' },
        recipient: null,
        message: { content: 'Rain' },
      })
      const bytes = png(6, 6)
      const shown = await friend.send(jid, { imageMessage: { caption: 'Clouds' } }, { file: { bytes, mimetype: 'image/png' } })
      expect(await told(shown, 'image')).toMatchObject({ chat, message: { content: 'Clouds', media: { mimetype: 'image/png' } } })
      const read = await line.api.get(`/api/chat/base64/channels?messageId=${shown}`)
      expect(JSON.stringify(read.body)).toContain(bytes.toString('base64'))

      const ids = receiver.deliveries().map(({ body }) => at(body, 'data.id'))
      expect(ids).not.toContain(before)
    })

    it('what is posted in an own channel, through the API and on the phone, reaches those who follow it', async () => {
      const { line, friend, receiver } = await players()
      const jid = text((await create({ name: 'Ours' })).body, 'channel.jid')
      await network().post(`/newsletters/${jid}/follow`, { by: friend.number })
      const chat = { jid, lid: null, name: 'Ours', type: 'newsletter' }
      const ours = { direction: 'outgoing', chat, recipient: { jid, lid: null, name: 'Ours' }, sender: { jid: line.phone.jid } }
      const sent = await eventually('the name to be known', async () => {
        const answer = await line.text(jid, 'from the desk')
        return at(answer.body, 'data.chat.name') === 'Ours' && answer
      })
      const id = text(sent.body, 'data.messageId')
      expect(await friend.next({ chat: jid, text: 'from the desk' })).toMatchObject({ fromMe: false })
      expect(at(await receiver.next({ data: { id } }), 'data')).toMatchObject({
        ...ours,
        message: { content: 'from the desk', source: 'api' },
      })
      const media = await line.api.post('/api/message/media/channels', {
        number: jid,
        mediaType: 'document',
        mediaBase64: Buffer.from('minutes').toString('base64'),
        fileName: 'minutes.txt',
      })
      expect(media).toMatchObject({ status: 200, body: { data: { messageType: 'document', chat: { jid } } } })
      expect(Buffer.from(text(await friend.next({ id: text(media.body, 'data.messageId') }), 'media.base64'), 'base64').toString()).toBe(
        'minutes',
      )
      const byPhone = await line.phone.send(jid, 'from the phone')
      expect(at(await receiver.next({ data: { id: byPhone } }), 'data')).toMatchObject({
        ...ours,
        message: { content: 'from the phone', source: '' },
      })

      // Followers may read, and no more.
      const theirs = text((await network().post('/newsletters', { by: friend.number, name: 'Not ours' })).body, 'id')
      await line.api.post('/api/newsletter/join/channels', { identifier: theirs })
      const refused = await line.text(theirs, 'me too')
      const refusedId = text(refused.body, 'data.messageId')
      expect(
        await eventually('the refusal to be known', async () => {
          const status = at((await line.api.get(`/api/chat/status/channels?messageId=${refusedId}`)).body, 'status')
          return status === 'error' && status
        }),
      ).toBe('error')
    })

    it('reactions to posts in an own channel are told, in numbers', async () => {
      const { line, friend, receiver } = await players()
      const jid = text((await create({ name: 'Loved' })).body, 'channel.jid')
      const other = await stage.phone({ name: 'Cid' })
      for (const { number } of [friend, other]) await network().post(`/newsletters/${jid}/follow`, { by: number })
      const before = await stage.simulator.trafficCursor()
      const post = text((await line.text(jid, 'We are open')).body, 'data.messageId')
      await eventually('live updates to be asked for', async () => {
        const asked = await stage.simulator.traffic({ after: before, phone: line.phone.number, tag: 'iq', direction: 'in' })
        return asked.some((stanza) => JSON.stringify(stanza).includes('live_updates'))
      })
      const serverId = Number(at((await network().get(`/newsletters/${jid}`)).body, 'posts.0.serverId'))
      const react = async (by: Phone, reaction: string) => {
        expect((await network().post(`/newsletters/${jid}/reactions`, { by: by.number, serverId, reaction })).status).toBe(204)
      }
      const told = async (emoji: string, count: number) =>
        at(await receiver.next({ event: 'message.exchange', data: { chat: { jid }, message: { reaction: { emoji, count } } } }), 'data')
      await react(friend, '❤️')
      expect(await told('❤️', 1)).toMatchObject({
        direction: 'incoming',
        chat: { jid, type: 'newsletter' },
        sender: { jid },
        message: { type: 'reaction', content: '❤️', reaction: { emoji: '❤️', text: '❤️', messageId: post, count: 1 } },
      })
      await react(other, '❤️')
      await told('❤️', 2)
      await react(friend, '👍')
      await told('❤️', 1)
      await told('👍', 1)
      await react(friend, '')
      expect(await told('👍', 0)).toMatchObject({ message: { content: '', reaction: { text: '', messageId: post } } })

      // A gateway that comes back goes on by itself: it tells what was missed, nothing it has told before, and what comes then.
      expect(await stage.gateway.stop()).toMatchObject({ code: 0 })
      await react(friend, '😮')
      await stage.gateway.restart()
      expect(await told('😮', 1)).toMatchObject({ message: { reaction: { messageId: post } } })
      await react(other, '😮')
      await told('😮', 2)
      await told('❤️', 0)
      const counted = receiver.deliveries().map(({ body }) => at(body, 'data.message.reaction'))
      const counts = counted.flatMap((reaction) =>
        at(reaction, 'messageId') === post ? `${at(reaction, 'emoji')} ${at(reaction, 'count')}` : [],
      )
      expect(counts.sort()).toEqual(['❤️ 0', '❤️ 1', '❤️ 1', '❤️ 2', '👍 0', '👍 1', '😮 1', '😮 2'])
    })

    it('what WhatsApp refuses is passed on', async () => {
      const { line, friend } = await players()
      const jid = text((await network().post('/newsletters', { by: friend.number, name: 'Closed' })).body, 'id')
      await network().put(`/newsletters/${jid}`, { state: 'SUSPENDED' })
      const info = await line.api.get(`/api/newsletter/info/channels?identifier=${jid}`)
      expect(info).toMatchObject({ status: 200, body: { channel: { state: 'suspended' } } })
      expect(await line.api.post('/api/newsletter/join/channels', { identifier: jid })).toMatchObject({
        status: 500,
        body: { error: { message: 'failed to follow newsletter: Newsletter is not available' } },
      })
      expect(await create({ name: 'x'.repeat(101) })).toMatchObject(refusal(500, 'failed to create newsletter: Invalid name'))
      const asked: [string, () => Promise<unknown>][] = [
        ['create', () => create({ name: 'Any' })],
        ['list', () => line.api.get('/api/newsletter/list/channels')],
        ['get', () => line.api.get(`/api/newsletter/info/channels?identifier=${jid}`)],
        ['follow', () => line.api.post('/api/newsletter/join/channels', { identifier: jid })],
        ['leave', () => line.api.delete(`/api/newsletter/leave/channels?identifier=${jid}`)],
      ]
      for (const [verb, ask] of asked) {
        const match = { xmlns: 'w:mex', times: 1 }
        await stage.simulator.fault({ action: 'iq-error', code: 429, text: 'rate-overlimit', match })
        expect(await ask(), verb).toMatchObject(refusal(429, 'WhatsApp rate limit reached. Try again later.'))
        await stage.simulator.fault({ action: 'iq-error', code: 500, text: 'internal', match })
        expect(await ask(), verb).toMatchObject({
          status: 500,
          body: { error: { message: expect.stringMatching(new RegExp(`^failed to ${verb} newsletter.*: WhatsApp refused: internal$`)) } },
        })
      }
    })

    it('not connected', async () => {
      await stage.account.post('/api/instance/new', { name: 'offline' })
      const offline = refusal(400, 'Instance is not connected to WhatsApp')
      const jid = '120363000000000301@newsletter'
      expect(await stage.account.post('/api/newsletter/create/offline', { name: 'x' })).toMatchObject(offline)
      expect(await stage.account.get('/api/newsletter/list/offline')).toMatchObject(offline)
      expect(await stage.account.get(`/api/newsletter/info/offline?identifier=${jid}`)).toMatchObject(offline)
      expect(await stage.account.post('/api/newsletter/join/offline', { identifier: jid })).toMatchObject(offline)
      expect(await stage.account.delete(`/api/newsletter/leave/offline?identifier=${jid}`)).toMatchObject(offline)
    })
  },
  { databases: bothDatabases },
)
