/** Labels of chats as other features show them. */
import type { Reader } from '../storage/database.ts'
import type { Address } from '../whatsapp/engine.ts'
import { inOrder, type Label, labelsOfChats } from './label-repository.ts'

export type { Label }

/** One query for a page of chats. The answer gives the labels of each in the order they were made, `[]` for one without. */
export const labelsOf = async (
  reader: Reader,
  instanceId: string,
  chats: readonly Address[],
): Promise<(chat: Address) => readonly Label[]> => {
  const rows = await labelsOfChats(
    reader,
    instanceId,
    chats.flatMap(({ jid, lid }) => [jid, lid].flatMap((name) => name ?? [])),
  )
  const found = Map.groupBy(rows, ({ chat }) => chat)
  return (chat) => {
    const carried = [chat.jid, chat.lid].flatMap((name) => (name === null ? [] : (found.get(name) ?? [])))
    // A chat that was labelled under both its names carries it once.
    return inOrder([...new Map(carried.map(({ label }) => [label.id, label])).values()])
  }
}
