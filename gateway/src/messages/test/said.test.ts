/** Texts, edits, revocations, polls, events and what answers them: how each reads out of recorded protobuf bytes. */
import { describe, expect, test } from 'vitest'
import type { WireMessage } from '../../whatsapp/wire.ts'
import { readMessage } from '../kinds/registry.ts'
import { openAnswer, sealedAnswerIn } from '../kinds/sealed-answer.ts'
import { arrived, recordedAnswer } from './recorded.ts'

const key = { remoteJid: '34600111222@s.whatsapp.net', fromMe: false, id: 'A' }
const poll = { name: 'Lunch?', options: [{ optionName: 'Pasta' }, { optionName: 'Salad' }], selectableOptionsCount: 1 }
const readPoll = {
  type: 'poll',
  content: 'Lunch?\n1. Pasta\n2. Salad',
  details: { poll: { title: 'Lunch?', name: 'Lunch?', options: [{ name: 'Pasta' }, { name: 'Salad' }], selectableCount: 1 } },
}
const noEvent = {
  description: null,
  startAt: null,
  endAt: null,
  location: null,
  joinLink: null,
  isCanceled: false,
  isScheduleCall: false,
  extraGuestsAllowed: false,
  hasReminder: false,
  reminderOffsetSec: null,
}

describe('what is said', () => {
  test.each<[string, WireMessage, object]>([
    ['a text', { conversation: 'Good morning ☀️' }, { type: 'text', content: 'Good morning ☀️' }],
    [
      'a text with a preview',
      { extendedTextMessage: { text: 'https://a.example', title: 'A' } },
      { type: 'text', content: 'https://a.example' },
    ],
    ['a disappearing text', { ephemeralMessage: { message: { conversation: 'soon gone' } } }, { type: 'text', content: 'soon gone' }],
    [
      'an edit',
      { protocolMessage: { key, type: 14, editedMessage: { conversation: 'first' }, timestampMs: 1_764_000_000_000 } },
      { type: 'message_edit', content: 'first', changes: 'A' },
    ],
    [
      'an edit in its envelope',
      { editedMessage: { message: { protocolMessage: { key, type: 14, editedMessage: { extendedTextMessage: { text: 'first' } } } } } },
      { type: 'message_edit', content: 'first', changes: 'A' },
    ],
    ['a revocation', { protocolMessage: { key, type: 0 } }, { type: 'message_revoke', content: '', changes: 'A' }],
    ['a poll', { pollCreationMessage: poll, messageContextInfo: { messageSecret: Buffer.alloc(32, 7) } }, readPoll],
    ['a poll of the second version', { pollCreationMessageV2: poll }, readPoll],
    ['a poll for a single choice', { pollCreationMessageV3: poll }, readPoll],
    [
      'an event',
      {
        eventMessage: {
          name: 'Review',
          description: 'What we built',
          startTime: 1_764_000_000,
          endTime: 1_764_003_600,
          location: { degreesLatitude: -22.5, degreesLongitude: -43.25, name: 'Room 2' },
          joinLink: 'https://call.whatsapp.com/video/abc',
          extraGuestsAllowed: true,
          hasReminder: true,
          reminderOffsetSec: 900,
        },
      },
      {
        type: 'event',
        content: 'Review',
        details: {
          event: {
            ...noEvent,
            name: 'Review',
            description: 'What we built',
            startAt: '2025-11-24T16:00:00.000Z',
            endAt: '2025-11-24T17:00:00.000Z',
            location: { latitude: -22.5, longitude: -43.25, name: 'Room 2', address: null },
            joinLink: 'https://call.whatsapp.com/video/abc',
            extraGuestsAllowed: true,
            hasReminder: true,
            reminderOffsetSec: 900,
          },
        },
      },
    ],
    [
      'an event that is called off',
      { eventMessage: { name: 'Review', isCanceled: true, isScheduleCall: true } },
      { type: 'event', content: 'Review', details: { event: { ...noEvent, name: 'Review', isCanceled: true, isScheduleCall: true } } },
    ],
    ['what nobody knows', { chat: { displayName: 'x' } }, { type: 'unknown', content: '' }],
  ])('%s', (what, message, expected) => {
    expect(readMessage(arrived(what, message))).toEqual({ changes: null, mediaType: null, ...expected })
  })
})

describe('what is sealed', () => {
  const author = { jid: '34600111222@s.whatsapp.net', lid: '91@lid' }
  const responder = { jid: '34600111333@s.whatsapp.net', lid: '92@lid' }
  test.each<[string, object]>([
    [
      'a vote',
      { type: 'poll_update', content: 'Salad', details: { poll: { messageId: 'Q', name: 'Lunch?', selectedOptions: ['Salad'] } } },
    ],
    [
      'an answer to an event',
      {
        type: 'event_response',
        content: 'going',
        details: { event: { messageId: 'Q', name: 'Review', response: 'going', extraGuestCount: 2 } },
      },
    ],
    [
      'a reaction',
      { type: 'reaction', content: '🎉', details: { reaction: { emoji: '🎉', text: '🎉', messageId: 'Q', message_id: 'Q' } } },
    ],
  ])('%s, is read with the secret of its question and under either address, and by nobody else', (what, expected) => {
    const { question, answer } = recordedAnswer(what)
    const sealed = sealedAnswerIn(answer)
    if (sealed === null) throw new Error('nothing is sealed')
    const opened = openAnswer(sealed, question, author, responder)
    if (opened === null) throw new Error('it does not open')
    expect(readMessage(answer, opened)).toMatchObject({ ...expected, about: 'Q' })
    expect(openAnswer(sealed, question, author, author)).toBeNull()
    expect(openAnswer(sealed, { ...question, messageContextInfo: null }, author, responder)).toBeNull()
    expect(openAnswer({ ...sealed, purpose: 'Poll Vote' }, question, author, responder) === null).toBe(what !== 'a vote')
  })

  test('a reaction nobody can open is unknown', () => {
    expect(readMessage(recordedAnswer('a reaction').answer)).toEqual({ type: 'unknown', content: '', changes: null, mediaType: null })
  })
})
