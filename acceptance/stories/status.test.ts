/** Stories posted through the API: who gets them, what they look like, and how they go early. */
import { expect, it } from 'vitest'
import { png } from '../toolkit/files.ts'
import { at, type Json, text } from '../toolkit/json.ts'
import type { Line } from '../toolkit/line.ts'
import type { Receiver } from '../toolkit/receiver.ts'
import type { Phone } from '../toolkit/simulator.ts'
import { onStage } from '../toolkit/stage.ts'

const refusal = (message: string) => ({ status: 400, body: { success: false, error: { message } } })

onStage('Stories', (stage) => {
  let cast: Promise<{ line: Line; ana: Phone; bea: Phone; receiver: Receiver }> | undefined
  const players = () => {
    cast ??= (async () => {
      const receiver = await stage.receiver()
      const [ana, bea] = [await stage.phone({ name: 'Ana' }), await stage.phone({ name: 'Bea' })]
      const line = await stage.line('stories', { webhookEnabled: true, webhookURL: receiver.url, webhookEvents: ['message.exchange'] })
      for (const friend of [ana, bea]) await receiver.next({ data: { id: await friend.send(line.phone.number, 'hello') } })
      return { line, ana, bea, receiver }
    })()
    return cast
  }
  const post = async (body: { [key: string]: Json }) => (await players()).line.api.post('/api/message/status/stories', body)
  /** In the app. */
  const showTo = async (audience: string, people: readonly string[]) => {
    const { line } = await players()
    const answer = await fetch(`${stage.simulator.url}/phones/${line.phone.number}/story-audience`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ audience, people: [...people] }),
    })
    expect(answer.status).toBe(200)
  }

  it('a text on a coloured ground, for everybody known, and deleted early', async () => {
    const { line, ana, bea, receiver } = await players()
    const sent = await post({ type: 'text', message: 'Open until 22h', backgroundColor: '#0A7A5A', font: 'serif', source: 'crm' })
    const id = text(sent.body, 'data.messageId')
    expect(sent).toMatchObject({
      status: 200,
      body: {
        success: true,
        status: 'sent',
        data: { messageType: 'text', content: 'Open until 22h', source: 'crm', chat: { jid: 'status@broadcast' } },
      },
    })
    for (const friend of [ana, bea, line.phone]) {
      const got = await friend.next({ id })
      expect(at(got, 'message.extendedTextMessage')).toMatchObject({
        text: 'Open until 22h',
        backgroundArgb: 0xff_0a_7a_5a,
        font: 'CALISTOGA_REGULAR',
      })
    }
    const echo = await receiver.next({ event: 'message.exchange', data: { id } })
    expect(at(echo, 'data')).toMatchObject({
      direction: 'outgoing',
      chat: { jid: 'status@broadcast', type: 'status' },
      message: { type: 'text', content: 'Open until 22h', source: 'crm' },
    })
    const gone = await line.api.delete('/api/chat/delete/stories', {}, { messageId: id, deleteForEveryone: true })
    expect(gone).toMatchObject({ status: 200, body: { delete_type: 'revoke' } })
    await ana.next({ message: { protocolMessage: { key: { id } } } })
  })

  it('a picture with its caption', async () => {
    const { ana } = await players()
    const sent = await post({ type: 'image', mediaBase64: png(40, 40).toString('base64'), message: 'Today' })
    expect(sent).toMatchObject({
      status: 200,
      body: { data: { messageType: 'image', content: 'Today', mediaMimeType: expect.any(String) } },
    })
    const got = await ana.next({ id: text(sent.body, 'data.messageId') })
    expect(at(got, 'message.imageMessage.caption')).toBe('Today')
  })

  it('only those whom the app names get it', async () => {
    const { ana, bea } = await players()
    // However the app names her.
    const hidden: string[] = []
    for (const name of [ana.number, ana.lid]) {
      await showTo('blacklist', [name])
      hidden.push(text((await post({ type: 'text', message: 'not for Ana' })).body, 'data.messageId'))
      await bea.next({ id: hidden.at(-1) ?? '' })
    }
    await showTo('whitelist', [ana.number])
    const chosen = text((await post({ type: 'text', message: 'for Ana' })).body, 'data.messageId')
    await ana.next({ id: chosen })
    await showTo('contacts', [])
    const all = text((await post({ type: 'text', message: 'for both' })).body, 'data.messageId')
    await Promise.all([ana.next({ id: all }), bea.next({ id: all })])
    const idsOf = async (phone: Phone) => (await phone.messages()).map((message) => at(message, 'id'))
    for (const id of hidden) expect(await idsOf(ana)).not.toContain(id)
    expect(await idsOf(bea)).not.toContain(chosen)
  })

  it('are posted by every other route too, for the same people', async () => {
    const { line, ana, bea, receiver } = await players()
    for (const [kind, body, field] of [
      ['text', { message: 'by the way of texts' }, 'extendedTextMessage'],
      ['media', { mediaType: 'image', mediaBase64: png(20, 20).toString('base64') }, 'imageMessage'],
      ['location', { latitude: 1, longitude: 2 }, 'locationMessage'],
    ] as const) {
      const sent = await line.api.post(`/api/message/${kind}/stories`, { number: 'status@broadcast', delay: 1, ...body })
      expect(sent).toMatchObject({ status: 200, body: { data: { chat: { jid: 'status@broadcast' } } } })
      const id = text(sent.body, 'data.messageId')
      for (const friend of [ana, bea, line.phone]) expect(at(await friend.next({ id }), `message.${field}`)).toBeDefined()
      await receiver.next({ event: 'message.exchange', data: { id, chat: { jid: 'status@broadcast', type: 'status' } } })
    }
  })

  it('of others arrive, are answered in private and liked by nobody else to see', async () => {
    const { line, ana, bea, receiver } = await players()
    const story = await ana.post('On my way', [line.phone, bea])
    const told = await receiver.next({ event: 'message.exchange', data: { id: story } })
    expect(at(told, 'data')).toMatchObject({
      direction: 'incoming',
      chat: { jid: 'status@broadcast', lid: null, type: 'status' },
      sender: { jid: ana.jid, lid: ana.lid, name: 'Ana' },
      recipient: null,
      message: { type: 'text', content: 'On my way', source: '' },
    })
    const answer = await line.api.post('/api/message/text/stories', { number: ana.number, message: 'Have fun', replyTo: story })
    const quoting = await ana.next({ id: text(answer.body, 'data.messageId') })
    expect(at(quoting, 'message.extendedTextMessage.contextInfo')).toMatchObject({
      stanzaId: story,
      participant: ana.jid,
      remoteJid: 'status@broadcast',
    })
    const like = (more: { [key: string]: Json }) =>
      line.api.post('/api/message/reaction/stories', { number: 'status@broadcast', messageId: story, reaction: '❤️', ...more })
    expect(await like({})).toMatchObject(refusal('Participant is required for group messages'))
    const liked = text((await like({ participant: ana.jid })).body, 'data.messageId')
    const reaction = await ana.next({ id: liked })
    expect(at(reaction, 'message.reactionMessage')).toMatchObject({
      text: '❤️',
      key: { id: story, participant: ana.jid, remoteJid: 'status@broadcast' },
    })
    await line.phone.next({ id: liked })
    const last = text((await line.text(bea.number, 'nothing of it here')).body, 'data.messageId')
    await bea.next({ id: last })
    expect((await bea.messages()).map((message) => at(message, 'id'))).not.toContain(liked)
  })

  it('posted on the own phone, are told as outgoing', async () => {
    const { line, ana, receiver } = await players()
    const id = await line.phone.post('from the pocket', [ana, line.phone])
    await ana.next({ id })
    expect(at(await receiver.next({ event: 'message.exchange', data: { id } }), 'data')).toMatchObject({
      direction: 'outgoing',
      chat: { jid: 'status@broadcast', type: 'status' },
      sender: { jid: line.phone.jid, lid: line.phone.lid },
      message: { type: 'text', content: 'from the pocket', source: '' },
    })
  })

  it('refused when it could not be shown', async () => {
    expect(await post({})).toMatchObject(refusal('Type is required'))
    expect(await post({ type: 'text' })).toMatchObject(refusal('Message is required'))
    expect(await post({ type: 'text', message: 'x'.repeat(701) })).toMatchObject(refusal('Message must have at most 700 characters'))
    expect(await post({ type: 'text', message: 'x', backgroundColor: 'green' })).toMatchObject(
      refusal('Invalid backgroundColor: use #RRGGBB'),
    )
    expect(await post({ type: 'text', message: 'x', font: 'comic' })).toMatchObject(refusal('Invalid font'))
    expect(await post({ type: 'image', message: 'x' })).toMatchObject(refusal('Provide exactly one of mediaUrl or mediaBase64'))
  })
})
