/** The kinds of message that are neither text nor media: sent to a person, a LID and a group, and received from each. */
import { expect, it } from 'vitest'
import { at, type Json, text } from '../toolkit/json.ts'
import type { Line } from '../toolkit/line.ts'
import type { Receiver } from '../toolkit/receiver.ts'
import type { Phone } from '../toolkit/simulator.ts'
import { openSocket, type Socket } from '../toolkit/socket.ts'
import { onStage } from '../toolkit/stage.ts'

interface Cast {
  line: Line
  friend: Phone
  /** Line and friend are in it. */
  group: string
  receiver: Receiver
  /** Hears the same as the receiver. */
  socket: Socket
}

type Body = { [key: string]: Json }

/** `message` of a `message.exchange` that says no more than that. */
const plainly = (type: string, content: string, more: Body = {}) => ({
  type,
  content,
  source: '',
  isForwarded: false,
  isEdit: false,
  edit: null,
  context: null,
  media: null,
  location: null,
  contact: null,
  reaction: null,
  poll: null,
  event: null,
  interactive: null,
  ...more,
})

onStage('Kinds of message', (stage) => {
  let cast: Promise<Cast> | undefined
  const players = (): Promise<Cast> => {
    cast ??= (async () => {
      const receiver = await stage.receiver()
      const friend = await stage.phone({ name: 'Bea' })
      const line = await stage.line('kinds', {
        webhookEnabled: true,
        webhookURL: receiver.url,
        webhookEvents: ['message.exchange'],
        websocketEnabled: true,
      })
      const group = await stage.simulator.group({ by: friend, subject: 'Kinds', participants: [line.phone] })
      return { line, friend, group, receiver, socket: await openSocket(stage.gateway.url, 'kinds', line.token) }
    })()
    return cast
  }

  /** As the webhook got it, and the WebSocket too. */
  const told = async (data: Body): Promise<Json> => {
    const { receiver, socket } = await players()
    const event = await receiver.next({ event: 'message.exchange', data })
    expect(await socket.next({ event: 'message.exchange', data })).toEqual(event)
    return event
  }

  const post = async (kind: string, body: Body) => (await players()).line.api.post(`/api/message/${kind}/kinds`, body)

  /** Sends to the friend's number, LID and group; gives what the friend's phone decrypted, in that order. */
  const sendEverywhere = async (kind: string, body: Body, answer: object): Promise<Json[]> => {
    const { friend, group } = await players()
    const got: Json[] = []
    for (const number of [friend.number, friend.lid, group]) {
      const sent = await post(kind, { number, ...body })
      expect(sent).toMatchObject({ status: 200, body: { success: true, status: 'sent', ...answer } })
      const id = text(sent.body, 'data.messageId')
      expect(text(sent.body, 'data.chat.jid')).toBe(number === group ? group : friend.jid)
      got.push(await friend.next({ id, fromMe: false }))
      const echo = await told({ id, direction: 'outgoing' })
      expect(at(echo, 'data.message.type')).toBe(at(sent.body, 'data.messageType'))
      expect(at(echo, 'data.message.content')).toBe(at(sent.body, 'data.content'))
      expect(at(echo, 'data.message.source')).toBe('api')
    }
    return got
  }

  /** The friend sends it to the line and to the group, the owner from the phone: exactly this is told. */
  const receiveEverywhere = async (message: Body, expected: object): Promise<void> => {
    const { line, friend, group } = await players()
    for (const to of [line.phone.number, line.phone.lid, group]) {
      const id = await friend.send(to, message)
      const event = await told({ id })
      expect(at(event, 'data')).toEqual({
        id,
        direction: 'incoming',
        timestamp: expect.any(String),
        chat:
          to === group
            ? { jid: group, lid: null, name: 'Kinds', type: 'group' }
            : { jid: friend.jid, lid: friend.lid, name: 'Bea', type: 'private' },
        sender: { jid: friend.jid, lid: friend.lid, name: 'Bea' },
        recipient: null,
        message: expected,
      })
    }
    const person = { jid: friend.jid, lid: friend.lid, name: 'Bea' }
    const typed = await line.phone.send(friend.number, message)
    expect(at(await told({ id: typed }), 'data')).toEqual({
      id: typed,
      direction: 'outgoing',
      timestamp: expect.any(String),
      chat: { ...person, type: 'private' },
      sender: { jid: line.phone.jid, lid: line.phone.lid, name: line.phone.name },
      recipient: person,
      message: expected,
    })
  }

  const refused = async (kind: string, body: Body, message: string): Promise<void> => {
    const { friend } = await players()
    expect(await post(kind, { number: friend.number, ...body })).toMatchObject({ status: 400, body: { error: { message } } })
  }

  it('locations', async () => {
    const { friend, line, receiver } = await players()
    const body = { latitude: -22.9519, longitude: -43.2105, name: 'Viewpoint', address: 'Rio de Janeiro' }
    const content = '📍 Viewpoint\nRio de Janeiro\nLat: -22.9519, Long: -43.2105'
    for (const got of await sendEverywhere('location', body, {
      message: 'Message sent successfully',
      data: { messageType: 'location', content },
    })) {
      expect(at(got, 'message.locationMessage')).toEqual({
        degreesLatitude: -22.9519,
        degreesLongitude: -43.2105,
        name: 'Viewpoint',
        address: 'Rio de Janeiro',
      })
    }
    const place = { latitude: -22.9519, longitude: -43.2105, name: 'Viewpoint', address: 'Rio de Janeiro' }
    await receiveEverywhere(
      { locationMessage: { degreesLatitude: -22.9519, degreesLongitude: -43.2105, name: 'Viewpoint', address: 'Rio de Janeiro' } },
      plainly('location', content, { location: { ...place, isLive: false } }),
    )
    await receiveEverywhere(
      { liveLocationMessage: { degreesLatitude: 1.5, degreesLongitude: 2.5, accuracyInMeters: 12, sequenceNumber: 7 } },
      plainly('location', '📍 Lat: 1.5, Long: 2.5', {
        location: {
          latitude: 1.5,
          longitude: 2.5,
          name: null,
          address: null,
          isLive: true,
          accuracy: 12,
          speed: null,
          heading: null,
          sequence: 7,
        },
      }),
    )
    const question = await friend.send(line.phone.number, 'Where are you?')
    await receiver.next({ event: 'message.exchange', data: { id: question } })
    await post('location', { number: friend.number, ...body, replyTo: question })
    const answer = await friend.next({ message: { locationMessage: { contextInfo: { stanzaId: question } } } })
    expect(text(answer, 'message.locationMessage.contextInfo.quotedMessage.conversation')).toBe('Where are you?')

    await refused('location', { latitude: 1 }, 'Latitude and longitude are required')
    await refused('location', { latitude: 0, longitude: 0 }, 'Latitude and longitude are required')
    await refused('location', { latitude: 91, longitude: 0 }, 'Latitude must be between -90 and 90')
    await refused('location', { latitude: 0, longitude: -181 }, 'Longitude must be between -180 and 180')
  })

  it('contacts, one and several', async () => {
    const { friend } = await players()
    const ana = {
      fullName: 'Ana Prado',
      phone: '+55 21 97777-6666',
      organization: 'Acme',
      email: 'ana@example.org',
      url: 'https://a.example',
    }
    const bea = { fullName: 'Bea', phone: '34600111222' }
    const beasCard = 'BEGIN:VCARD\nVERSION:3.0\nN:;Bea;;;\nFN:Bea\nTEL;type=CELL;type=VOICE;waid=34600111222:+34600111222\nEND:VCARD'
    for (const got of await sendEverywhere(
      'contact',
      { vcard: ana },
      { message: 'Message sent successfully', data: { messageType: 'contact', content: 'Ana Prado', vcard: [ana] } },
    )) {
      expect(at(got, 'message.contactMessage.displayName')).toBe('Ana Prado')
      const card = text(got, 'message.contactMessage.vcard').split('\n')
      expect(card).toContain('TEL;type=CELL;type=VOICE;waid=5521977776666:+5521977776666')
      expect(card).toContain('ORG:Acme')
    }
    const both = await post('contact', { number: friend.number, vcard: [ana, bea] })
    expect(both).toMatchObject({
      status: 200,
      body: { message: '2 contacts sent successfully in one message', data: { content: 'Ana Prado\nBea', vcard: [ana, bea] } },
    })
    const got = await friend.next({ id: text(both.body, 'data.messageId') })
    expect(at(got, 'message.contactsArrayMessage.contacts.1')).toEqual({ displayName: 'Bea', vcard: beasCard })

    const contact = { display_name: 'Bea', phone_number: '34600111222', vcard: beasCard }
    await receiveEverywhere(
      { contactMessage: { displayName: 'Bea', vcard: beasCard } },
      plainly('contact', 'Bea', { contact: { ...contact, contacts: [contact] } }),
    )
    await receiveEverywhere(
      { contactsArrayMessage: { displayName: '2', contacts: [contact, contact].map(({ vcard }) => ({ displayName: 'Bea', vcard })) } },
      plainly('contact', 'Bea\nBea', { contact: { ...contact, contacts: [contact, contact] } }),
    )
    await refused('contact', {}, 'At least one contact is required')
    await refused('contact', { vcard: [] }, 'At least one contact is required')
    await refused('contact', { vcard: [{ phone: '34600111222' }] }, 'FullName is required')
    await refused('contact', { vcard: { fullName: 'Ana' } }, 'Phone is required')
    await refused('contact', { vcard: { fullName: 'Ana', phone: 'soon' } }, 'Invalid phone: soon')
    await refused('contact', { vcard: Array.from({ length: 101 }, () => bea) }, 'At most 100 contacts are allowed')
  })

  it('reactions, given and taken back', async () => {
    const { friend, group, line, receiver } = await players()
    for (const [to, number] of [
      [line.phone.number, friend.number],
      [line.phone.lid, friend.lid],
      [group, group],
    ] as const) {
      const target = await friend.send(to, 'Like it?')
      await receiver.next({ event: 'message.exchange', data: { id: target } })
      const participant: Body = number === group ? { participant: friend.jid } : {}
      const reacted = await post('reaction', { number, messageId: target, reaction: '🔥', ...participant, source: 'crm' })
      expect(reacted).toMatchObject({
        status: 200,
        body: { message: 'Message sent successfully', data: { messageType: 'reaction', content: '🔥', replyTo: { messageId: target } } },
      })
      const id = text(reacted.body, 'data.messageId')
      expect(id).not.toBe(target)
      expect(at(await friend.next({ id, fromMe: false }), 'message.reactionMessage')).toMatchObject({
        text: '🔥',
        key: { id: target, ...participant },
      })
      expect(at(await receiver.next({ data: { id } }), 'data.message')).toEqual(
        plainly('reaction', '🔥', { source: 'crm', reaction: { emoji: '🔥', text: '🔥', messageId: target, message_id: target } }),
      )
      const removed = await post('reaction', { number, messageId: target, reaction: 'remove', fromMe: false, ...participant })
      expect(removed).toMatchObject({ status: 200, body: { message: 'Reaction removed successfully', data: { content: '' } } })
      const gone = await friend.next({ id: text(removed.body, 'data.messageId'), fromMe: false })
      expect(at(gone, 'message.reactionMessage.key.id')).toBe(target)
      expect(at(gone, 'text')).toBe('')
    }
    const own = text((await line.text(friend.number, 'And you?')).body, 'data.messageId')
    await post('reaction', { number: friend.number, messageId: own, reaction: '👀' })
    const onOwn = await friend.next({ message: { reactionMessage: { text: '👀' } } })
    expect(at(onOwn, 'message.reactionMessage.key')).toMatchObject({ id: own, fromMe: true })

    const key = { remoteJid: line.phone.jid, fromMe: false, id: own }
    const reaction = (emoji: string) => ({ emoji, text: emoji, messageId: own, message_id: own })
    await receiveEverywhere({ reactionMessage: { key, text: '👍' } }, plainly('reaction', '👍', { reaction: reaction('👍') }))
    await receiveEverywhere({ reactionMessage: { key, text: '' } }, plainly('reaction', '', { reaction: reaction('') }))

    await refused('reaction', { reaction: '👍' }, 'messageId is required')
    await refused('reaction', { messageId: own }, 'Reaction is required')
    await refused('reaction', { messageId: own, reaction: 'nice' }, 'Reaction must be one emoji')
    await refused('reaction', { number: group, messageId: own, reaction: '👍' }, 'Participant is required for group messages')
    await refused('reaction', { number: group, messageId: own, reaction: '👍', participant: group }, 'Invalid participant')
  })

  it('polls and their votes', async () => {
    const { friend, group, line, receiver } = await players()
    const body = { question: 'Lunch?', options: ['Pasta', 'Salad', 'Sushi'] }
    const content = 'Lunch?\n1. Pasta\n2. Salad\n3. Sushi'
    const since = await stage.simulator.trafficCursor()
    const places = [friend.number, friend.lid, group]
    const polls = await sendEverywhere('poll', body, {
      message: 'Message sent successfully',
      data: { messageType: 'poll', content },
    })
    for (const got of polls) {
      expect(at(got, 'message.pollCreationMessageV3')).toEqual({
        name: 'Lunch?',
        options: [{ optionName: 'Pasta' }, { optionName: 'Salad' }, { optionName: 'Sushi' }],
        selectableOptionsCount: 1,
      })
      expect(Buffer.from(text(got, 'message.messageContextInfo.messageSecret'), 'base64')).toHaveLength(32)
    }
    const stanzas = await stage.simulator.traffic({ after: since, phone: line.phone.number, tag: 'message', direction: 'in' })
    const metas = stanzas.filter((one) => JSON.stringify(one).includes('"polltype":"creation"'))
    expect(metas.map((one) => at(one, 'stanza.attrs.type'))).toEqual(['poll', 'poll', 'poll'])

    const voted = async (voter: Phone, to: string, poll: string, options: string[]) => {
      const id = await voter.vote(to, poll, options)
      const event = await receiver.next({ event: 'message.exchange', data: { id } })
      expect(at(event, 'data.sender.jid')).toBe(voter.jid)
      expect(at(event, 'data.message')).toEqual(
        plainly('poll_update', options.join('\n'), { poll: { messageId: poll, name: 'Lunch?', selectedOptions: options } }),
      )
    }
    for (const [index, poll] of polls.entries()) {
      const to = places[index] === group ? group : places[index] === friend.lid ? line.phone.lid : line.phone.jid
      await voted(friend, to, text(poll, 'id'), ['Salad'])
      await voted(friend, to, text(poll, 'id'), ['Sushi'])
      await voted(friend, to, text(poll, 'id'), [])
      await voted(line.phone, places[index] === group ? group : friend.jid, text(poll, 'id'), ['Pasta'])
    }

    const several = await post('poll', { number: group, ...body, maxAnswer: 99 })
    const multiple = await friend.next({ id: text(several.body, 'data.messageId') })
    expect(at(multiple, 'message.pollCreationMessage.selectableOptionsCount')).toBe(3)
    await voted(friend, group, text(multiple, 'id'), ['Pasta', 'Sushi'])

    const theirs = {
      messageContextInfo: { messageSecret: Buffer.alloc(32, 7).toString('base64') },
      pollCreationMessageV3: { name: 'Lunch?', options: [{ optionName: 'Pasta' }, { optionName: 'Salad' }], selectableOptionsCount: 1 },
    }
    await receiveEverywhere(
      theirs,
      plainly('poll', 'Lunch?\n1. Pasta\n2. Salad', {
        poll: { title: 'Lunch?', name: 'Lunch?', options: [{ name: 'Pasta' }, { name: 'Salad' }], selectableCount: 1 },
      }),
    )
    // In a poll somebody else has made, in the group and in private.
    for (const to of [group, line.phone.number]) {
      const poll = await friend.send(to, theirs)
      await receiver.next({ data: { id: poll } })
      await voted(friend, to, poll, ['Salad'])
    }

    await refused('poll', { options: ['a', 'b'] }, 'Question is required')
    await refused('poll', { question: 'x'.repeat(256), options: ['a', 'b'] }, 'Question must have at most 255 characters')
    await refused('poll', { question: 'Which?' }, 'Options is required')
    await refused('poll', { question: 'Which?', options: ['a'] }, 'A poll must have between 2 and 12 options')
    await refused('poll', { question: 'Which?', options: [...'abcdefghijklm'] }, 'A poll must have between 2 and 12 options')
    await refused('poll', { question: 'Which?', options: ['a', ' '] }, 'Options must not be empty')
    await refused('poll', { question: 'Which?', options: ['a', 'a '] }, 'Options must be different from each other')
    await refused('poll', { question: 'Which?', options: ['a', 'b'.repeat(101)] }, 'Options must have at most 100 characters')
  })

  it('events and what people answer', async () => {
    const { friend, group, line, receiver } = await players()
    const location = { name: 'Room 2', address: 'Main Street 1' }
    const body = {
      name: 'Sprint review',
      startAt: '2030-11-03T10:00:00-03:00',
      endAt: '2030-11-03T11:00:00-03:00',
      description: 'What we built',
      location,
      joinLink: 'https://call.whatsapp.com/video/abc',
      reminderOffsetSec: 900,
      extraGuestsAllowed: true,
    }
    const places = [friend.number, friend.lid, group]
    const since = await stage.simulator.trafficCursor()
    const events = await sendEverywhere('event', body, {
      message: 'Message sent successfully',
      data: { messageType: 'event', content: 'Sprint review' },
    })
    const [startTime, endTime] = [Date.UTC(2030, 10, 3, 13) / 1000, Date.UTC(2030, 10, 3, 14) / 1000]
    for (const got of events) {
      expect(at(got, 'message.eventMessage')).toEqual({
        name: 'Sprint review',
        description: 'What we built',
        startTime: String(startTime),
        endTime: String(endTime),
        location,
        joinLink: 'https://call.whatsapp.com/video/abc',
        isCanceled: false,
        isScheduleCall: false,
        extraGuestsAllowed: true,
        hasReminder: true,
        reminderOffsetSec: '900',
      })
    }
    const stanzas = await stage.simulator.traffic({ after: since, phone: line.phone.number, tag: 'message', direction: 'in' })
    const metas = stanzas.filter((one) => JSON.stringify(one).includes('"event_type":"creation"'))
    expect(metas.map((one) => at(one, 'stanza.attrs.type'))).toEqual(['event', 'event', 'event'])

    const answered = async (who: Phone, to: string, event: string, response: 'GOING' | 'NOT_GOING' | 'MAYBE', guests = 0) => {
      const id = await who.respond(to, event, response, guests)
      const told = await receiver.next({ event: 'message.exchange', data: { id } })
      const said = response.toLowerCase()
      expect(at(told, 'data.sender.jid')).toBe(who.jid)
      expect(at(told, 'data.message')).toEqual(
        plainly('event_response', said, { event: { messageId: event, name: 'Sprint review', response: said, extraGuestCount: guests } }),
      )
    }
    for (const [index, event] of events.entries()) {
      const to = places[index] === group ? group : places[index] === friend.lid ? line.phone.lid : line.phone.jid
      await answered(friend, to, text(event, 'id'), 'GOING', 2)
      await answered(friend, to, text(event, 'id'), 'NOT_GOING')
      await answered(line.phone, places[index] === group ? group : friend.jid, text(event, 'id'), 'MAYBE')
    }

    await receiveEverywhere(
      {
        messageContextInfo: { messageSecret: Buffer.alloc(32, 7).toString('base64') },
        eventMessage: {
          name: 'Party',
          startTime,
          location: { degreesLatitude: 1.5, degreesLongitude: 2.5, name: 'Beach' },
          isCanceled: true,
        },
      },
      plainly('event', 'Party', {
        event: {
          name: 'Party',
          description: null,
          startAt: '2030-11-03T13:00:00.000Z',
          endAt: null,
          location: { latitude: 1.5, longitude: 2.5, name: 'Beach', address: null },
          joinLink: null,
          isCanceled: true,
          isScheduleCall: false,
          extraGuestsAllowed: false,
          hasReminder: false,
          reminderOffsetSec: null,
        },
      }),
    )
    const question = await friend.send(line.phone.number, 'When?')
    await receiver.next({ data: { id: question } })
    await post('event', { number: friend.number, name: 'Then', startAt: '2030-11-03T10:00Z', replyTo: question })
    const quoting = await friend.next({ message: { eventMessage: { name: 'Then' } } })
    expect(text(quoting, 'message.eventMessage.contextInfo.stanzaId')).toBe(question)

    const startAt = '2030-11-03T10:00:00Z'
    await refused('event', { startAt }, 'Name is required')
    await refused('event', { name: 'x'.repeat(101), startAt }, 'Name must have at most 100 characters')
    await refused('event', { name: 'x', startAt, description: 'x'.repeat(2049) }, 'Description must have at most 2048 characters')
    await refused('event', { name: 'x' }, 'StartAt is required')
    await refused('event', { name: 'x', startAt: '2030-11-03T10:00:00' }, 'Invalid startAt: use RFC 3339 with a time zone')
    await refused('event', { name: 'x', startAt: '2030-13-03T10:00:00Z' }, 'Invalid startAt: use RFC 3339 with a time zone')
    await refused('event', { name: 'x', startAt, endAt: 'tomorrow' }, 'Invalid endAt: use RFC 3339 with a time zone')
    await refused('event', { name: 'x', startAt, endAt: startAt }, 'EndAt must be after startAt')
    await refused('event', { name: 'x', startAt, joinLink: 'javascript:alert(1)' }, 'Invalid joinLink')
  })
})
