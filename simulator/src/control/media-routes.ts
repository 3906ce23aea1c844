/** The media host and phones forgetting files, as they do with time. */
import type { FastifyInstance } from 'fastify'
import type { ControlParts } from './control-parts.ts'
import { personOf } from './path-parameters.ts'

export function mediaRoutes(api: FastifyInstance, { phones, services }: ControlParts): void {
  /** Everything that was uploaded is gone from the media host (404), as after some weeks. */
  api.delete('/media', async (_request, reply) => {
    services.media.expire()
    return reply.status(204).send()
  })

  /** The phone has no file any more and can upload none again. */
  api.delete('/phones/:number/media', async (request, reply) => {
    personOf(phones, request.params).phone.forgetMedia()
    return reply.status(204).send()
  })
}
