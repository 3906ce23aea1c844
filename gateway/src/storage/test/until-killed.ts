/** Child process of the crash tests: holds the data, or writes contacts one after the other and prints each once it is stored. */
import { createLogger } from '../../runtime/logging.ts'
import { holdDataDirectory } from '../data-directory.ts'
import { openDatabase } from '../open.ts'
import { addInstances, contact } from './rows.ts'

const [task, dataDir = '', databaseUrl] = process.argv.slice(2)
const print = (line: string) => process.stdout.write(`${line}\n`)

if (task === 'hold') {
  holdDataDirectory(dataDir)
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
