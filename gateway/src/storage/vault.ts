/** Seals what must not be readable in a stolen database file. */
import { createCipheriv, createDecipheriv } from 'node:crypto'
import { randomness } from '../runtime/randomness.ts'
import type { Database } from './database.ts'
import { WrongKeyError } from './errors.ts'
import { loadVaultKeys, type VaultKey } from './vault-key.ts'

export interface SealContext {
  table: string
  column: string
  /** The row's key, e.g. the instance id or `instance/kind/id`. */
  row: string
}

export interface Vault {
  /** AES-256-GCM with a random nonce; table, column and row are bound as associated data. */
  seal(plaintext: Uint8Array | string, context: SealContext): Uint8Array
  /** Throws when the key is unknown or anything was altered. */
  open(sealed: Uint8Array, context: SealContext): Uint8Array
  openText(sealed: Uint8Array, context: SealContext): string
}

export interface OpenVault {
  db: Database
  /** Where `encryption.key` is, or is made on first start. */
  dataDir: string
  /** The setting ENCRYPTION_KEY: see vault-key.ts for its forms. The file's key, if there is one, still opens what it sealed. */
  encryptionKey?: string | undefined
  /** Keys of former times, same forms: they open, they do not seal. */
  previousKeys?: string[]
}

/** Throws `WrongKeyError` when the database holds sealed data that none of the keys opens. */
export async function openVault({ db, dataDir, encryptionKey, previousKeys = [] }: OpenVault): Promise<Vault> {
  const checks = await db.read.selectFrom('vault_checks').selectAll().execute()
  const keys = loadVaultKeys({ dataDir, encryptionKey, previousKeys, mayMakeFile: checks.length === 0 })
  const vault = vaultOf(keys)
  for (const check of checks) {
    if (!opens(vault, check.value, check.key_id)) {
      throw new WrongKeyError(
        'The database is encrypted with another key: set ENCRYPTION_KEY to it, or put its encryption.key back into the data folder',
      )
    }
  }
  const { current } = keys
  if (!checks.some((check) => check.key_id === current.id)) {
    const value = vault.seal(knownText, contextOf(current.id))
    await db.write((tx) => tx.insertInto('vault_checks').values({ key_id: current.id, value }).execute())
  }
  return vault
}

/** Layout of sealed bytes: key id, nonce, ciphertext, tag. */
const keyIdLength = 4
const nonceLength = 12
const tagLength = 16

const vaultOf = ({ current, all }: { current: VaultKey; all: VaultKey[] }): Vault => {
  const keys = new Map(all.map((key) => [key.id, key]))
  const prefix = Buffer.from(current.id, 'hex')

  const open = (sealed: Uint8Array, context: SealContext): Buffer => {
    const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength)
    const nonceEnd = keyIdLength + nonceLength
    if (bytes.length < nonceEnd + tagLength) throw new Error(`Not a sealed value: ${context.table}.${context.column}`)
    const key = keys.get(bytes.toString('hex', 0, keyIdLength))
    if (!key) throw new WrongKeyError(`No key opens ${context.table}.${context.column}`)
    const decipher = createDecipheriv('aes-256-gcm', key.secret, bytes.subarray(keyIdLength, nonceEnd), { authTagLength: tagLength })
    decipher.setAAD(associated(context))
    decipher.setAuthTag(bytes.subarray(-tagLength))
    const plaintext = decipher.update(bytes.subarray(nonceEnd, -tagLength))
    try {
      decipher.final()
    } catch (error) {
      throw new Error(`${context.table}.${context.column} was altered or belongs to another row`, { cause: error })
    }
    return plaintext
  }

  return {
    seal(plaintext, context) {
      const nonce = randomness(nonceLength)
      const cipher = createCipheriv('aes-256-gcm', current.secret, nonce, { authTagLength: tagLength })
      cipher.setAAD(associated(context))
      const ciphertext = typeof plaintext === 'string' ? cipher.update(plaintext, 'utf8') : cipher.update(plaintext)
      cipher.final()
      return plain(Buffer.concat([prefix, nonce, ciphertext, cipher.getAuthTag()]))
    },
    open: (sealed, context) => plain(open(sealed, context)),
    openText: (sealed, context) => open(sealed, context).toString('utf8'),
  }
}

const plain = (bytes: Buffer): Uint8Array => new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)

/** Unambiguous, since neither a table nor a column has a zero byte in its name. */
const associated = ({ table, column, row }: SealContext): Buffer => Buffer.from(`${table}\0${column}\0${row}`)

const knownText = 'The key is right'
const contextOf = (keyId: string): SealContext => ({ table: 'vault_checks', column: 'value', row: keyId })

const opens = (vault: Vault, value: Uint8Array, keyId: string): boolean => {
  try {
    return vault.openText(value, contextOf(keyId)) === knownText
  } catch {
    return false
  }
}
