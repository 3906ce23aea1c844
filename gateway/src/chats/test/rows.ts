/** Stored messages and names, as others store them, for the tests of this folder. */
import type { Insertable } from 'kysely'
import { addAccount, addInstance } from '../../../testing/rows.ts'
import type { Database } from '../../storage/database.ts'
import type { MessagesTable } from '../../storage/schema.ts'
import type { Address } from '../../whatsapp/address.ts'
import { type Noting, noteMessages } from '../chat-table.ts'
import { storeNameWords } from '../name-words.ts'

export const INSTANCE = 'instance-1'
export const ANA = '34600111222@s.whatsapp.net'
export const BEA = '34600333444@s.whatsapp.net'
export const GROUP = '120363000000000001@g.us'

export const addInstances = async (db: Database, ...ids: string[]): Promise<void> => {
  await addAccount(db, 'account-1')
  for (const id of ids) await addInstance(db, id, 'account-1')
}

export interface Said {
  instance?: string
  chat?: string
  at: number
  fromMe?: boolean
  type?: string
  id?: string
  text?: string
  starred?: boolean
}

let last = 0

/** Stores messages and notes them with their chats. Gives their `seq`. */
export const say = (db: Database, said: readonly Said[], how: Noting = 'live'): Promise<number[]> =>
  db.write(async (tx) => {
    const seqs: number[] = []
    for (const one of said) {
      const row = messageRow(one)
      const { seq } = await tx.insertInto('messages').values(row).returning('seq').executeTakeFirstOrThrow()
      seqs.push(seq)
      const { chat, sent_at: sentAt, type } = row
      await noteMessages(tx, row.instance_id, [{ chat, seq, sentAt, fromMe: row.from_me === 1, type }], how)
    }
    return seqs
  })

export const messageRow = ({ instance = INSTANCE, chat = ANA, at, fromMe, type = 'text', id, text = 'hello', starred }: Said) =>
  ({
    instance_id: instance,
    message_id: id ?? `M${++last}`,
    chat,
    sender: fromMe ? 'me' : chat,
    from_me: fromMe ? 1 : 0,
    type,
    content: text,
    source: '',
    status: fromMe ? 'sent' : 'delivered',
    push_name: null,
    refers_to: null,
    edited_content: null,
    revoked: 0,
    media_type: null,
    wire: new Uint8Array(),
    starred: starred ? 1 : 0,
    sent_at: at,
    stored_at: at,
  }) satisfies Insertable<MessagesTable>

export const call = (db: Database, jid: string, name: string): Promise<void> =>
  db.write(async (tx) => {
    await tx.insertInto('contacts').values({ instance_id: INSTANCE, jid, push_name: name, saved_name: null, updated_at: 0 }).execute()
    await storeNameWords(tx, INSTANCE, [{ jid, before: '', after: name }])
  })

export const addressOf = (jid: string): Address => ({ jid, lid: null })
export const nameOf = ({ jid, lid }: Address): string => jid ?? lid ?? ''

/** Every chat there is, by name. */
export const chatsOf = async (db: Database, instance = INSTANCE) => {
  const rows = await db.read.selectFrom('chats').selectAll().where('instance_id', '=', instance).execute()
  return Object.fromEntries(rows.map((row) => [row.chat, row]))
}
