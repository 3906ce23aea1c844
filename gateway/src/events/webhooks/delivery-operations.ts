/** Ours: looking after deliveries. */
import { z } from 'zod'
import { ApiError } from '../../http/errors.ts'
import { instanceOperation, type Operation } from '../../http/operation.ts'
import { rfc3339 } from '../../runtime/clock.ts'
import { type DeliveryList, deliveryStates, type ListedDelivery, type Position } from './listing.ts'
import type { PurgeDeliveries } from './purge.ts'
import type { Redelivery } from './redelivery.ts'

interface Collaborators {
  list: DeliveryList
  redelivery: Redelivery
  purge: PurgeDeliveries
}

const notFound = { status: 404, message: 'Webhook not found' }
const nothingChosen = () => new ApiError(400, 'Provide eventId, from, to or state')

const id = /^[0-9A-HJKMNP-TV-Z]{26}$/
const cursor = z
  .string()
  .regex(/^[0-9A-HJKMNP-TV-Z]{26}\.[0-9A-HJKMNP-TV-Z]{26}$/, 'Invalid cursor')
  .meta({ description: '`nextCursor` of the page before' })
const label = z.string().max(100).meta({ example: 'default', description: 'One webhook; left out: all of the instance' })
const time = z.iso.datetime({ offset: true }).meta({ example: '2026-01-31T10:00:00Z' })

const listedDelivery = z.object({
  eventId: z.string(),
  event: z.string().nullable(),
  label: z.string(),
  state: z.enum(deliveryStates),
  createdAt: z.string(),
  nextAttemptAt: z.string().nullable(),
  error: z.string().nullable(),
  attempts: z.array(
    z.object({
      at: z.string(),
      status: z.number().nullable(),
      durationMs: z.number(),
      error: z.string().nullable(),
      answer: z.string(),
    }),
  ),
})

export const deliveryOperations = ({ list, redelivery, purge }: Collaborators): Operation[] => {
  const route = { token: 'any', rateLimit: 'global', tag: 'Events' } as const
  return [
    instanceOperation({
      ...route,
      id: 'events.deliveries',
      method: 'GET',
      path: '/api/events/deliveries/:instance',
      summary: 'List webhook deliveries',
      description:
        'Newest event first, each with its attempts. `waiting`: on its way or to be tried again; `dead`: given up, can be redelivered; `delivered`: the receiver answered 2xx.',
      query: z.object({
        label: label.optional(),
        state: z.enum(deliveryStates).optional(),
        limit: z.coerce.number().int().min(1).max(200).default(50),
        after: cursor.optional(),
      }),
      answers: {
        200: z.object({
          success: z.literal(true),
          message: z.string(),
          deliveries: z.array(listedDelivery),
          nextCursor: z.string().nullable(),
        }),
      },
      errors: [notFound, { status: 400, message: 'Invalid cursor' }],
      handle: async ({ scope, query }) => {
        const { deliveries, next } = await list.page(scope.instance.id, { ...query, after: readCursor(query.after) })
        const message = deliveries.length === 1 ? '1 delivery found' : `${deliveries.length} deliveries found`
        return {
          status: 200,
          body: { success: true, message, deliveries: deliveries.map(shown), nextCursor: writeCursor(next) },
        }
      },
    }),
    instanceOperation({
      ...route,
      id: 'events.redeliver',
      method: 'POST',
      once: 'resumed',
      path: '/api/events/redeliver/:instance',
      summary: 'Deliver again: one event, a time range, or all dead letters',
      description:
        'Redelivered events keep their id and go first in their chat. One call does a bounded number; with `nextCursor` in the answer, call again with it as `after`.',
      body: z.object({
        label: label.nullish(),
        eventId: z.string().regex(id, 'Invalid eventId').nullish().meta({ description: 'One event, whatever became of it' }),
        from: time.nullish().meta({ description: 'Events from this time on' }),
        to: time.nullish().meta({ description: 'Events before this time' }),
        state: z.enum(['dead', 'delivered']).nullish().meta({ description: 'Only those; left out: both' }),
        after: cursor.nullish(),
      }),
      answers: {
        200: z.object({ success: z.literal(true), message: z.string(), redelivered: z.number(), nextCursor: z.string().nullable() }),
      },
      errors: [
        notFound,
        { status: 404, message: 'Delivery not found' },
        { status: 400, message: 'Webhook is disabled' },
        { status: 400, message: nothingChosen().message },
      ],
      handle: async ({ scope, body: { eventId, from, to, state, ...body } }) => {
        if (!eventId && !from && !to && !state) throw nothingChosen()
        const { count, next } = await redelivery.redeliver(scope.instance.id, {
          label: body.label?.trim() || undefined,
          eventId: eventId ?? undefined,
          from: milliseconds(from),
          to: milliseconds(to),
          state: state ?? null,
          after: readCursor(body.after),
        })
        const message = count === 1 ? '1 delivery queued' : `${count} deliveries queued`
        return { status: 200, body: { success: true, message, redelivered: count, nextCursor: writeCursor(next) } }
      },
    }),
    instanceOperation({
      ...route,
      id: 'events.purgeDeliveries',
      method: 'DELETE',
      path: '/api/events/deliveries/:instance',
      summary: 'Throw deliveries away',
      description:
        'Dead letters, unless `state` says otherwise. What waits is dropped for good; what is under way may still arrive. One call does a bounded number; `more` asks for another.',
      query: z.object({
        label: label.optional(),
        state: z.enum(deliveryStates).default('dead'),
        before: time.optional().meta({ description: 'Only of events before this time' }),
      }),
      answers: { 200: z.object({ success: z.literal(true), message: z.string(), purged: z.number(), more: z.boolean() }) },
      errors: [notFound],
      handle: async ({ scope, query }) => {
        const { count, more } = await purge(scope.instance.id, { ...query, before: milliseconds(query.before) })
        const message = count === 1 ? '1 delivery purged' : `${count} deliveries purged`
        return { status: 200, body: { success: true, message, purged: count, more } }
      },
    }),
  ]
}

const shown = ({ createdAt, nextAttemptAt, attempts, ...delivery }: ListedDelivery): z.infer<typeof listedDelivery> => ({
  ...delivery,
  createdAt: rfc3339(createdAt),
  nextAttemptAt: nextAttemptAt === null ? null : rfc3339(nextAttemptAt),
  attempts: attempts.map(({ at, ...attempt }) => ({ ...attempt, at: rfc3339(at) })),
})

const readCursor = (text: string | null | undefined): Position | undefined => {
  const [eventId, webhookId] = text?.split('.') ?? []
  return eventId === undefined || webhookId === undefined ? undefined : { eventId, webhookId }
}
const writeCursor = (position: Position | null): string | null => (position === null ? null : `${position.eventId}.${position.webhookId}`)

const milliseconds = (text: string | null | undefined): number | undefined => (text ? Date.parse(text) : undefined)
