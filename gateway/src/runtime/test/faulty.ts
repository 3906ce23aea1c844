/**
 * A program with a fault, for faults.test.ts: `dropped` loses a promise, `thrown` an exception, `flood` logs more than may wait for a reader,
 * `none` nothing. It counts on afterwards, and ends by itself.
 */
import process from 'node:process'
import { surviveFaults } from '../faults.ts'
import { createLogger } from '../logging.ts'

const logger = createLogger('info')
surviveFaults(logger)

const fail = () => {
  throw new Error('on purpose')
}

/** More than a pipe holds: what stands before the end must not be lost with it. */
const lines = process.argv[2] === 'flood' ? 150_000 : 2_000
for (let line = 1; line <= lines; line += 1) logger.info({ line, padding: 'x'.repeat(100) }, 'before')
if (process.argv[2] === 'dropped') {
  void Promise.reject(new Error('on purpose'))
  void (async () => fail())()
  // Not an error at all, as libraries do it.
  void Promise.reject(undefined)
} else if (process.argv[2] === 'thrown') setTimeout(fail, 1)
process.stdout.write('{"level":30,"msg":"printed"}\n')
const goOn = () => logger.info('after')
// There is room again when all that waited has been read.
if (process.argv[2] === 'flood') process.stdout.once('drain', goOn)
else setTimeout(goOn, 50)
