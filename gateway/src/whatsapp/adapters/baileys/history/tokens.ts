/** Privacy tokens of conversations: whoever lacks one may be refused when writing to that person first (463). Kept where Baileys looks. */
import type { proto, SignalKeyStore } from 'baileys'
import type { Address } from '../../../engine.ts'
import { addressFrom } from '../addresses.ts'

export const hasToken = (chat: proto.IConversation): boolean => Boolean(chat.tcToken?.length) && Number(chat.tcTokenTimestamp ?? 0) > 0

/** Those that are newer than what is known. */
export const storeTokens = async (
  keys: SignalKeyStore,
  chats: readonly proto.IConversation[],
  completed: (address: Address) => Promise<Address>,
): Promise<void> => {
  const byId = new Map<string, proto.IConversation>()
  for (const chat of chats) {
    const { jid, lid } = await completed(addressFrom(chat.id, chat.pnJid, chat.lidJid))
    const id = lid ?? jid
    if (id !== null) byId.set(id, chat)
  }
  if (byId.size === 0) return
  const known = await keys.get('tctoken', [...byId.keys()])
  const tctoken = Object.fromEntries(
    [...byId].flatMap(([id, { tcToken, tcTokenTimestamp, tcTokenSenderTimestamp }]) => {
      const note = known[id]
      const time = Number(tcTokenTimestamp)
      if (!tcToken || Number(note?.timestamp ?? 0) >= time) return []
      const sent = Number(tcTokenSenderTimestamp ?? 0)
      const token = { ...note, token: Buffer.from(tcToken), timestamp: String(time), ...(sent > 0 ? { senderTimestamp: sent } : {}) }
      return [[id, token]]
    }),
  )
  if (Object.keys(tctoken).length > 0) await keys.set({ tctoken })
}
