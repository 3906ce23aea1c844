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

const clients = z.object({ leastRevision: z.number().int().min(0) })

export function observationRoutes(api: FastifyInstance, { info, traffic, services, server }: ControlParts): void {
  api.get('/network', async () => info)

  /** Clients of an older revision are refused from now on (405). */
  api.put('/network/clients', async (request, reply) => {
    server.leastRevision = clients.parse(request.body).leastRevision
    return reply.status(204).send()
  })

  /** As WhatsApp Web's service worker says which revision is the present one. */
  api.get('/sw.js', async (_request, reply) =>
    reply.type('text/javascript').send(`self.__data={\\"client_revision\\":${server.leastRevision}};`),
  )

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
