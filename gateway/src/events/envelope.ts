/** What a receiver gets: `{ id, event, timestamp, data, instanceData }` (core.md §7.1 with our `id` and `timestamp`). */
import { createBoundedMap } from '../runtime/bounded-map.ts'
import { rfc3339 } from '../runtime/clock.ts'
import type { Database } from '../storage/database.ts'
import type { EventName } from './event.ts'

export interface StoredEvent {
  id: string
  instanceId: string
  name: EventName
  lane: string
  /** JSON text; put into the envelope as it is. */
  data: string
  createdAt: number
}

/** The envelope's `instanceData`, already JSON. */
export type InstanceData = string

export const envelope = (event: Pick<StoredEvent, 'id' | 'name' | 'data' | 'createdAt'>, instanceData: InstanceData): string =>
  `{"id":"${event.id}","event":"${event.name}","timestamp":"${rfc3339(event.createdAt)}","data":${event.data},"instanceData":${instanceData}}`

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

export const createInstanceDataOf = ({ db, baseUrl, exposeToken, tokenOf }: Collaborators): InstanceDataOf => {
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
  return async (instanceId) => {
    const name = await nameOf(instanceId)
    if (name === null) return null
    const token = exposeToken ? await tokenOf(instanceId) : ''
    return JSON.stringify({ baseUrl, instance: name, token })
  }
}
