/** An event people are invited to, and what they answer. */
import { randomBytes } from 'node:crypto'
import { z } from 'zod'
import { ApiError } from '../../http/errors.ts'
import { rfc3339 } from '../../runtime/clock.ts'
import { decodeEventResponse, type WireMessage } from '../../whatsapp/wire.ts'
import type { Composed, Composing, IncomingKind, OutgoingKind } from './kind.ts'
import { readPlace, wirePlace } from './location.ts'

/** WhatsApp's own clients accept no more. */
const MAX_NAME = 100
const MAX_DESCRIPTION = 2048
const MAX_PLACE = 1_000
/** Four weeks, in seconds. */
const MAX_REMINDER = 28 * 24 * 3600

const moment = (example: string, description: string) =>
  z
    .string()
    .max(64)
    .nullish()
    .meta({ example, description: `${description}, RFC 3339 with a time zone` })
const flag = (description: string) => z.boolean().nullish().meta({ example: false, description })

const body = z.object({
  name: z
    .string()
    .nullish()
    .meta({ example: 'Sprint review', description: `Up to ${MAX_NAME} characters. Required` }),
  startAt: moment('2026-11-03T10:00:00-03:00', 'When it begins. Required'),
  endAt: moment('2026-11-03T11:00:00-03:00', 'When it ends, after `startAt`'),
  description: z
    .string()
    .nullish()
    .meta({ example: 'What we built', description: `Up to ${MAX_DESCRIPTION} characters` }),
  location: z
    .object({
      name: z.string().max(MAX_PLACE).nullish(),
      address: z.string().max(MAX_PLACE).nullish(),
      latitude: z.number().min(-90).max(90).nullish(),
      longitude: z.number().min(-180).max(180).nullish(),
    })
    .nullish()
    .meta({ example: { name: 'Room 2', address: 'Main Street 1' } }),
  joinLink: z.string().max(2048).nullish().meta({ example: 'https://call.whatsapp.com/video/abc', description: 'Of a call' }),
  isScheduleCall: flag('It is a call'),
  hasReminder: flag('Who goes is reminded'),
  reminderOffsetSec: z.int().min(0).max(MAX_REMINDER).nullish().meta({ example: 900, description: 'Seconds before it begins' }),
  extraGuestsAllowed: flag('Guests may bring others'),
  isCanceled: flag('It does not take place'),
})

type Body = z.infer<typeof body>

const errors = {
  name: 'Name is required',
  longName: `Name must have at most ${MAX_NAME} characters`,
  longDescription: `Description must have at most ${MAX_DESCRIPTION} characters`,
  noStart: 'StartAt is required',
  start: 'Invalid startAt: use RFC 3339 with a time zone',
  end: 'Invalid endAt: use RFC 3339 with a time zone',
  order: 'EndAt must be after startAt',
  link: 'Invalid joinLink',
}

export const outgoingEvent = {
  id: 'message.event',
  needs: ['event'],
  path: '/api/message/event/:instance',
  summary: 'Send an event',
  description: 'Answers arrive as `message.exchange` events of type `event_response` that name the event.',
  body,
  errors: Object.values(errors).map((message) => ({ status: 400, message })),
  check({ name, startAt, endAt, description, joinLink }: Body) {
    if (!name?.trim()) throw new ApiError(400, errors.name)
    if ([...name.trim()].length > MAX_NAME) throw new ApiError(400, errors.longName)
    if ([...(description ?? '')].length > MAX_DESCRIPTION) throw new ApiError(400, errors.longDescription)
    if (!startAt?.trim()) throw new ApiError(400, errors.noStart)
    const start = secondsOf(startAt)
    if (start === null) throw new ApiError(400, errors.start)
    if (endAt?.trim()) {
      const end = secondsOf(endAt)
      if (end === null) throw new ApiError(400, errors.end)
      if (end <= start) throw new ApiError(400, errors.order)
    }
    if (joinLink?.trim() && !isWebAddress(joinLink.trim())) throw new ApiError(400, errors.link)
  },
  async compose(body: Body, { contextInfo }: Pick<Composing, 'contextInfo'>): Promise<Composed> {
    const name = body.name?.trim() ?? ''
    const end = body.endAt?.trim() ? secondsOf(body.endAt) : null
    const description = body.description?.trim()
    const joinLink = body.joinLink?.trim()
    const reminder = body.reminderOffsetSec ?? null
    return {
      messageType: 'event',
      content: name,
      message: {
        // Answers are encrypted under it.
        messageContextInfo: { messageSecret: randomBytes(32) },
        eventMessage: {
          name,
          startTime: secondsOf(body.startAt ?? '') ?? 0,
          ...(end === null ? {} : { endTime: end }),
          ...(description ? { description } : {}),
          ...(body.location ? { location: wireLocation(body.location) } : {}),
          ...(joinLink ? { joinLink } : {}),
          isCanceled: body.isCanceled ?? false,
          extraGuestsAllowed: body.extraGuestsAllowed ?? false,
          isScheduleCall: body.isScheduleCall ?? false,
          hasReminder: body.hasReminder ?? reminder !== null,
          ...(reminder === null ? {} : { reminderOffsetSec: reminder }),
          ...(contextInfo === null ? {} : { contextInfo }),
        },
      },
      extras: { nodes: [{ tag: 'meta', attrs: { event_type: 'creation' } }] },
    }
  },
} satisfies OutgoingKind<typeof body>

