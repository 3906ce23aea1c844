/**
 * Which version of WhatsApp Web we say we are. Each release of the library knows that of its day, and some months later WhatsApp refuses it
 * (`<failure reason="405"/>`); which one is the present one, WhatsApp Web's own service worker says.
 */
import type { Logger } from '../../../runtime/logging.ts'

export type Version = [number, number, number]

export interface ClientVersion {
  readonly current: Version
  /** WhatsApp has refused this one. True: there is another one now, `current`. Never rejects. */
  renew(refused: Version): Promise<boolean>
}

export interface ClientVersionOptions {
  first: Version
  /** What WhatsApp Web serves at `/sw.js`; null: nobody is to be asked. */
  serviceWorker: (() => Promise<string>) | null
  logger: Logger
}

/** Many instances are refused at once, and may be again: once WhatsApp Web has answered, it is asked this often at most. */
const PAUSE_MS = 10 * 60 * 1000

export const createClientVersion = ({ first, serviceWorker, logger }: ClientVersionOptions): ClientVersion => {
  let current = first
  let askedAt = Number.NEGATIVE_INFINITY
  let asking: Promise<void> | null = null

  const ask = async (read: () => Promise<string>): Promise<void> => {
    askedAt = performance.now()
    try {
      const found = versionIn(await read())
      if (found === null) logger.warn('WhatsApp Web does not say which version it is')
      else {
        if (String(found) !== String(current))
          logger.warn({ refused: current, version: found }, 'WhatsApp wants a newer client; this one it will get')
        current = found
      }
    } catch (error) {
      askedAt = Number.NEGATIVE_INFINITY
      logger.warn({ err: error }, 'WhatsApp wants a newer client, and WhatsApp Web cannot be asked for its version')
    }
    asking = null
  }

  return {
    get current() {
      return current
    },
    async renew(refused) {
      if (serviceWorker !== null && String(refused) === String(current)) {
        if (asking === null && performance.now() - askedAt >= PAUSE_MS) asking = ask(serviceWorker)
        await asking
      }
      return String(refused) !== String(current)
    },
  }
}

/** `2.3000.<client revision>`. Null: it is not in there. */
export const versionIn = (serviceWorker: string): Version | null => {
  const revision = /\\?"client_revision\\?":\s*(\d+)/.exec(serviceWorker)?.[1]
  return revision === undefined ? null : [2, 3000, Number(revision)]
}
