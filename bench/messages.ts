/** An instance with any number of stored messages, written as the gateway writes them. */
import { indexPortion } from '../gateway/src/chats/search/indexer.ts'
import { insertMessages, type NewMessage } from '../gateway/src/messages/message-repository.ts'
import { noteStored } from '../gateway/src/messages/noting.ts'
import type { Database } from '../gateway/src/storage/database.ts'
import { addAccount, addInstance } from '../gateway/testing/rows.ts'

export const INSTANCE = '01BENCHINSTANCE00000000000'
/** Has half of all messages. */
export const BUSY_CHAT = '34600000000@s.whatsapp.net'

const START = 1_700_000_000_000
const TOGETHER = 2_000
/** The others, one chat to each. */
const MESSAGES_OF_A_CHAT = 25
/** In how many messages the rare word is, whatever their number. */
const NEEDLES = 20

/** `common` is in every fifth message, `needle` in twenty of them, and ten words in each. */
export const fillMessages = async (db: Database, count: number): Promise<void> => {
  await addAccount(db, 'bench')
  await addInstance(db, INSTANCE, 'bench')
  for (let start = 0; start < count; start += TOGETHER) {
    const rows = Array.from({ length: TOGETHER }, (_, index) => messageNumber(start + index, count))
    await db.write(async (tx) => noteStored(tx, INSTANCE, rows, await insertMessages(tx, rows), 'live'))
  }
}

export const indexMessages = async (db: Database): Promise<void> => {
  while ((await indexPortion(db)) > 0);
}

const messageNumber = (n: number, count: number): NewMessage => {
  const chat = n % 2 === 0 ? BUSY_CHAT : `${34_600_000_001 + (Math.floor(n / 2) % (count / 2 / MESSAGES_OF_A_CHAT))}@s.whatsapp.net`
  const words = Array.from({ length: 8 }, (_, index) => wordNumber(n, index))
  const marked = [...words, n % 5 === 0 ? 'common' : 'seldom', n % (count / NEEDLES) === 0 ? 'needle' : 'hay']
  return {
    instance_id: INSTANCE,
    message_id: `3EB0${n.toString(16).toUpperCase().padStart(16, '0')}`,
    chat,
    sender: chat,
    from_me: 0,
    type: 'text',
    content: marked.join(' '),
    source: '',
    status: 'delivered',
    push_name: null,
    refers_to: null,
    edited_content: null,
    revoked: 0,
    media_type: null,
    wire: new Uint8Array(80),
    starred: 0,
    sent_at: START + n * 7_000,
    stored_at: START + n * 7_000,
    from_history: 0,
  }
}

const syllables = ['ba', 'ce', 'di', 'fo', 'gu', 'la', 'me', 'ni', 'po', 'ru', 'sa', 'te', 'vi', 'zo']

/** Of a language of 40,000 words, the first of which are frequent. */
const wordNumber = (n: number, index: number): string => {
  const mixed = Math.imul(n * 31 + index * 7919 + 1, 2654435761) >>> 0
  let left = Math.floor(40_000 ** (mixed / 2 ** 32))
  let word = ''
  for (; left > 0; left = Math.floor(left / syllables.length)) word += syllables[left % syllables.length]
  return word
}
