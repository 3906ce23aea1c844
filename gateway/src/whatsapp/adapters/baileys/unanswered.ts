/**
 * Questions of the library that WhatsApp does not answer. Baileys then goes on with `undefined`, as if the answer were that there is nothing: nobody
 * has a device, a story has nobody to go to, prekeys count as uploaded. They are answered here, with an error, before Baileys gives up.
 */
import type { EventEmitter } from 'node:events'
import type { BinaryNode } from 'baileys'

/** Less than the library waits (`defaultQueryTimeoutMs`), more than we do where we ask ourselves. */
const SILENT_AFTER_MS = 25_000

/** What whoever asked then has as WhatsApp's code. */
export const UNANSWERED = 408

/** Baileys listens for the answer under the id of the question; that is how one is seen. */
const ANSWER = 'TAG:'

export const answerUnanswered = (ws: EventEmitter, afterMs = SILENT_AFTER_MS): void => {
  const open = new Map<string | symbol, NodeJS.Timeout>()
  const settled = (event: string | symbol): void => {
    clearTimeout(open.get(event))
    open.delete(event)
  }
  ws.on('newListener', (event: string | symbol) => {
    if (typeof event !== 'string' || !event.startsWith(ANSWER)) return
    settled(event)
    open.set(
      event,
      setTimeout(() => ws.emit(event, noAnswer(event.slice(ANSWER.length))), afterMs),
    )
  })
  ws.on('removeListener', settled)
}

const noAnswer = (id: string): BinaryNode => ({
  tag: 'iq',
  attrs: { id, type: 'error' },
  content: [{ tag: 'error', attrs: { code: String(UNANSWERED), text: 'WhatsApp did not answer' } }],
})
