/** A place, and a place that moves: live locations are only received. */
import { z } from 'zod'
import { ApiError } from '../../http/errors.ts'
import type { WireMessage } from '../../whatsapp/wire.ts'
import type { Composed, Composing, IncomingKind, OutgoingKind } from './kind.ts'

const MAX_NAME = 1_000

const body = z.object({
  latitude: z.number().nullish().meta({ example: -22.9519, description: 'Decimal degrees, -90 to 90. Required' }),
  longitude: z.number().nullish().meta({ example: -43.2105, description: 'Decimal degrees, -180 to 180. Required' }),
  name: z.string().max(MAX_NAME).nullish().meta({ example: 'Viewpoint', description: 'First line of the card' }),
  address: z.string().max(MAX_NAME).nullish().meta({ example: 'Rio de Janeiro', description: 'Second line' }),
})

type Body = z.infer<typeof body>

export const outgoingLocation = {
  id: 'message.location',
  needs: ['location'],
  path: '/api/message/location/:instance',
  summary: 'Send a location',
  description: 'A card with a map. The point 0, 0 counts as missing.',
  body,
  errors: [
    { status: 400, message: 'Latitude and longitude are required' },
    { status: 400, message: 'Latitude must be between -90 and 90' },
    { status: 400, message: 'Longitude must be between -180 and 180' },
  ],
  check({ latitude, longitude }: Body) {
    if (typeof latitude !== 'number' || typeof longitude !== 'number' || (latitude === 0 && longitude === 0)) {
      throw new ApiError(400, 'Latitude and longitude are required')
    }
    if (Math.abs(latitude) > 90) throw new ApiError(400, 'Latitude must be between -90 and 90')
    if (Math.abs(longitude) > 180) throw new ApiError(400, 'Longitude must be between -180 and 180')
  },
  async compose(body: Body, { contextInfo }: Pick<Composing, 'contextInfo'>): Promise<Composed> {
    const name = body.name?.trim() || null
    const address = body.address?.trim() || null
    const place: Place = { latitude: body.latitude ?? 0, longitude: body.longitude ?? 0, name, address }
    return {
      messageType: 'location',
      content: placeText(place),
      message: { locationMessage: { ...wirePlace(place), ...(contextInfo === null ? {} : { contextInfo }) } },
    }
  },
} satisfies OutgoingKind<typeof body>

export const incomingLocation: IncomingKind = {
  read({ locationMessage, liveLocationMessage }) {
    if (locationMessage) {
      const place = readPlace(locationMessage)
      return {
        type: 'location',
        content: placeText(place),
        changes: null,
        mediaType: null,
        details: { location: { ...place, isLive: locationMessage.isLive ?? false } },
      }
    }
    if (!liveLocationMessage) return null
    const place = readPlace({ ...liveLocationMessage, name: liveLocationMessage.caption })
    return {
      type: 'location',
      content: placeText(place),
      changes: null,
      mediaType: null,
      details: {
        location: {
          ...place,
          isLive: true,
          // Metres, metres per second, degrees from north.
          accuracy: liveLocationMessage.accuracyInMeters ?? null,
          speed: liveLocationMessage.speedInMps ?? null,
          heading: liveLocationMessage.degreesClockwiseFromMagneticNorth ?? null,
          sequence: liveLocationMessage.sequenceNumber == null ? null : Number(liveLocationMessage.sequenceNumber),
        },
      },
    }
  },
}

/** The event's `location` (core.md §7.2). */
export interface Place {
  latitude: number
  longitude: number
  name: string | null
  address: string | null
}

type WirePlace = NonNullable<WireMessage['locationMessage']>

export const readPlace = ({ degreesLatitude, degreesLongitude, name, address }: WirePlace): Place => ({
  latitude: degreesLatitude ?? 0,
  longitude: degreesLongitude ?? 0,
  name: name || null,
  address: address || null,
})

export const wirePlace = ({ latitude, longitude, name, address }: Place): WirePlace => ({
  degreesLatitude: latitude,
  degreesLongitude: longitude,
  ...(name === null ? {} : { name }),
  ...(address === null ? {} : { address }),
})

/** `📍 <name>\n<address>\nLat: …, Long: …`; lines that say nothing are left out. */
const placeText = ({ latitude, longitude, name, address }: Place): string =>
  `📍 ${[name, address, `Lat: ${degrees(latitude)}, Long: ${degrees(longitude)}`].filter((line) => line !== null).join('\n')}`

/** Six decimals are 11 cm. */
const degrees = (value: number): string => String(Number(value.toFixed(6)))
