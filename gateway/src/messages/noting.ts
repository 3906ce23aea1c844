/** What stored messages say about their conversations. */
import { type Noting, notedUnderLid, noteMessages } from '../chats/chat-table.ts'
import type { Reader, Writer } from '../storage/database.ts'
import type { Address, EngineEvent } from '../whatsapp/engine.ts'
import type { Person } from './exchange.ts'
import { keyText, type MessageKeyText, type NewMessage } from './message-repository.ts'
import { addressesIn } from './plan.ts'

/** To be run in the transaction that stored them. `fresh`: those that are new, with their `seq`. */
export const noteStored = (
  tx: Writer,
  instanceId: string,
  rows: Iterable<NewMessage>,
  fresh: ReadonlyMap<MessageKeyText, number>,
  how: Noting,
): Promise<void> => {
  const noted = []
  for (const row of rows) {
    const seq = fresh.get(keyText(row))
    if (seq !== undefined) noted.push({ chat: row.chat, seq, sentAt: row.sent_at, fromMe: row.from_me === 1, type: row.type })
  }
  return noteMessages(tx, instanceId, noted, how)
}

/** People told of under both names whose conversation is still under the LID. Messages bring theirs together by themselves. */
export const strayChats = async (
  reader: Reader,
  instanceId: string,
  events: readonly EngineEvent[],
  introduce: (address: Address) => Person,
): Promise<{ lid: string; jid: string }[]> => {
  const pairs = new Map<string, string>()
  for (const event of events) {
    if (event.type !== 'contact' && event.type !== 'chat') continue
    for (const address of addressesIn(event)) {
      const { jid, lid } = introduce(address)
      if (jid !== null && lid !== null) pairs.set(lid, jid)
    }
  }
  if (pairs.size === 0) return []
  const stray = await notedUnderLid(reader, instanceId, [...pairs.keys()])
  return [...pairs].flatMap(([lid, jid]) => (stray.has(lid) ? [{ lid, jid }] : []))
}
