/** What becomes of the process when something failed where nobody listens. */
import process from 'node:process'
import { exitAfterLog, type Logger } from './logging.ts'

/**
 * An exception nobody caught leaves unknown state behind: the process ends, and what is in the database is taken up at the next start. A
 * promise nobody looked at does not: Baileys has listeners whose promises it drops, and a stanza that trips one of them, which any
 * stranger can send, must not take every tenant down. Nor does whoever read the log and went away.
 */
export const surviveFaults = (logger: Logger): void => {
  process.on('uncaughtException', (error) => {
    logger.fatal({ err: error }, 'uncaughtException')
    // At once where the log has been read so far, as it nearly always has.
    exitAfterLog(1)
  })
  process.on('unhandledRejection', (error) => logger.error({ err: error }, 'unhandledRejection'))
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {})
}
