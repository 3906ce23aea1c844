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

/** Node's own stream, which writes at once as pino's does. When nobody reads any more, pino's may try again for ever and hold up everything. */
const standardOutput = { write: (line: string): void => void process.stdout.write(line) }
