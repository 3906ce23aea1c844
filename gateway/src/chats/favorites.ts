/** Chats the account likes to have at hand. WhatsApp keeps all of them in one record, so whoever changes one writes them all. */
import type { Reader } from '../storage/database.ts'
import type { Address } from '../whatsapp/address.ts'
import { canonicalOf } from '../whatsapp/address.ts'
import { isLid } from '../whatsapp/jid.ts'

/** All favourites with this one at the end, or without it. */
export const favoritesWith = async (reader: Reader, instanceId: string, chat: Address, favorite: boolean): Promise<Address[]> => {
  const rows = await reader
    .selectFrom('chats')
    .select('chat')
    .where('instance_id', '=', instanceId)
    .where('favorite', 'is not', null)
    .orderBy('favorite')
    .execute()
  const named = rows.map((row) => row.chat)
  const name = canonicalOf(chat)
  if (favorite && named.includes(name)) return named.map(addressOf)
  const others = named.filter((one) => one !== name).map(addressOf)
  return favorite ? [...others, chat] : others
}

const addressOf = (jid: string): Address => (isLid(jid) ? { jid: null, lid: jid } : { jid, lid: null })
