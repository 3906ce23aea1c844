/**
 * Sees what goes in and out of the gateways of one story file, and says at the end of each gateway whether a secret got out: into its
 * log, into an error answer, into an event. `startGateway` and the clients of the toolkit report here by themselves.
 */
import { readFile } from 'node:fs/promises'
import { openStoredData, type StoredData } from './databases.ts'
import type { Json } from './json.ts'
import { createSecretBook, withoutDocumentedSecrets } from './secrets.ts'
import { createUnseal } from './vault.ts'

let book = createSecretBook()
/** Only what is new: the same refusals and events come again and again. */
const errors = new Set<string>()
const events = new Set<string>()

/** Characters. Media in an event is long and holds nothing of ours. */
const longestKept = 32 * 1024
const mostKept = 5_000

const keep = (where: Set<string>, text: string): void => {
  if (where.size < mostKept) where.add(text.slice(0, longestKept))
}

export const witness = {
  /** What one file of stories says is no secret in the next. */
  forget(): void {
    book = createSecretBook()
    errors.clear()
    events.clear()
  },
  learn: (secret: string): void => book.learn(secret),
  knows: (): number => book.size,
  request(token: string | undefined, body: Json | undefined): void {
    if (token !== undefined) book.learn(token)
    book.learnFields(body)
    book.learnTexts(body)
  },
  answer(status: number, body: Json): void {
    if (status >= 400) keep(errors, JSON.stringify(body))
    else book.learnFields(body)
  },
  event(body: Json): void {
    keep(events, JSON.stringify(withoutDocumentedSecrets(body)))
  },
}

export interface Store {
  dataDir: string
  databaseUrl: string | undefined
  /** ENCRYPTION_KEY in every form it had. */
  encryptionKeys: readonly string[]
}

/** Learns what the gateway sealed: tokens, credentials, Signal keys, webhook URLs and secrets, proxies, S3; and what people wrote. */
export const learnStored = async ({ dataDir, databaseUrl, encryptionKeys }: Store): Promise<void> => {
  const unseal = await createUnseal(dataDir, encryptionKeys)
  // Stories about broken stores leave a broken store.
  const data = await openStoredData(dataDir, databaseUrl).catch(() => null)
  if (data === null) return
  try {
    await learnRows(data, unseal)
  } catch {
    // As above: what cannot be read by us cannot be read.
  } finally {
    await data.close()
  }
}

/** What got out that should not have, into this file with everything the gateway wrote or elsewhere, as lines for people. */
export const leaksIn = async (transcript: string): Promise<string[]> => {
  // A token nobody was given yet is printed once, at the first start.
  const log = (await readFile(transcript, 'utf8').catch(() => '')).replace(/Its TokenAccount is shown this once:\s+\S+/g, '')
  return [
    ...book.find(log).map((found) => `in the log: ${found}`),
    ...[...errors].flatMap((error) => book.find(error)).map((found) => `in an error answer: ${found}`),
    ...[...events].flatMap((event) => book.find(event, ['secret'])).map((found) => `in an event: ${found}`),
  ]
}

const learnRows = async (data: StoredData, unseal: (bytes: Uint8Array) => Buffer | null): Promise<void> => {
  for (const table of await data.tables()) {
    for (const row of await data.query(`select * from "${table}"`)) {
      for (const [column, value] of Object.entries(row)) {
        if (value instanceof Uint8Array) {
          const plaintext = table === 'vault_checks' ? null : unseal(value)
          if (plaintext !== null) learnPlaintext(column, plaintext)
        } else if (table === 'messages' && column === 'content') book.learn(String(value), 'text')
      }
    }
  }
}

/** A webhook's URL is no secret, its query is. A plain message of the inbox is what somebody wrote. */
const learnPlaintext = (column: string, plaintext: Buffer): void => {
  if (column === 'url') book.learn(URL.parse(plaintext.toString())?.search.slice(1) ?? '')
  else if (column !== 'plaintext') book.learnSealed(plaintext)
}
