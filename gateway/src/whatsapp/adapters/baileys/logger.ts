/**
 * What Baileys logs, as far as it may be kept. At info and debug it writes QR material, handshake payloads and whole stanzas (engine.md §2.3),
 * so only warnings and errors pass, and of those only the sentence and an error's message, never the object.
 */
import type { ILogger } from 'baileys/lib/Utils/logger.js'
import type { Logger } from '../../../runtime/logging.ts'
import { LogLimit } from './log-limit.ts'

/** Baileys' complaints are about one stanza or one try; they matter when looking for a fault, not to an operator. Strangers can cause many. */
export const bridgeLogger = (logger: Logger, limit = new LogLimit({ perSubject: 3, inAll: 20 })): ILogger => {
  const bridge: ILogger = {
    // Read by Baileys before it builds expensive text for `trace`.
    level: 'warn',
    child: () => bridge,
    trace: nothing,
    debug: nothing,
    info: nothing,
    warn: (object, message) => logger.debug(messageOf(object, message)),
    error(object, message) {
      const admitted = limit.admit(sentenceOf(object, message))
      if (admitted !== null) logger.warn(admitted.leftOut > 0 ? admitted : {}, messageOf(object, message))
    },
  }
  return bridge
}

const nothing = (): void => {}

const messageOf = (object: unknown, message: string | undefined): string => {
  const sentence = sentenceOf(object, message)
  const cause = errorIn(object)
  return cause === null ? sentence : `${sentence}: ${cause}`
}

const sentenceOf = (object: unknown, message: string | undefined): string =>
  message ?? (typeof object === 'string' ? object : 'whatsapp library')

const errorIn = (object: unknown): string | null => {
  if (object instanceof Error) return object.message
  if (typeof object !== 'object' || object === null) return null
  for (const value of [Reflect.get(object, 'error'), Reflect.get(object, 'err'), Reflect.get(object, 'e')]) {
    if (value instanceof Error) return value.message
  }
  return null
}
