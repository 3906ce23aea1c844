import { randomBytes } from 'node:crypto'
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { forEachDatabase, testEncryptionKey } from '../../testing/databases.ts'
import { WrongKeyError } from './errors.ts'
import { openVault } from './vault.ts'
import { parseVaultKey } from './vault-key.ts'

const place = { table: 'webhooks', column: 'url', row: 'hook-1' }
const key = () => randomBytes(32).toString('base64')

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'ryzeapi-test-'))
  onTestFinished(() => rm(path, { recursive: true, force: true }))
  return path
}

forEachDatabase((_name, open) => {
  it('opens what it sealed, after a restart too', async () => {
    const { db, vault, place: at } = await open()
    const again = await openVault({ db, dataDir: at.dataDir, encryptionKey: testEncryptionKey })
    expect(again.openText(vault.seal('https://example.com/?key=ä', place), place)).toBe('https://example.com/?key=ä')
    const bytes = randomBytes(1_000)
    expect(Buffer.from(again.open(vault.seal(bytes, place), place)).equals(bytes)).toBe(true)
    expect(again.open(vault.seal(new Uint8Array(), place), place)).toHaveLength(0)
  })

  it('refuses to start with another key', async () => {
    const { db, place: at } = await open()
    const opening = openVault({ db, dataDir: at.dataDir, encryptionKey: key() })
    await expect(opening).rejects.toThrow(WrongKeyError)
    await expect(opening).rejects.toThrow(/^The database is encrypted with another key[^\n]*$/)
  })

  it('refuses to start without its key, and makes no new one', async () => {
    const { db, place: at } = await open()
    await expect(openVault({ db, dataDir: at.dataDir })).rejects.toThrow(WrongKeyError)
    await expect(stat(join(at.dataDir, 'encryption.key'))).rejects.toThrow('ENOENT')
  })

  it('seals with a new key while the old one still opens', async () => {
    const { db, vault, place: at } = await open()
    const old = vault.seal('old', place)
    const encryptionKey = key()
    const changed = await openVault({ db, dataDir: at.dataDir, encryptionKey, previousKeys: [testEncryptionKey] })
    expect(changed.openText(old, place)).toBe('old')
    const fresh = changed.seal('new', place)
    expect(() => vault.open(fresh, place)).toThrow(WrongKeyError)
    await expect(openVault({ db, dataDir: at.dataDir, encryptionKey: testEncryptionKey })).rejects.toThrow(WrongKeyError)
    await openVault({ db, dataDir: at.dataDir, encryptionKey, previousKeys: [testEncryptionKey] })
  })

  it('notices every altered bit, and a value moved to another place', async () => {
    const { vault } = await open()
    const sealed = vault.seal('secret', place)
    for (let index = 0; index < sealed.length; index += 1) {
      const altered = Uint8Array.from(sealed, (byte, at) => (at === index ? byte ^ 1 : byte))
      expect(() => vault.open(altered, place)).toThrow()
    }
    for (let length = 0; length < sealed.length; length += 1) expect(() => vault.open(sealed.subarray(0, length), place)).toThrow()
    expect(() => vault.open(sealed, { ...place, table: 'instances' })).toThrow()
    expect(() => vault.open(sealed, { ...place, column: 'authorization' })).toThrow()
    expect(() => vault.open(sealed, { ...place, row: 'hook-2' })).toThrow('webhooks.url was altered')
  })

  it('never seals the same way twice, and shows nothing of the text', async () => {
    const { vault } = await open()
    const sealed = Array.from({ length: 100 }, () => Buffer.from(vault.seal('secret', place)))
    expect(new Set(sealed.map((bytes) => bytes.toString('hex'))).size).toBe(100)
    expect(sealed.some((bytes) => bytes.includes('secret'))).toBe(false)
  })
})

it('the key file is made once, private, and kept', async () => {
  const dataDir = await folder()
  const { openDatabase } = await import('./open.ts')
  const { createLogger } = await import('../runtime/logging.ts')
  const db = await openDatabase({ dataDir, logger: createLogger('silent') })
  onTestFinished(() => db.close())
  const first = await openVault({ db, dataDir })
  const path = join(dataDir, 'encryption.key')
  const text = await readFile(path, 'utf8')
  expect((await stat(path)).mode & 0o777).toBe(0o600)
  await chmod(path, 0o644)
  const second = await openVault({ db, dataDir })
  expect((await stat(path)).mode & 0o777).toBe(0o600)
  expect(second.openText(first.seal('x', place), place)).toBe('x')
  expect(await readFile(path, 'utf8')).toBe(text)
  // Moving the key into the setting, or to another one: the file's key still opens.
  const moved = await openVault({ db, dataDir, encryptionKey: key() })
  expect(moved.openText(first.seal('x', place), place)).toBe('x')
  await writeFile(path, 'rubbish')
  await expect(openVault({ db, dataDir })).rejects.toThrow(/encryption\.key must be 32 bytes/)
})

it('a key may be written in hex, base64 or as a passphrase', () => {
  const bytes = Buffer.alloc(32, 200)
  const id = parseVaultKey(bytes.toString('hex'), 'K').id
  expect(parseVaultKey(bytes.toString('base64'), 'K').id).toBe(id)
  expect(parseVaultKey(bytes.toString('base64url'), 'K').id).toBe(id)
  expect(parseVaultKey(` ${bytes.toString('hex').toUpperCase()}\n`, 'K').id).toBe(id)
  const phrase = parseVaultKey('correct horse battery staple', 'K').id
  expect(parseVaultKey('correct horse battery staple', 'K').id).toBe(phrase)
  expect(phrase).not.toBe(id)
  expect(() => parseVaultKey('too short', 'ENCRYPTION_KEY')).toThrow(/^ENCRYPTION_KEY must be 32 bytes in base64 or hex, or a passphrase/)
  expect(() => parseVaultKey('too short', 'ENCRYPTION_KEY')).not.toThrow(/too short/)
})
