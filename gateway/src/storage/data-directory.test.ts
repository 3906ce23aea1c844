/** What lies in DATA_DIR is readable by nobody else, whatever was there before. */
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { createLogger } from '../runtime/logging.ts'
import { holdDataDirectory } from './data-directory.ts'
import { openDatabase } from './open.ts'
import { openVault } from './vault.ts'

const logger = createLogger('silent')

const temporaryFolder = (): string => {
  const folder = mkdtempSync(join(tmpdir(), 'ryzeapi-private-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

const modeOf = (path: string): string => (statSync(path).mode & 0o777).toString(8)

/** Opens everything the gateway opens there; gives the modes and closes. */
const modesIn = async (dataDir: string): Promise<Record<string, string>> => {
  const held = holdDataDirectory(dataDir)
  const db = await openDatabase({ dataDir, logger })
  await openVault({ db, dataDir })
  const modes = Object.fromEntries(readdirSync(dataDir).map((name) => [name, modeOf(join(dataDir, name))]))
  await db.close()
  held.release()
  return modes
}

const allPrivate = {
  'encryption.key': '600',
  'gateway.sqlite': '600',
  'gateway.sqlite-shm': '600',
  'gateway.sqlite-wal': '600',
  lock: '600',
}

it.each(['022', '000', '077'])('a new folder, made under umask %s', async (umask) => {
  const parent = temporaryFolder()
  const before = process.umask(Number.parseInt(umask, 8))
  onTestFinished(() => void process.umask(before))
  const dataDir = join(parent, 'new')
  expect(await modesIn(dataDir)).toEqual(allPrivate)
  expect(modeOf(dataDir)).toBe('700')
})

it('a folder and files that were open to everybody', async () => {
  const dataDir = join(temporaryFolder(), 'old')
  await modesIn(dataDir)
  // As a killed gateway leaves them.
  for (const journal of ['gateway.sqlite-wal', 'gateway.sqlite-shm']) writeFileSync(join(dataDir, journal), '')
  for (const name of readdirSync(dataDir)) chmodSync(join(dataDir, name), 0o666)
  mkdirSync(join(dataDir, 'media'))
  for (const folder of [dataDir, join(dataDir, 'media')]) chmodSync(folder, 0o777)
  expect(await modesIn(dataDir)).toEqual({ ...allPrivate, media: '700' })
  expect(modeOf(dataDir)).toBe('700')
})

it('a folder that others use too is left open; our files in it are not', async () => {
  const shared = join(temporaryFolder(), 'shared')
  mkdirSync(shared)
  writeFileSync(join(shared, 'somebody.txt'), 'x')
  chmodSync(join(shared, 'somebody.txt'), 0o644)
  chmodSync(shared, 0o755)
  expect(await modesIn(shared)).toEqual({ ...allPrivate, 'somebody.txt': '644' })
  expect(modeOf(shared)).toBe('755')
})
