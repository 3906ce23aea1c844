/**
 * Messages that have been handed over and that WhatsApp has not answered for. When the connection that carried one breaks, nobody knows whether
 * it arrived: it is handed over again on the next one, under the id it has, and whoever has got it already shows it once. This is in memory
 * alone: what a crash leaves counts as failed, and an event says so (`unanswered.ts`).
 */
import type { Clock } from '../runtime/clock.ts'
import type { Logger } from '../runtime/logging.ts'
import type { EngineEvent } from '../whatsapp/engine.ts'
import { UNANSWERED_MS } from './unanswered.ts'

export interface Unconfirmed {
  /**
   * Hands a message over for the first time, by `hand`, and gives what it gives. `again` hands it over once more, in its chat's turn; it is
   * called each time the instance is connected anew, until WhatsApp has answered or the message counts as failed.
   */
  handOver<T>(instanceId: string, messageId: string, hand: () => Promise<T>, again: () => Promise<unknown>): Promise<T>
  /** To be told of everything that WhatsApp tells. */
  heed(instanceId: string, event: EngineEvent): void
  forget(instanceId: string): void
}

interface Message {
  again(): Promise<unknown>
  since: number
  /** Once it has been written to a connection. Before that whoever sends it hears what becomes of it. */
  left: boolean
}

/** More than may wait for their turn; the oldest are let go, and count as failed when nothing more is heard of them. */
const MOST_PER_INSTANCE = 2_000

export const createUnconfirmed = ({ clock, logger }: { clock: Clock; logger: Logger }): Unconfirmed => {
  const instances = new Map<string, Map<string, Message>>()

  const drop = (instanceId: string, messageId: string): void => {
    const messages = instances.get(instanceId)
    messages?.delete(messageId)
    if (messages?.size === 0) instances.delete(instanceId)
  }

  const handOverAgain = (instanceId: string): void => {
    for (const [messageId, message] of [...(instances.get(instanceId) ?? [])]) {
      if (!message.left) continue
      if (clock.now() - message.since >= UNANSWERED_MS) {
        drop(instanceId, messageId)
        continue
      }
      logger.info({ instance: instanceId, message: messageId }, 'A message the last connection may have lost is handed over again')
      // Each waits for its chat alone; one that cannot leave now may with the next connection.
      message.again().catch((error: unknown) => {
        logger.info({ instance: instanceId, message: messageId, err: error }, 'A message could not be handed over again')
      })
    }
  }

  return {
    async handOver(instanceId, messageId, hand, again) {
      const messages = instances.get(instanceId) ?? new Map<string, Message>()
      instances.set(instanceId, messages)
      const message: Message = { again, since: clock.now(), left: false }
      messages.set(messageId, message)
      for (const oldest of messages.keys()) {
        if (messages.size <= MOST_PER_INSTANCE) break
        messages.delete(oldest)
      }
      try {
        const handed = await hand()
        message.left = true
        return handed
      } catch (error) {
        drop(instanceId, messageId)
        throw error
      }
    },
    heed(instanceId, event) {
      if (event.type === 'server-ack') drop(instanceId, event.id)
      else if (event.type === 'receipt') for (const id of event.ids) drop(instanceId, id)
      else if (event.type === 'open') handOverAgain(instanceId)
    },
    forget: (instanceId) => void instances.delete(instanceId),
  }
}
