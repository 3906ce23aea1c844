/** Child process of the crash tests: holds the data, or writes contacts one after the other and prints each once it is stored. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { createLogger } from '../../runtime/logging.ts'
import { holdDataDirectory } from '../data-directory.ts'
import { openDatabase } from '../open.ts'
import { addInstances, contact } from './rows.ts'

const [task, dataDir = '', databaseUrl] = process.argv.slice(2)
const print = (line: string) => process.stdout.write(`${line}\n`)

if (task === 'hold') {
  holdDataDirectory(dataDir)
  // A lock must not hang on somebody keeping what was returned.
  globalThis.gc?.()
  await nextTurn()
  print('held')
  setInterval(() => {}, 1_000)
}

if (task === 'write') {
  const db = await openDatabase({ dataDir, databaseUrl, logger: createLogger('silent') })
  await addInstances(db, 'phone')
  const writeOn = async (lane: string) => {
    for (let index = 0; ; index += 1) {
      const jid = `${lane}-${index}`
      await db.write((tx) => tx.insertInto('contacts').values(contact('phone', jid)).execute())
      print(jid)
    }
  }
  await Promise.all(['a', 'b', 'c', 'd'].map(writeOn))
}
