/** Looking at the network: where it is, what passed, what nobody answered. */
import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { describe } from '../traffic.ts'
import type { ControlParts } from './control-parts.ts'

const MAX_PAGE = 1_000
const seen = z.object({
  after: z.coerce.number().int().min(0).default(0),
  limit: z.coerce.number().int().min(1).max(MAX_PAGE).default(MAX_PAGE),
  phone: z.string().optional(),
  device: z.coerce.number().int().optional(),
  tag: z.string().optional(),
  direction: z.enum(['in', 'out']).optional(),
})

export function observationRoutes(api: FastifyInstance, { info, traffic, services }: ControlParts): void {
  api.get('/network', async () => info)

  api.get('/traffic', async (request) => {
    const { after, limit, phone, device, tag, direction } = seen.parse(request.query)
    const found = traffic.after(
      after,
      limit,
      (entry) =>
        (phone === undefined || entry.phone === phone) &&
        (device === undefined || entry.device === device) &&
        (tag === undefined || entry.stanza.tag === tag) &&
        (direction === undefined || entry.direction === direction),
    )
    const cursor = found.length === limit ? (found.at(-1)?.cursor ?? after) : traffic.cursor
    return { stanzas: found.map((entry) => ({ ...entry, stanza: describe(entry.stanza) })), cursor }
  })

  api.get('/unanswered', async () => services.unanswered.list())

  api.delete('/unanswered', async (_request, reply) => {
    services.unanswered.clear()
    return reply.status(204).send()
  })
}