export const incomingEvent: IncomingKind = {
  read({ eventMessage }) {
    if (!eventMessage) return null
    const { location } = eventMessage
    return {
      type: 'event',
      content: eventMessage.name ?? '',
      changes: null,
      mediaType: null,
      details: {
        event: {
          name: eventMessage.name ?? '',
          description: eventMessage.description || null,
          startAt: momentOf(eventMessage.startTime),
          endAt: momentOf(eventMessage.endTime),
          location: location ? readPlace(location) : null,
          joinLink: eventMessage.joinLink || null,
          isCanceled: eventMessage.isCanceled ?? false,
          isScheduleCall: eventMessage.isScheduleCall ?? false,
          extraGuestsAllowed: eventMessage.extraGuestsAllowed ?? false,
          hasReminder: eventMessage.hasReminder ?? false,
          reminderOffsetSec: eventMessage.reminderOffsetSec == null ? null : Number(eventMessage.reminderOffsetSec),
        },
      },
    }
  },
}

/** `EventResponseMessage.EventResponseType` of WAProto. */
const responses = ['unknown', 'going', 'not_going', 'maybe'] as const

/** What somebody answers now, in place of what they answered before. To an event we have not got, nobody can say what. */
export const incomingEventAnswer: IncomingKind = {
  read({ encEventResponseMessage }, opened) {
    const about = encEventResponseMessage?.eventCreationMessageKey?.id
    if (!about) return null
    const answer = opened ? answerIn(opened.plaintext) : null
    const response = answer === null ? null : (responses[answer.response ?? 0] ?? 'unknown')
    return {
      type: 'event_response',
      content: response ?? '',
      changes: null,
      mediaType: null,
      about,
      details: {
        event: {
          messageId: about,
          name: opened?.question.eventMessage?.name ?? null,
          response,
          extraGuestCount: answer?.extraGuestCount ?? 0,
        },
      },
    }
  },
}

const answerIn = (plaintext: Uint8Array) => {
  try {
    return decodeEventResponse(plaintext)
  } catch {
    return null
  }
}

const wireLocation = ({ name, address, latitude, longitude }: NonNullable<Body['location']>) => {
  const place = { latitude: latitude ?? 0, longitude: longitude ?? 0, name: name?.trim() || null, address: address?.trim() || null }
  const { degreesLatitude, degreesLongitude, ...words } = wirePlace(place)
  // Without a point it is a place by its name alone.
  return latitude == null || longitude == null ? words : { ...words, degreesLatitude, degreesLongitude }
}

const withZone = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)$/i

/** Seconds since 1970; null when it is no moment, or says no time zone. */
const secondsOf = (text: string): number | null => {
  const milliseconds = withZone.test(text.trim()) ? Date.parse(text.trim()) : Number.NaN
  return Number.isNaN(milliseconds) || milliseconds < 0 ? null : Math.floor(milliseconds / 1000)
}

/** The longest time JavaScript knows; a sender may write anything. */
const LAST_SECOND = 8_640_000_000_000

const momentOf = (seconds: WireSeconds): string | null => {
  const value = Number(seconds ?? 0)
  return value > 0 && value <= LAST_SECOND ? rfc3339(value * 1000) : null
}

type WireSeconds = NonNullable<WireMessage['eventMessage']>['startTime']

const isWebAddress = (text: string): boolean => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)
