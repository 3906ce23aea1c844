/** What a receiver gets: `{ id, event, timestamp, data, instanceData }` (core.md §7.1 with our `id` and `timestamp`). */
import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { createBoundedMap } from '../runtime/bounded-map.ts'
import { rfc3339 } from '../runtime/clock.ts'
import type { Database } from '../storage/database.ts'
import type { EventName } from './event.ts'

export interface StoredEvent {
  id: string
  instanceId: string
  name: EventName
  lane: string
  /** JSON text; put into the envelope as it is, except that `message.media.blob` stays here. */
  data: string
  createdAt: number
}

/** The envelope's `instanceData`, already JSON. */
export type InstanceData = string

type Told = Pick<StoredEvent, 'id' | 'createdAt' | 'data'> & { name: string }

export const envelope = (event: Told, instanceData: InstanceData): string =>
  around(event, instanceData, namesBlob(event.data) ? withoutBlob(event.data) : event.data)

/** An envelope to be cut open at the value of `media.base64`, for bytes that are put in as they are read. */
export interface MediaEnvelope {
  /** Up to and with the opening quote. */
  before: string
  /** Whose bytes belong here, in base64. */
  blob: string
  /** From the closing quote on. */
  after: string
}

/** Null when the event has no media of which we hold the bytes. */
export const mediaEnvelope = (event: Told, instanceData: InstanceData): MediaEnvelope | null => {
  if (!namesBlob(event.data)) return null
  const read = dataWithBlob.safeParse(JSON.parse(event.data))
  if (!read.success) return null
  const { message, ...data } = read.data
  const { blob, ...media } = message.media
  // Nobody can guess it, so it stands in the text exactly once.
  const mark = randomUUID()
  const marked = JSON.stringify({ ...data, message: { ...message, media: { ...media, base64: mark } } })
  const [before = '', after = ''] = around(event, instanceData, marked).split(mark)
  return { before, blob, after }
}

const around = ({ id, name, createdAt }: Told, instanceData: InstanceData, data: string): string =>
  `{"id":"${id}","event":"${name}","timestamp":"${rfc3339(createdAt)}","data":${data},"instanceData":${instanceData}}`

/** Whether there are bytes to go with it. */
export const carriesMedia = ({ data }: Pick<StoredEvent, 'data'>): boolean => namesBlob(data)

// A quote inside somebody's text is escaped, so only a field can look like this.
const namesBlob = (data: string): boolean => data.includes('"blob":')

const dataWithBlob = z.looseObject({ message: z.looseObject({ media: z.looseObject({ blob: z.string() }) }) })

/** The blob whose place in a bucket the event tells; null when it tells none. */
export const blobToldInBucket = (data: string): string | null => {
  if (!namesBlob(data) || !data.includes('"s3Url":"')) return null
  const read = dataWithBlob.safeParse(JSON.parse(data))
  return read.success ? read.data.message.media.blob : null
}

const withoutBlob = (data: string): string => {
  const read = dataWithBlob.safeParse(JSON.parse(data))
  if (!read.success) return data
  const { blob: _, ...media } = read.data.message.media
  return JSON.stringify({ ...read.data, message: { ...read.data.message, media } })
}

/** Gives null when the instance is gone. */
export type InstanceDataOf = (instanceId: string) => Promise<InstanceData | null>

interface Collaborators {
  db: Database
  baseUrl: string
  /** False: receivers get `""` in place of the token. */
  exposeToken: boolean
  tokenOf(instanceId: string): Promise<string>
}

const REMEMBERED_NAMES = 10_000

export const createInstanceDataOf = ({ db, baseUrl, exposeToken, tokenOf }: Collaborators) => {
  // A name never changes; the token is asked for each time, since its keeper caches it and knows when it ends.
  const names = createBoundedMap<string, string>(REMEMBERED_NAMES)
  const nameOf = async (instanceId: string): Promise<string | null> => {
    const remembered = names.get(instanceId)
    if (remembered !== undefined) return remembered
    const row = await db.read
      .selectFrom('instances')
      .select('name')
      .where('id', '=', instanceId)
      // Its name is given back the moment its deletion begins.
      .where('state', '!=', 'deleting')
      .executeTakeFirst()
    if (row === undefined) return null
    names.set(instanceId, row.name)
    return row.name
  }
  const instanceDataOf: InstanceDataOf = async (instanceId) => {
    const name = await nameOf(instanceId)
    if (name === null) return null
    const token = exposeToken ? await tokenOf(instanceId) : ''
    return JSON.stringify({ baseUrl, instance: name, token })
  }
  return { instanceDataOf, forgetInstance: (instanceId: string): void => names.delete(instanceId) }
}
