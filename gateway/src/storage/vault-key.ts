/**
 * The vault's keys. A key is written as 32 random bytes in base64 or hex (`openssl rand -base64 32`), or as a passphrase of at least 16
 * characters, which is stretched with scrypt. Without a setting it is in `encryption.key` in the data folder, made on first start.
 */
import { createSecretKey, hkdfSync, type KeyObject, randomBytes, scryptSync } from 'node:crypto'
import { chmodSync, closeSync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { StoreUnavailableError, WrongKeyError } from './errors.ts'

export interface VaultKey {
  /** Eight hex digits that tell keys apart and say nothing about them. */
  id: string
  secret: KeyObject
}

export interface LoadVaultKeys {
  dataDir: string
  encryptionKey?: string | undefined
  previousKeys: string[]
  /** False when sealed data exists already: a new key could not open it. */
  mayMakeFile: boolean
}

/** `current` seals; `all` open. Throws `WrongKeyError` when there is no usable key. */
export function loadVaultKeys({ dataDir, encryptionKey, previousKeys, mayMakeFile }: LoadVaultKeys): {
  current: VaultKey
  all: VaultKey[]
} {
  const path = join(dataDir, 'encryption.key')
  const fromFile = readKeyFile(path)
  const current = encryptionKey
    ? parseVaultKey(encryptionKey, 'ENCRYPTION_KEY')
    : (fromFile ?? (mayMakeFile ? makeKeyFile(path) : undefined))
  if (!current) throw new WrongKeyError(`The database is encrypted, but ENCRYPTION_KEY is not set and ${path} does not exist`)
  const previous = previousKeys.map((text) => parseVaultKey(text, 'A previous encryption key'))
  return { current, all: fromFile ? [current, fromFile, ...previous] : [current, ...previous] }
}

/** Characters. */
const minPassphrase = 16

/** `source` names where the text is from; the text itself never appears in an error. */
export function parseVaultKey(text: string, source: string): VaultKey {
  const trimmed = text.trim()
  if (/^[0-9a-f]{64}$/i.test(trimmed)) return keyOf(Buffer.from(trimmed, 'hex'))
  if (/^[A-Za-z0-9+/_-]{43}=?$/.test(trimmed)) return keyOf(Buffer.from(trimmed, 'base64'))
  if (trimmed.length < minPassphrase) {
    throw new WrongKeyError(`${source} must be 32 bytes in base64 or hex, or a passphrase of at least ${minPassphrase} characters`)
  }
  // The salt cannot be random: the same passphrase must give the same key on a new machine. Random keys need no stretching.
  return keyOf(scryptSync(trimmed, 'ryzeapi vault passphrase', 32, { N: 2 ** 15, r: 8, p: 1, maxmem: 64 * 1024 * 1024 }))
}

const keyOf = (master: Uint8Array): VaultKey => ({
  id: Buffer.from(hkdfSync('sha256', master, '', 'ryzeapi vault key id', 4)).toString('hex'),
  secret: createSecretKey(Buffer.from(hkdfSync('sha256', master, '', 'ryzeapi vault seal', 32))),
})

const readKeyFile = (path: string): VaultKey | undefined => {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
    chmodSync(path, 0o600)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw new StoreUnavailableError(`${path} cannot be read`, { cause: error })
  }
  return parseVaultKey(text, path)
}

/** On disk before anything is sealed with it. */
const makeKeyFile = (path: string): VaultKey => {
  const text = randomBytes(32).toString('base64')
  const file = openSync(path, 'wx', 0o600)
  try {
    writeSync(file, `${text}\n`)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
  return parseVaultKey(text, path)
}
