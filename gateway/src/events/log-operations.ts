/** Ours: `GET /api/events/log/:instance`. */
import { z } from 'zod'
import { errors } from '../http/errors.ts'
import { instanceOperation, type Operation } from '../http/operation.ts'
import { envelope, type InstanceDataOf } from './envelope.ts'
import type { LogReading } from './reading.ts'

const LONGEST_WAIT_SECONDS = 50

interface Collaborators {
  reading: LogReading
  instanceDataOf: InstanceDataOf
}

const loggedEvent = z.object({
  id: z.string(),
  event: z.string(),
  timestamp: z.string(),
  data: z.record(z.string(), z.unknown()),
  instanceData: z.object({ baseUrl: z.string(), instance: z.string(), token: z.string() }),
})

export const logOperation = ({ reading, instanceDataOf }: Collaborators): Operation =>
  instanceOperation({
    id: 'events.log',
    method: 'GET',
    path: '/api/events/log/:instance',
    token: 'any',
    rateLimit: 'global',
    tag: 'Events',
    summary: 'Read the event log',
    description:
      'For programs without a public address: every event of the instance in the envelope of webhooks, oldest first. Begin without `after`, then pass the `cursor` of each answer on. `complete: false`: you were away longer than events are kept, and some are gone.',
    query: z.object({
      after: z
        .string()
        .regex(/^([0-9A-HJKMNP-TV-Z]{26}|0|latest)$/, 'Invalid event id')
        .optional()
        .meta({
          description:
            '`cursor` of the answer before, or an event id; `latest`: only what happens from now on; `0` or left out: from the beginning',
        }),
      limit: z.coerce.number().int().min(1).max(500).default(100),
      wait: z.coerce
        .number()
        .int()
        .min(0)
        .max(LONGEST_WAIT_SECONDS)
        .default(0)
        .meta({ description: 'Seconds to wait for an event when there is none' }),
    }),
    answers: {
      200: z.object({
        success: z.literal(true),
        message: z.string(),
        events: z.array(loggedEvent),
        cursor: z.string().nullable(),
        complete: z.boolean(),
      }),
    },
    errors: [{ status: 400, message: 'Invalid event id' }],
    handle: async ({ scope, query, signal }) => {
      const after = query.after === 'latest' ? reading.latest() : query.after === '0' ? null : (query.after ?? null)
      const instanceId = scope.instance.id
      const { events, complete } = await reading.read({ instanceId, after, limit: query.limit, waitMs: query.wait * 1000, signal })
      const instanceData = await instanceDataOf(instanceId)
      if (instanceData === null) throw errors.instanceNotFound()
      const shown = events.map((event) => loggedEvent.parse(JSON.parse(envelope(event, instanceData))))
      const message = shown.length === 1 ? '1 event found' : `${shown.length} events found`
      return { status: 200, body: { success: true, message, events: shown, cursor: events.at(-1)?.id ?? after, complete } }
    },
  })
