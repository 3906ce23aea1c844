/** Misbehaviour on request. */
import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { ControlError } from './control-error.ts'
import type { ControlParts } from './control-parts.ts'

const times = z.number().int().min(1)
const code = z.number().int().min(100).max(999)
const match = z.strictObject({
  phone: z.string().optional(),
  device: z.number().int().optional(),
  tag: z.string().optional(),
  xmlns: z.string().optional(),
  type: z.string().optional(),
  contains: z.string().optional(),
  direction: z.enum(['in', 'out']).optional(),
  times: times.optional(),
})
const around = { match: match.default({}), times: times.optional() }
const fault = z.discriminatedUnion('action', [
  z.strictObject({ ...around, action: z.enum(['drop', 'duplicate', 'reorder', 'corrupt', 'close', 'silence']) }),
  z.strictObject({ ...around, action: z.literal('refuse-connections'), code: code.optional() }),
  z.strictObject({ ...around, action: z.literal('delay'), ms: z.number().int().min(0).max(600_000) }),
  z.strictObject({ ...around, action: z.enum(['ack-error', 'stream-error']), code }),
  z.strictObject({ ...around, action: z.literal('iq-error'), code, text: z.string().default('error') }),
])
const withId = z.object({ id: z.string() })

export function faultRoutes(api: FastifyInstance, { faults, lines }: ControlParts): void {
  api.post('/faults', async (request, reply) => {
    const { match: matched, times: atTop, ...action } = fault.parse(request.body)
    const { times: inMatch, ...what } = matched
    const id = faults.add({ match: what, fault: action, times: atTop ?? inMatch }, lines())
    return reply.status(201).send({ id })
  })

  api.get('/faults', async () => faults.list())

  api.delete('/faults/:id', async (request, reply) => {
    const { id } = withId.parse(request.params)
    if (!faults.remove(id)) throw new ControlError(404, `there is no fault ${id}`)
    return reply.status(204).send()
  })

  api.delete('/faults', async (_request, reply) => {
    faults.clear()
    return reply.status(204).send()
  })
}
