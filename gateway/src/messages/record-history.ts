/**
 * The past, as the phone hands it over: stored and announced to nobody. A part is one transaction, which ends the inbox row of its chunk when it
 * is the last one.
 */
import { noteListed } from '../chats/chat-table.ts'
import type { Database, Writer } from '../storage/database.ts'
import type { HistoryMessage, HistoryPart } from '../whatsapp/history.ts'
import { settleInbox } from '../whatsapp/inbox-table.ts'
import { canonical } from './context.ts'
import { insertMessages, type NewMessage } from './message-repository.ts'
import { noteStored } from './noting.ts'
import type { People } from './people.ts'
import { isIgnored, type PlanContext, rowOf } from './plan.ts'

/** A private chat known under both names. */
export interface JoinedChat {
  lid: string
  jid: string
}

/** Brings together what is kept under the two names of each. */
export type JoinChats = (tx: Writer, instanceId: string, chats: readonly JoinedChat[]) => Promise<void>

interface Collaborators {
  db: Database
  people: People
  joinChats: JoinChats
}

/** `chats`: whose messages may still lie under the LID. */
export const createHistoryRecording =
  ({ db, people, joinChats }: Collaborators) =>
  async (part: HistoryPart, context: PlanContext, chats: readonly JoinedChat[]): Promise<void> => {
    const { instanceId, introduce } = context
    const rows = part.messages
      .filter((message) => !isIgnored(introduce(message.chat), context))
      .map((message) => historyRow(message, context))
    const names = people.news(instanceId, part.names)
    await db.write(async (tx) => {
      await joinChats(tx, instanceId, chats)
      await noteStored(tx, instanceId, rows, await insertMessages(tx, rows), 'past')
      await noteListed(tx, instanceId, part.chats, (chat) => canonical(introduce(chat)))
      await people.store(tx, instanceId, names)
      if (part.inbox !== null) await settleInbox(tx, instanceId, [part.inbox])
    })
    people.remember(instanceId, names)
    part.stored()
  }

const historyRow = (message: HistoryMessage, context: PlanContext): NewMessage => {
  const row = rowOf(message, context)
  return { ...row, status: message.status ?? row.status, starred: message.starred ? 1 : 0, from_history: 1 }
}
