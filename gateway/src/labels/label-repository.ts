/** The tables `labels`, `label_associations` and `label_versions`. */
import { type Insertable, sql } from 'kysely'
import type { Reader, Writer } from '../storage/database.ts'
import { prepared } from '../storage/prepared.ts'
import type { LabelAssociationsTable, LabelsTable } from '../storage/schema.ts'

export interface Label {
  id: string
  name: string
  color: number
  type: string
  predefined: number | null
  deleted: boolean
}

/** What carries a label. */
export interface Association {
  chat: string
  labelId: string
  /** `""` when it is the chat itself. */
  messageId: string
  /** The chat as WhatsApp's record names it. */
  named: string
}

/** All of them, those that were deleted too, in the order they were made. */
export const allLabels = async (reader: Reader | Writer, instanceId: string): Promise<Label[]> => {
  const rows = await reader.selectFrom('labels').selectAll().where('instance_id', '=', instanceId).execute()
  return inOrder(rows.map(toLabel))
}

/** Ids are counted up. */
export const inOrder = (labels: readonly Label[]): Label[] =>
  [...labels].sort((a, b) => Number(a.id) - Number(b.id) || (a.id < b.id ? -1 : 1))

export const putLabels = async (tx: Writer, instanceId: string, labels: readonly Label[]): Promise<void> => {
  const rows = labels.map((label) => ({ ...label, instance_id: instanceId, deleted: label.deleted ? (1 as const) : (0 as const) }))
  await upsertLabels(tx, {}, rows)
}

const upsertLabels = prepared((db, _: object, rows: Insertable<LabelsTable>[]) =>
  db
    .insertInto('labels')
    .values(rows)
    .onConflict((conflict) =>
      conflict.columns(['instance_id', 'id']).doUpdateSet((row) => ({
        name: row.ref('excluded.name'),
        color: row.ref('excluded.color'),
        type: row.ref('excluded.type'),
        predefined: row.ref('excluded.predefined'),
        deleted: row.ref('excluded.deleted'),
      })),
    ),
)

/** Everything that carries a label. Only for comparing with a complete list of WhatsApp's. */
export const allAssociations = async (reader: Reader | Writer, instanceId: string): Promise<Association[]> => {
  const rows = await reader.selectFrom('label_associations').selectAll().where('instance_id', '=', instanceId).execute()
  return rows.map(toAssociation)
}

/** What of these chats carries labels, under whatever name of the chat, messages included. */
export const associationsIn = async (reader: Reader | Writer, instanceId: string, chats: readonly string[]): Promise<Association[]> => {
  const rows = await rowsOfChats(reader, { instanceId }, [...new Set(chats)])
  return rows.map(toAssociation)
}

const rowsOfChats = prepared((db, { instanceId }: { instanceId: string }, chats: string[]) =>
  db.selectFrom('label_associations').selectAll().where('instance_id', '=', instanceId).where('chat', 'in', chats),
)

export const putAssociations = async (tx: Writer, instanceId: string, associations: readonly Association[]): Promise<void> => {
  const rows = associations.map(({ chat, labelId, messageId, named }) => ({
    instance_id: instanceId,
    chat,
    label_id: labelId,
    message_id: messageId,
    named,
  }))
  await upsertAssociations(tx, {}, rows)
}

const upsertAssociations = prepared((db, _: object, rows: LabelAssociationsTable[]) =>
  db
    .insertInto('label_associations')
    .values(rows)
    .onConflict((conflict) =>
      conflict.columns(['instance_id', 'chat', 'label_id', 'message_id']).doUpdateSet((row) => ({ named: row.ref('excluded.named') })),
    ),
)

export const removeAssociations = async (tx: Writer, instanceId: string, associations: readonly Association[]): Promise<void> => {
  for (const { chat, labelId, messageId } of associations) {
    await tx
      .deleteFrom('label_associations')
      .where('instance_id', '=', instanceId)
      .where('chat', '=', chat)
      .where('label_id', '=', labelId)
      .where('message_id', '=', messageId)
      .execute()
  }
}

/** Takes these labels off everything. */
export const removeAssociationsOf = async (tx: Writer, instanceId: string, labelIds: readonly string[]): Promise<void> => {
  if (labelIds.length === 0) return
  await tx
    .deleteFrom('label_associations')
    .where('instance_id', '=', instanceId)
    .where('label_id', 'in', [...labelIds])
    .execute()
}

