/** The table `media`. */
import { sql } from 'kysely'
import { z } from 'zod'
import type { Database, Writer } from '../storage/database.ts'
import type { Flag, MediaState } from '../storage/schema.ts'
import type { Vault } from '../storage/vault.ts'
import { addressOf } from '../whatsapp/address.ts'
import type { MessageKey } from '../whatsapp/engine.ts'
import type { MediaKind, MediaReference } from '../whatsapp/media.ts'
import type { NewMedia } from './media.ts'

/** Written out, not bound: only then do both databases see that the partial indices fit. */
const isLocal = sql.lit<Flag>(1)

const FILE_FOLLOWS_MS = 60_000

/** What the worker needs of a row. */
export interface MediaTask {
  id: string
  instanceId: string
  state: MediaState
  key: MessageKey
  mimeType: string
  fileName: string | null
  sha256: string | null
  size: number | null
  attempts: number
  reference: MediaReference
}

/** What readers need of it. */
export interface MediaRow {
  id: string
  messageId: string
  state: MediaState
  type: MediaKind
  mimeType: string
  fileName: string | null
  sha256: string | null
  size: number | null
  local: boolean
  bucketKey: string | null
  s3Url: string | null
  createdAt: number
}

export type MediaRepository = ReturnType<typeof createMediaRepository>

