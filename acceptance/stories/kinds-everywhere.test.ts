/** Every kind of message in every place one can be sent to: it arrives there, and phones can read and show it. */
import { expect, it } from 'vitest'
import { createApi } from '../toolkit/api.ts'
import { eventually } from '../toolkit/eventually.ts'
import { hasFfmpeg, mp3, mp4, pdf, png, voice } from '../toolkit/files.ts'
import { at, type Json, text } from '../toolkit/json.ts'
import type { Line } from '../toolkit/line.ts'
import { describedOperations } from '../toolkit/operations.ts'
import type { Phone } from '../toolkit/simulator.ts'
import { onStage } from '../toolkit/stage.ts'

type Body = { [key: string]: Json }

const places = ['a person', 'a group', 'the status', 'a channel'] as const
type Place = (typeof places)[number]

interface Kind {
  /** Of `/api/message/…`. */
  route: string
  body(): Body
  /** Where the content stands in what the phone decrypts. */
  arrives: string
  needsFfmpeg?: true
}

const base64 = (bytes: Buffer): string => bytes.toString('base64')
const media = (mediaType: string, bytes: () => Buffer, more: Body = {}) => ({
  route: 'media',
  body: () => ({ mediaType, mediaBase64: base64(bytes()), ...more }),
})

const kinds: { [name: string]: Kind } = {
  text: { route: 'text', body: () => ({ message: 'Open until nine' }), arrives: 'extendedTextMessage.text' },
  image: { ...media('image', () => png(8, 8), { message: 'A picture' }), arrives: 'imageMessage.directPath' },
  'image to be viewed once': {
    ...media('image', () => png(8, 8), { viewOnce: true }),
    arrives: 'viewOnceMessageV2.message.imageMessage.directPath',
  },
  document: { ...media('document', pdf, { fileName: 'menu.pdf' }), arrives: 'documentMessage.directPath' },
  video: { ...media('video', () => mp4(1)), arrives: 'videoMessage.directPath', needsFfmpeg: true },
  gif: { ...media('video', () => mp4(1), { gif: true }), arrives: 'videoMessage.gifPlayback', needsFfmpeg: true },
  sound: { ...media('audio', () => mp3(1), { isVoice: false }), arrives: 'audioMessage.directPath', needsFfmpeg: true },
  'voice note': { ...media('audio', () => voice(1)), arrives: 'audioMessage.ptt', needsFfmpeg: true },
  sticker: { route: 'sticker', body: () => ({ imageUrl: base64(png(64, 64)) }), arrives: 'stickerMessage.directPath' },
  location: { route: 'location', body: () => ({ latitude: 1.5, longitude: 2.5 }), arrives: 'locationMessage.degreesLatitude' },
  contact: { route: 'contact', body: () => ({ vcard: { fullName: 'Ana', phone: '34600111222' } }), arrives: 'contactMessage.vcard' },
  'several contacts': {
    route: 'contact',
    body: () => ({ vcard: ['Ana', 'Bia'].map((fullName) => ({ fullName, phone: '34600111222' })) }),
    arrives: 'contactsArrayMessage.contacts.1.vcard',
  },
  poll: { route: 'poll', body: () => ({ question: 'Lunch?', options: ['Yes', 'No'] }), arrives: 'pollCreationMessageV3.options.1' },
  event: { route: 'event', body: () => ({ name: 'Party', startAt: '2030-11-03T10:00:00Z' }), arrives: 'eventMessage.startTime' },
  buttons: {
    route: 'button',
    body: () => ({ contentText: 'Shall we?', buttons: [{ type: 'REPLY', id: 'yes', displayText: 'Yes' }] }),
    arrives: 'interactive.nativeFlowMessage.buttons.0',
  },
  list: {
    route: 'list',
    body: () => ({
      contentText: 'What would you like?',
      buttonText: 'Look',
      sections: [{ title: 'Soups', rows: [{ id: 'a', title: 'Tomato' }] }],
    }),
    arrives: 'interactive.nativeFlowMessage.buttons.0',
  },
  carousel: {
    route: 'carousel',
    body: () => ({ message: 'New', cards: [{ header: { title: 'One' }, body: { text: 'First' }, buttons: [] }] }),
    arrives: 'interactive.carouselMessage.cards.0',
  },
  form: { route: 'form', body: () => ({ title: 'About you', message: 'Tell us', buttonText: 'Begin' }), arrives: 'interactive' },
  pix: {
    route: 'pix',
    body: () => ({ merchantName: 'Shop', pixKey: 'shop@example.org', pixKeyType: 'EMAIL', amount: 10 }),
    arrives: 'interactive.nativeFlowMessage.buttons.0',
  },
}

/** The interactive content, in whatever it is wrapped. */
const contentOf = (message: Json, path: string): Json | undefined => {
  if (!path.startsWith('interactive')) return at(message, path)
  const rest = path === 'interactive' ? 'interactiveMessage' : path.replace('interactive', 'interactiveMessage')
  return at(message, rest) ?? at(message, `viewOnceMessage.message.${rest}`)
}

