/** The table `contact_words`: what people and groups are called, by words, so that a chat is found by the beginning of any of them. */
import { wordsOf } from '../runtime/words.ts'
import type { Reader, Writer } from '../storage/database.ts'
import { prepared } from '../storage/prepared.ts'
import type { ContactWordsTable } from '../storage/schema.ts'

/** Of one name. */
const MOST_WORDS = 20

export const nameWords = (names: string): string[] => wordsOf(names, MOST_WORDS)

/** All names of somebody, as they were and as they are. */
export interface NameTexts {
  jid: string
  before: string
  after: string
}

export const storeNameWords = async (tx: Writer, instanceId: string, changes: readonly NameTexts[]): Promise<void> => {
  const added: ContactWordsTable[] = []
  for (const { jid, before, after } of changes) {
    const [former, now] = [new Set(nameWords(before)), new Set(nameWords(after))]
    for (const word of now) if (!former.has(word)) added.push({ instance_id: instanceId, word, jid })
    for (const word of former) if (!now.has(word)) await removeWord(tx, { instance_id: instanceId, word, jid })
  }
  await addWords(tx, {}, added)
}

const addWords = prepared((db, _: object, rows: ContactWordsTable[]) =>
  db
    .insertInto('contact_words')
    .values(rows)
    .onConflict((conflict) => conflict.doNothing()),
)

const removeWord = (tx: Writer, { instance_id, word, jid }: ContactWordsTable) =>
  tx.deleteFrom('contact_words').where('instance_id', '=', instance_id).where('word', '=', word).where('jid', '=', jid).execute()

/** Who is called by a word that begins like this, at most `limit`. */
export const calledLike = async (reader: Reader, instanceId: string, beginning: string, limit: number): Promise<string[]> => {
  const rows = await reader
    .selectFrom('contact_words')
    .select('jid')
    .distinct()
    .where('instance_id', '=', instanceId)
    .where('word', '>=', beginning)
    .where('word', '<', `${beginning}${LAST_CHARACTER}`)
    .limit(limit)
    .execute()
  return rows.map(({ jid }) => jid)
}

/** No word has it, and none sorts behind it. */
const LAST_CHARACTER = '\u{10ffff}'
