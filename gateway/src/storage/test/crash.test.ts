import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { expect, it, onTestFinished } from 'vitest'
import { forEachDatabase } from '../../../testing/databases.ts'
import { createLogger } from '../../runtime/logging.ts'
import { holdDataDirectory } from '../data-directory.ts'
import { DataInUseError, StoreUnavailableError } from '../errors.ts'
import { openDatabase } from '../open.ts'

const logger = createLogger('silent')
const program = fileURLToPath(new URL('./until-killed.ts', import.meta.url))

/** Runs the child until it has printed `lines` lines, kills it with SIGKILL and returns all it printed. */
async function printedUntilKilled(lines: number, ...args: string[]): Promise<string[]> {
  const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  const exited = once(child, 'exit')
  const printed: string[] = []
  for await (const line of createInterface(child.stdout)) {
    printed.push(line)
    if (printed.length === lines) child.kill('SIGKILL')
  }
  expect(await exited).toEqual([null, 'SIGKILL'])
  return printed
}

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'ryzeapi-test-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

forEachDatabase((_name, open) => {
  it('what a killed process was told is stored, is stored', async () => {
    const { db, place } = await open({ own: true })
    await db.close()
    const printed = await printedUntilKilled(200, 'write', place.dataDir, ...(place.databaseUrl ? [place.databaseUrl] : []))
    const again = await openDatabase({ ...place, logger })
    onTestFinished(() => again.close())
    const stored = new Set((await again.read.selectFrom('contacts').select('jid').execute()).map((row) => row.jid))
    expect(printed.filter((jid) => !stored.has(jid))).toEqual([])
  })
})

it('a data folder has one gateway at a time, and is free when that one was killed', async () => {
  const folder = await temporaryFolder()
  const child = spawn(process.execPath, ['--expose-gc', program, 'hold', folder], { stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  await once(child.stdout, 'data')
  expect(() => holdDataDirectory(folder)).toThrow(DataInUseError)
  expect(() => holdDataDirectory(folder)).toThrow(/^The data folder [^\n]+ is in use by another gateway[^\n]*$/)
  child.kill('SIGKILL')
  await once(child, 'exit')
  const held = holdDataDirectory(folder)
  expect(() => holdDataDirectory(folder)).toThrow(DataInUseError)
  held.release()
  holdDataDirectory(folder).release()
})

it('a data folder that cannot be used is named in one line', async () => {
  const file = join(await temporaryFolder(), 'file')
  await writeFile(file, 'x')
  expect(() => holdDataDirectory(file)).toThrow(StoreUnavailableError)
  expect(() => holdDataDirectory(join(file, 'below'))).toThrow(/^The data folder [^\n]+ cannot be made: [^\n]+$/)
  const dataDir = await temporaryFolder()
  await writeFile(join(dataDir, 'gateway.sqlite'), 'This is no database'.repeat(100))
  await expect(openDatabase({ dataDir, logger })).rejects.toThrow(/^The database file [^\n]+ cannot be opened: file is not a database$/)
})