onStage('Every kind everywhere', (stage) => {
  let cast: Promise<{ line: Line; friend: Phone; to: { [place in Place]: string } }> | undefined
  const players = () => {
    cast ??= (async () => {
      const friend = await stage.phone({ name: 'Bea' })
      const line = await stage.line('everywhere')
      const group = await stage.simulator.group({ by: friend, subject: 'Everywhere', participants: [line.phone] })
      const channel = text((await line.api.post('/api/newsletter/create/everywhere', { name: 'Everywhere' })).body, 'channel.jid')
      await createApi(stage.simulator.url).post(`/newsletters/${channel}/follow`, { by: friend.number })
      // Whom the account has written to sees its stories.
      await friend.next({ id: text((await line.text(friend.number, 'hello')).body, 'data.messageId') })
      return { line, friend, to: { 'a person': friend.number, 'a group': group, 'the status': 'status@broadcast', 'a channel': channel } }
    })()
    return cast
  }
  /** WhatsApp's word on it. */
  const taken = async (id: string) => {
    const { line } = await players()
    const status = await eventually(`a verdict on ${id}`, async () => {
      const { body } = await line.api.get(`/api/chat/status/everywhere?messageId=${id}`)
      return at(body, 'status') !== 'pending' && at(body, 'status')
    })
    expect(status).not.toBe('error')
  }

  for (const [name, { route, body, arrives, needsFfmpeg }] of Object.entries(kinds))
    it.skipIf(needsFfmpeg && !hasFfmpeg)(name, async () => {
      const { line, friend, to } = await players()
      const said = body()
      for (const place of places) {
        const sent = await line.api.post(`/api/message/${route}/everywhere`, { number: to[place], ...said })
        expect(sent, place).toMatchObject({ status: 200, body: { success: true, status: 'sent' } })
        const id = text(sent.body, 'data.messageId')
        const got = await friend.next({ id, fromMe: false })
        expect(contentOf(at(got, 'message') ?? null, arrives), `${place}: ${JSON.stringify(at(got, 'message'))}`).toBeTruthy()
        expect(at(got, 'unrendered'), place).toBeUndefined()
        await taken(id)
      }
    })

  it('reactions', async () => {
    const { line, friend, to } = await players()
    const channel = to['a channel']
    const targets: { [place in Place]: string } = {
      'a person': await friend.send(line.phone.number, 'to you'),
      'a group': await friend.send(to['a group'], 'to all'),
      'the status': await friend.post('my day', [line.phone]),
      'a channel': text((await line.text(channel, 'a post')).body, 'data.messageId'),
    }
    await friend.next({ id: targets['a channel'] })
    for (const place of places) {
      const known = () => line.api.get(`/api/chat/getMessage/everywhere?messageId=${targets[place]}`)
      await eventually(`what is reacted to in ${place}`, async () => (await known()).status === 200)
      const participant: Body = place === 'a group' || place === 'the status' ? { participant: friend.jid } : {}
      const body = { number: to[place], messageId: targets[place], reaction: '👍', ...participant }
      const sent = await line.api.post('/api/message/reaction/everywhere', body)
      expect(sent, place).toMatchObject({ status: 200, body: { data: { messageType: 'reaction', content: '👍' } } })
      if (place === 'a channel') {
        const posts = async () => at((await createApi(stage.simulator.url).get(`/newsletters/${channel}`)).body, 'posts')
        await eventually('the reaction to count', async () => JSON.stringify(await posts()).includes('👍'))
      } else {
        const got = await friend.next({ id: text(sent.body, 'data.messageId'), fromMe: false })
        expect(at(got, 'message.reactionMessage'), place).toMatchObject({ text: '👍', key: { id: targets[place] } })
      }
    }
  })

  it('stories of the status route, which goes nowhere else', async () => {
    const { line, friend } = await players()
    const stories: Body[] = [
      { type: 'text', message: 'My day' },
      { type: 'image', mediaBase64: base64(png(8, 8)) },
    ]
    for (const body of stories) {
      const sent = await line.api.post('/api/message/status/everywhere', body)
      expect(sent).toMatchObject({ status: 200, body: { data: { chat: { jid: 'status@broadcast' } } } })
      const id = text(sent.body, 'data.messageId')
      await friend.next({ id, chat: 'status@broadcast' })
      await taken(id)
    }
  })

  it('is every kind there is', async () => {
    const routes = (await describedOperations(stage.gateway.api())).flatMap(({ path }) => path.match(/^\/api\/message\/(\w+)\//)?.[1] ?? [])
    expect([...new Set(routes)].sort()).toEqual(
      [...new Set([...Object.values(kinds).map(({ route }) => route), 'reaction', 'status'])].sort(),
    )
  })
})
