/**
 * Labels: stored as WhatsApp's app state tells them, told as `label.update`, and written by what the API asks for. The way is the same whoever
 * made a change: WhatsApp has it first, then it comes as news, and is stored and told once, in one transaction with the version it has there.
 */
import type { EventLog } from '../events/event.ts'
import { ApiError } from '../http/errors.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Database, Reader } from '../storage/database.ts'
import { canonicalOf } from '../whatsapp/address.ts'
import type { Address, EngineEvent, EngineSession } from '../whatsapp/engine.ts'
import type { LabelNews } from '../whatsapp/labels.ts'
import { planLabels } from './label-plan.ts'
import {
  allAssociations,
  allLabels,
  associationsIn,
  forgetLabels,
  type Label,
  type LabeledRow,
  labeledChats,
  putAssociations,
  putLabels,
  removeAssociations,
  removeAssociationsOf,
  setToldVersion,
  toldVersion,
} from './label-repository.ts'

type Session = Pick<EngineSession, 'labels'>

export interface Labels {
  /** To be given to `instances.listen`. Resolves when it is durable. */
  handle(instance: { id: string }, event: EngineEvent): Promise<void>
  /** Those that are there. */
  list(instanceId: string): Promise<Label[]>
  create(instanceId: string, session: Session, label: { name: string; color: number }): Promise<Label>
  /** Throws 404 `Tag not found`. */
  remove(instanceId: string, session: Session, labelId: string): Promise<void>
  /** Puts a label on a chat, or takes it off; nothing happens when that is how it is. Throws 404 `Tag not found`. */
  assign(instanceId: string, session: Session, label: { id: string; chat: Address; labeled: boolean }): Promise<void>
  /** A row per chat and label, see `labeledChats`. */
  carried(instanceId: string, labelIds: readonly string[] | null): Promise<LabeledRow[]>
}

interface Collaborators {
  db: Database
  events: EventLog
  clock: Clock
}

export const tagNotFound = 'Tag not found'

export const createLabels = ({ db, events, clock }: Collaborators): Labels => {
  const record = (instanceId: string, news: LabelNews): Promise<void> =>
    events.write(async (tx, report) => {
      const told = await toldVersion(tx, instanceId)
      if (!news.whole && told !== null && news.version <= told) return
      const chats = news.changes.flatMap((change) => (change.kind === 'edit' ? [] : [change.chat.jid, change.chat.lid]))
      const before = {
        labels: await allLabels(tx, instanceId),
        associations: news.whole
          ? await allAssociations(tx, instanceId)
          : await associationsIn(
              tx,
              instanceId,
              chats.flatMap((name) => name ?? []),
            ),
      }
      const plan = planLabels(before, news, clock.now())
      await putLabels(tx, instanceId, plan.labels)
      await removeAssociationsOf(tx, instanceId, plan.gone)
      await removeAssociations(tx, instanceId, plan.remove)
      await putAssociations(tx, instanceId, plan.put)
      await setToldVersion(tx, instanceId, news.version)
      // How the account came to us is nothing that happened. One lane keeps a label before what carries it.
      if (!news.first) await report(...plan.events.map((data) => ({ instanceId, name: 'label.update' as const, lane: '', data })))
    })

  return {
    async handle({ id }, event) {
      if (event.type === 'paired') await db.write((tx) => forgetLabels(tx, id))
      if (event.type !== 'labels') return
      await record(id, event.news)
      event.stored()
    },

    list: async (instanceId) => (await allLabels(db.read, instanceId)).filter(({ deleted }) => !deleted),

    async create(instanceId, session, { name, color }) {
      let made: Label | null = null
      await session.labels.change(async () => {
        made = { id: await freeId(db.read, instanceId), name, color, type: 'CUSTOM', predefined: null, deleted: false }
        return [{ kind: 'edit', ...made }]
      })
      if (made === null) throw new Error('nobody asked which label to make')
      return made
    },

    remove: (instanceId, session, labelId) =>
      session.labels.change(async () => [{ kind: 'edit', ...(await existing(db.read, instanceId, labelId)), deleted: true }]),

    assign: (instanceId, session, { id, chat, labeled }) =>
      session.labels.change(async () => {
        const { id: labelId } = await existing(db.read, instanceId, id)
        const names = [chat.jid, chat.lid].flatMap((name) => name ?? [])
        const there = (await associationsIn(db.read, instanceId, names)).filter((one) => one.labelId === labelId && one.messageId === '')
        if (labeled) return there.length > 0 ? [] : [{ kind: 'chat', labelId, chat, named: canonicalOf(chat), labeled }]
        return there.map(({ named }) => ({ kind: 'chat', labelId, chat, named, labeled }) as const)
      }),

    carried: (instanceId, labelIds) => labeledChats(db.read, instanceId, labelIds),
  }
}

/** Never one that was in use: records of what carried it may still be about. */
const freeId = async (reader: Reader, instanceId: string): Promise<string> => {
  const ids = (await allLabels(reader, instanceId)).map(({ id }) => Number(id)).filter(Number.isSafeInteger)
  return String(ids.reduce((highest, id) => Math.max(highest, id), 0) + 1)
}

const existing = async (reader: Reader, instanceId: string, labelId: string): Promise<Label> => {
  const label = (await allLabels(reader, instanceId)).find(({ id, deleted }) => id === labelId && !deleted)
  if (label === undefined) throw new ApiError(404, tagNotFound)
  return label
}