export const createMediaRepository = ({ db, vault }: { db: Database; vault: Vault }) => {
  const sealContext = (id: string) => ({ table: 'media', column: 'reference', row: id })

  const seal = (id: string, reference: MediaReference): Uint8Array => {
    const { mediaKey, fileSha256, fileEncSha256, ...rest } = reference
    const text = JSON.stringify({ ...rest, mediaKey: hex(mediaKey), fileSha256: hex(fileSha256), fileEncSha256: hex(fileEncSha256) })
    return vault.seal(text, sealContext(id))
  }

  const open = (id: string, sealed: Uint8Array): MediaReference => {
    const stored = storedReference.parse(JSON.parse(vault.openText(sealed, sealContext(id))))
    return { ...stored, mediaKey: bytes(stored.mediaKey), fileSha256: bytes(stored.fileSha256), fileEncSha256: bytes(stored.fileEncSha256) }
  }

  const taskOf = (row: TaskRow): MediaTask => ({
    id: row.id,
    instanceId: row.instance_id,
    state: row.state,
    key: { id: row.message_id, chat: addressOf(row.chat), sender: addressOf(row.sender), fromMe: row.from_me === 1 },
    mimeType: row.mime_type,
    fileName: row.file_name,
    sha256: row.sha256,
    size: row.size,
    attempts: row.attempts,
    reference: open(row.id, row.reference),
  })

  const reader = () => db.read.selectFrom('media').select(readColumns)
  const change = (id: string, values: Changes) => db.write((tx) => tx.updateTable('media').set(values).where('id', '=', id).execute())

  return {
    async insert(tx: Writer, media: readonly NewMedia[], now: number): Promise<void> {
      const rows = media.flatMap((one) =>
        one.media.reference === null
          ? []
          : [
              {
                id: one.id,
                instance_id: one.instanceId,
                message_id: one.messageId,
                chat: one.chat,
                sender: one.sender,
                from_me: one.fromMe ? (1 as const) : (0 as const),
                type: one.media.type,
                mime_type: one.media.mimeType,
                file_name: one.media.fileName,
                reference: seal(one.id, one.media.reference),
                state: 'download' as const,
                sha256: null,
                size: one.media.fileSize,
                local: 0 as const,
                bucket_key: null,
                s3_url: null,
                attempts: 0,
                // Whoever hands in the file gets a moment for it; after a crash it is downloaded like any other.
                next_attempt_at: one.fileFollows ? now + FILE_FOLLOWS_MS : now,
                last_error: null,
                created_at: now,
                stored_at: null,
              },
            ],
      )
      if (rows.length > 0) await tx.insertInto('media').values(rows).execute()
    },

    /** What is due, oldest first, without what is in hand and without these instances. */
    async due(
      now: number,
      limit: number,
      { ids, instances }: { ids: readonly string[]; instances: readonly string[] },
    ): Promise<MediaTask[]> {
      let query = db.read.selectFrom('media').select(taskColumns).where('next_attempt_at', '<=', now)
      if (ids.length > 0) query = query.where('id', 'not in', ids)
      if (instances.length > 0) query = query.where('instance_id', 'not in', instances)
      return (await query.orderBy('next_attempt_at').limit(limit).execute()).map(taskOf)
    },

    /** When the next one is due, milliseconds; null: nothing is left to do. */
    async nextDue(): Promise<number | null> {
      const row = await db.read
        .selectFrom('media')
        .select('next_attempt_at')
        .where('next_attempt_at', 'is not', null)
        .orderBy('next_attempt_at')
        .limit(1)
        .executeTakeFirst()
      return row?.next_attempt_at ?? null
    },

    find: async (instanceId: string, messageId: string): Promise<MediaRow | null> => {
      const row = await reader()
        .where('instance_id', '=', instanceId)
        .where('message_id', '=', messageId)
        // Ids are chosen by senders: a later message must not speak for an earlier one.
        .orderBy('id')
        .limit(1)
        .executeTakeFirst()
      return row === undefined ? null : rowOf(row)
    },

    byId: async (instanceId: string, id: string): Promise<MediaRow | null> => {
      const row = await reader().where('id', '=', id).where('instance_id', '=', instanceId).executeTakeFirst()
      return row === undefined ? null : rowOf(row)
    },

    /** It is here; `toBucket`: and is to be put into the bucket, from now on. */
    arrived: (id: string, content: { sha256: string; size: number; toBucket: boolean }, now: number) =>
      change(id, {
        state: content.toBucket ? 'upload' : 'stored',
        sha256: content.sha256,
        size: content.size,
        local: 1,
        attempts: 0,
        next_attempt_at: content.toBucket ? now : null,
        last_error: null,
        stored_at: now,
      }),

    /** It is in the bucket, or there is none any more. */
    settle: (id: string, inBucket: { key: string; url: string } | null) =>
      change(id, {
        state: 'stored',
        ...(inBucket === null ? {} : { bucket_key: inBucket.key, s3_url: inBucket.url }),
        next_attempt_at: null,
        last_error: null,
      }),

    lost: (id: string, error: string) => change(id, { state: 'lost', next_attempt_at: null, last_error: error }),

    failed: (id: string, attempts: number, nextAttemptAt: number, error: string) =>
      change(id, { attempts, next_attempt_at: nextAttemptAt, last_error: error }),

    relocate: (id: string, reference: MediaReference) => change(id, { reference: seal(id, reference) }),

    /** Moves what an instance has left to do, e.g. because it is not connected, or connected again. */
    postpone: (instanceId: string, state: 'download' | 'upload', until: number) =>
      db.write((tx) =>
        tx
          .updateTable('media')
          .set({ next_attempt_at: until })
          .where('instance_id', '=', instanceId)
          .where('next_attempt_at', 'is not', null)
          .where('state', '=', state)
          .execute(),
      ),

    /** Whether a message of the instance other than this one has the same content here. */
    async isShared(instanceId: string, sha256: string, except: string): Promise<boolean> {
      const other = await db.read
        .selectFrom('media')
        .select('id')
        .where('instance_id', '=', instanceId)
        .where('sha256', '=', sha256)
        .where('local', '=', isLocal)
        .where('id', '!=', except)
        .limit(1)
        .executeTakeFirst()
      return other !== undefined
    },

    /** Kept here since before `before`; `inBucket`: those the bucket has too. Oldest first. */
    async kept(before: number, inBucket: boolean, limit: number): Promise<Kept[]> {
      let query = db.read
        .selectFrom('media')
        .select(['id', 'instance_id', 'sha256'])
        .where('local', '=', isLocal)
        .where('stored_at', '<', before)
      if (inBucket) query = query.where('bucket_key', 'is not', null)
      return keptOf(await query.orderBy('stored_at').limit(limit).execute())
    },

    /** Of these messages; null: of the whole chat. */
    async ofMessages(instanceId: string, chat: string, messageIds: readonly string[] | null, limit: number): Promise<Kept[]> {
      let query = db.read
        .selectFrom('media')
        .select(['id', 'instance_id', 'sha256'])
        .where('instance_id', '=', instanceId)
        .where('chat', '=', chat)
      if (messageIds !== null) query = query.where('message_id', 'in', messageIds)
      return keptOf(await query.limit(limit).execute())
    },

    /** The content is no longer here; a row that leads nowhere then goes too. */
    dropLocal: (id: string) =>
      db.write(async (tx) => {
        await tx.deleteFrom('media').where('id', '=', id).where('bucket_key', 'is', null).execute()
        await tx.updateTable('media').set({ local: 0 }).where('id', '=', id).execute()
      }),

    remove: (id: string) => db.write((tx) => tx.deleteFrom('media').where('id', '=', id).execute()),

    async existingInstances(ids: readonly string[]): Promise<Set<string>> {
      if (ids.length === 0) return new Set()
      const rows = await db.read.selectFrom('instances').select('id').where('id', 'in', ids).execute()
      return new Set(rows.map(({ id }) => id))
    },
  }
}

