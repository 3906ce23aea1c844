/** The media of a message: what its event tells of it, and what is noted so that it is fetched and kept. */
import type { Attached, Media, NewMedia } from '../media/media.ts'
import { eventMedia, readWireMedia } from '../media/wire-media.ts'
import type { WireMessage } from '../whatsapp/wire.ts'
import { canonical } from './context.ts'
import type { Person } from './exchange.ts'

/** How media of an instance is named: its id with us, and where its bucket will have it. */
export interface MediaNaming {
  newId: Media['newId']
  s3Url: Awaited<ReturnType<Media['s3Urls']>>
}

export interface CarriedMedia {
  /** The event's `message.media`. */
  told: Record<string, unknown>
  /** Null: the message names no place to fetch it from. */
  note: NewMedia | null
}

interface Carrier {
  instanceId: string
  messageId: string
  chat: Person
  sender: Person
  fromMe: boolean
  message: WireMessage
}

/** Null: there is none. `attached` is what we uploaded for the message ourselves. */
export const carriedMedia = (carrier: Carrier, { newId, s3Url }: MediaNaming, attached: readonly Attached[] = []): CarriedMedia | null => {
  const media = readWireMedia(carrier.message)
  if (media === null) return null
  if (media.reference === null) return { told: eventMedia(media, null), note: null }
  const ours = attached.find(({ upload }) => upload.directPath === media.reference?.directPath)
  const id = ours?.id ?? newId()
  const { instanceId, messageId, fromMe } = carrier
  return {
    told: eventMedia(media, { blob: id, s3Url: s3Url?.({ id, media }) ?? null }),
    note: {
      id,
      instanceId,
      messageId,
      chat: canonical(carrier.chat),
      sender: canonical(carrier.sender),
      fromMe,
      media,
      fileFollows: ours !== undefined,
    },
  }
}