/** A chat that was only known by LID has turned out to belong to a number: what it carries moves to the number's name. */
export const renameLabeled = async (tx: Writer, instanceId: string, lid: string, jid: string): Promise<void> => {
  await sql`
    update label_associations set chat = ${jid}
    where instance_id = ${instanceId} and chat = ${lid}
      and not exists (
        select 1 from label_associations twin
        where twin.instance_id = ${instanceId} and twin.chat = ${jid}
          and twin.label_id = label_associations.label_id and twin.message_id = label_associations.message_id
      )
  `.execute(tx)
  await tx.deleteFrom('label_associations').where('instance_id', '=', instanceId).where('chat', '=', lid).execute()
}

/** Null: nothing has been told yet. */
export const toldVersion = async (tx: Reader | Writer, instanceId: string): Promise<number | null> => {
  const row = await tx.selectFrom('label_versions').select('version').where('instance_id', '=', instanceId).executeTakeFirst()
  return row?.version ?? null
}

export const setToldVersion = async (tx: Writer, instanceId: string, version: number): Promise<void> => {
  await tx
    .insertInto('label_versions')
    .values({ instance_id: instanceId, version })
    .onConflict((conflict) => conflict.column('instance_id').doUpdateSet({ version }))
    .execute()
}

/** Another account may be linked now: nothing of the former one counts. */
export const forgetLabels = async (tx: Writer, instanceId: string): Promise<void> => {
  for (const table of ['labels', 'label_associations', 'label_versions'] as const) {
    await tx.deleteFrom(table).where('instance_id', '=', instanceId).execute()
  }
}

export interface LabeledRow {
  chat: string
  label: Label
}

/** A row per chat and label it carries, by chat. `labelIds` null: chats with any label; else those with one of these, with all they carry. */
export const labeledChats = async (reader: Reader, instanceId: string, labelIds: readonly string[] | null): Promise<LabeledRow[]> => {
  if (labelIds?.length === 0) return []
  let rows = pairs(reader, instanceId).orderBy('label_associations.chat')
  if (labelIds !== null) {
    const chats = reader
      .selectFrom('label_associations')
      .innerJoin('labels', (join) =>
        join.onRef('labels.instance_id', '=', 'label_associations.instance_id').onRef('labels.id', '=', 'label_associations.label_id'),
      )
      .select('label_associations.chat')
      .where('label_associations.instance_id', '=', instanceId)
      .where('label_associations.label_id', 'in', [...labelIds])
      .where('label_associations.message_id', '=', '')
      .where('labels.deleted', '=', 0)
    rows = rows.where('label_associations.chat', 'in', chats)
  }
  return (await rows.execute()).map(toLabeled)
}

/** The same for some chats, one query for a page of them. */
export const labelsOfChats = async (reader: Reader, instanceId: string, chats: readonly string[]): Promise<LabeledRow[]> => {
  if (chats.length === 0) return []
  const rows = await pairs(reader, instanceId)
    .where('label_associations.chat', 'in', [...new Set(chats)])
    .execute()
  return rows.map(toLabeled)
}

/** Chats with their labels; messages that carry one are left out, as are labels that are gone. */
const pairs = (reader: Reader, instanceId: string) =>
  reader
    .selectFrom('label_associations')
    .innerJoin('labels', (join) =>
      join.onRef('labels.instance_id', '=', 'label_associations.instance_id').onRef('labels.id', '=', 'label_associations.label_id'),
    )
    .select(['label_associations.chat', 'labels.id', 'labels.name', 'labels.color', 'labels.type', 'labels.predefined', 'labels.deleted'])
    .where('label_associations.instance_id', '=', instanceId)
    .where('label_associations.message_id', '=', '')
    .where('labels.deleted', '=', 0)

type LabelRow = Omit<LabelsTable, 'instance_id'>

const toLabel = ({ id, name, color, type, predefined, deleted }: LabelRow): Label => ({
  id,
  name,
  color,
  type,
  predefined,
  deleted: deleted === 1,
})

const toLabeled = ({ chat, ...label }: LabelRow & { chat: string }): LabeledRow => ({ chat, label: toLabel(label) })

const toAssociation = ({ chat, label_id, message_id, named }: LabelAssociationsTable): Association => ({
  chat,
  labelId: label_id,
  messageId: message_id,
  named,
})