export interface Kept {
  id: string
  instanceId: string
  sha256: string | null
}

const taskColumns = [
  ...(['id', 'instance_id', 'state', 'message_id', 'chat', 'sender', 'from_me', 'mime_type', 'file_name'] as const),
  ...(['sha256', 'size', 'attempts', 'reference'] as const),
] as const

const readColumns = [
  ...(['id', 'message_id', 'state', 'type', 'mime_type', 'file_name', 'sha256', 'size', 'local', 'bucket_key'] as const),
  ...(['s3_url', 'created_at'] as const),
] as const

interface TaskRow {
  id: string
  instance_id: string
  state: MediaState
  message_id: string
  chat: string
  sender: string
  from_me: number
  mime_type: string
  file_name: string | null
  sha256: string | null
  size: number | null
  attempts: number
  reference: Uint8Array
}

type Changes = Partial<{
  state: MediaState
  sha256: string
  size: number
  local: 0 | 1
  bucket_key: string
  s3_url: string
  attempts: number
  next_attempt_at: number | null
  last_error: string | null
  stored_at: number
  reference: Uint8Array
}>

const kinds = z.enum(['image', 'video', 'audio', 'document', 'sticker'])

const storedReference = z.object({
  kind: kinds,
  url: z.string().nullable(),
  directPath: z.string().nullable(),
  mediaKey: z.string().nullable(),
  fileSha256: z.string().nullable(),
  fileEncSha256: z.string().nullable(),
  fileLength: z.number().nullable(),
})

const rowOf = (row: {
  id: string
  message_id: string
  state: MediaState
  type: string
  mime_type: string
  file_name: string | null
  sha256: string | null
  size: number | null
  local: number
  bucket_key: string | null
  s3_url: string | null
  created_at: number
}): MediaRow => ({
  id: row.id,
  messageId: row.message_id,
  state: row.state,
  type: kinds.parse(row.type),
  mimeType: row.mime_type,
  fileName: row.file_name,
  sha256: row.sha256,
  size: row.size,
  local: row.local === 1,
  bucketKey: row.bucket_key,
  s3Url: row.s3_url,
  createdAt: row.created_at,
})

const keptOf = (rows: readonly { id: string; instance_id: string; sha256: string | null }[]): Kept[] =>
  rows.map(({ id, instance_id, sha256 }) => ({ id, instanceId: instance_id, sha256 }))

const hex = (value: Uint8Array | null): string | null => (value === null ? null : Buffer.from(value).toString('hex'))

const bytes = (value: string | null): Uint8Array | null => (value === null ? null : Buffer.from(value, 'hex'))
