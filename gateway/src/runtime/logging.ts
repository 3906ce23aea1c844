/** The one logger. Every part receives a child of it; nobody makes its own, and nothing secret passes its redaction. */
import process from 'node:process'
import { type Logger, pino } from 'pino'

export type { Logger }

export type LogLevel = 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent'

const secretKeys = [
  'token',
  'authorization',
  'password',
  'secret',
  'secretKey',
  'accessKey',
  'apiToken',
  'qr',
  'qrCode',
  'pairingCode',
  'cookie',
  'key',
]

/** Keys that name a secret are replaced at the first three levels of a log object. */
export const redactedPaths = secretKeys.flatMap((key) => [key, `*.${key}`, `*.*.${key}`])

export const createLogger = (level: LogLevel): Logger =>
  pino(
    { level, base: null, redact: { paths: redactedPaths, censor: '[secret]' }, timestamp: pino.stdTimeFunctions.isoTime },
    standardOutput,
  )

/** What a reader who is alive and does not read may leave with us, in characters. */
const UNREAD_CHARACTERS = 16 * 1024 * 1024

let dropped = 0

/**
 * Node's own stream, which writes at once as long as somebody reads. pino's may try again for ever when nobody does any more, and hold up
 * everything. What a slow reader leaves waits in memory up to a bound; beyond it lines are dropped, and counted in the next that has room.
 */
const standardOutput = {
  write: (line: string): void => {
    if (process.stdout.writableLength > UNREAD_CHARACTERS) {
      dropped += 1
      return
    }
    if (dropped > 0) process.stdout.write(`{"level":40,"dropped":${dropped},"msg":"lines of the log were dropped: nobody read them"}\n`)
    dropped = 0
    process.stdout.write(line)
  },
}

/** How long a reader of the log may hold up our end. */
const LAST_WORDS_MS = 1_000

/** Ends the process once what was logged and printed has been taken from us; a reader who takes nothing is not waited for. */
export const exitAfterLog = (code: number): void => {
  setTimeout(() => process.exit(code), LAST_WORDS_MS)
  process.stdout.write('', () => process.stderr.write('', () => process.exit(code)))
}
