/** `POST /api/chat/presence` (chat-profile-calls.md §17): "typing…" and "recording…", as long as was asked for. */
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { ApiError } from '../http/errors.ts'
import { instanceOperation, type Operation } from '../http/operation.ts'
import { canonicalOf } from '../whatsapp/address.ts'
import type { ChatCollaborators } from './collaborators.ts'
import { asked, chatErrors, numberField, route } from './route.ts'

const LONGEST_S = 60
const states = { typing: 'composing', recording: 'recording', pause: 'paused', paused: 'paused' } as const
type Wanted = keyof typeof states

const missing = "State is required. Use 'typing', 'recording', or 'pause'"
const invalid = "Invalid state. Use 'typing', 'recording', or 'pause'"

export const presenceOperation = ({ session, messages, logger }: ChatCollaborators): Operation => {
  /** By instance and chat, what takes its state back: whoever shows another one before that does not want it taken back. */
  const pauses = new Map<string, AbortController>()

  return instanceOperation({
    ...route,
    id: 'chat.presence',
    needs: ['chat-state'],
    method: 'POST',
    once: false,
    path: '/api/chat/presence/:instance',
    summary: 'Show that something is being typed or recorded',
    description: 'WhatsApp drops it after some seconds by itself; with `duration` it is taken back when they are over.',
    body: z.object({
      number: numberField,
      state: z.string().nullish().meta({ example: 'typing', description: '`typing`, `recording` or `pause`. Required' }),
      duration: z
        .int()
        .min(0)
        .nullish()
        .meta({ example: 5, description: `Seconds; more than ${LONGEST_S} counts as ${LONGEST_S}` }),
    }),
    answers: {
      200: z.object({ success: z.literal(true), message: z.string(), state: z.string(), duration: z.number().int().optional() }),
    },
    errors: [...chatErrors, { status: 400, message: missing }, { status: 400, message: invalid }],
    async handle({ scope: { instance }, body }) {
      const wanted = body.state?.trim().toLowerCase()
      if (!wanted) throw new ApiError(400, missing)
      if (!isState(wanted)) throw new ApiError(400, invalid)
      const chat = await messages.chatOf(instance.id, body.number)
      const show = (state: Wanted) => session(instance.id).setChatState(chat, states[state])
      const shownIn = `${instance.id} ${canonicalOf(chat)}`
      pauses.get(shownIn)?.abort()
      pauses.delete(shownIn)
      await asked(() => show(wanted))
      const duration = states[wanted] === 'paused' ? 0 : Math.min(body.duration ?? 0, LONGEST_S)
      if (duration > 0) {
        pauses.get(shownIn)?.abort()
        const pause = new AbortController()
        pauses.set(shownIn, pause)
        // Nobody waits for it; a process that ends meanwhile leaves it to WhatsApp.
        void sleep(duration * 1000, undefined, { ref: false, signal: pause.signal })
          .then(async () => {
            pauses.delete(shownIn)
            await show('paused')
          })
          .catch((error: unknown) => {
            if (pause.signal.aborted) return
            logger.debug({ instance: instance.id, err: error }, 'The typing state could not be taken back')
          })
      }
      const told = { success: true, message: 'Presence updated successfully', state: wanted } as const
      return { status: 200, body: duration > 0 ? { ...told, duration } : told }
    },
  })
}

const isState = (text: string): text is Wanted => Object.hasOwn(states, text)
