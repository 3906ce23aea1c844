/** The HTTP API programs in any language drive the network with (simulator.md). Routes only translate; what they do lives elsewhere. */
import Fastify, { type FastifyInstance } from 'fastify'
import { z } from 'zod'
import { DirectoryError } from '../accounts/directory.ts'
import { FaultsFull } from '../faults/faults.ts'
import { PhoneOffline } from '../phones.ts'
import { IqError } from '../ports.ts'
import { PairingError } from '../server/pairing-error.ts'
import { accountRoutes } from './account-routes.ts'
import { appStateRoutes } from './app-state-routes.ts'
import { communityRoutes } from './community-routes.ts'
import { ControlError } from './control-error.ts'
import type { ControlParts } from './control-parts.ts'
import { faultRoutes } from './fault-routes.ts'
import { groupRoutes } from './group-routes.ts'
import { historyRoutes } from './history-routes.ts'
import { mediaRoutes } from './media-routes.ts'
import { memberRoutes } from './member-routes.ts'
import { messageRoutes } from './message-routes.ts'
import { newsletterRoutes } from './newsletter-routes.ts'
import { observationRoutes } from './observation-routes.ts'
import { phoneRoutes } from './phone-routes.ts'
import { stanzaRoutes } from './stanza-routes.ts'

/** Media goes through it as base64: 100 MB of it are 140. */
const BODY_LIMIT = 160 * 1024 * 1024

export function createControlApi(parts: ControlParts): FastifyInstance {
  const api = Fastify({ bodyLimit: BODY_LIMIT, forceCloseConnections: true })
  api.setErrorHandler((error, _request, reply) => {
    const { status, message } = refusalOf(error)
    reply.status(status).send({ error: message })
  })
  api.setNotFoundHandler((request, reply) => {
    reply.status(404).send({ error: `no route ${request.method} ${request.url}` })
  })
  observationRoutes(api, parts)
  phoneRoutes(api, parts)
  messageRoutes(api, parts)
  mediaRoutes(api, parts)
  historyRoutes(api, parts)
  accountRoutes(api, parts)
  appStateRoutes(api, parts)
  groupRoutes(api, parts)
  memberRoutes(api, parts)
  communityRoutes(api, parts)
  newsletterRoutes(api, parts)
  faultRoutes(api, parts)
  stanzaRoutes(api, parts)
  return api
}

function refusalOf(error: unknown): { status: number; message: string } {
  const message = error instanceof Error ? error.message : String(error)
  if (error instanceof ControlError) return { status: error.status, message }
  if (error instanceof z.ZodError) return { status: 400, message: z.prettifyError(error) }
  if (error instanceof PairingError) return { status: 400, message }
  if (error instanceof DirectoryError || error instanceof PhoneOffline || error instanceof FaultsFull) return { status: 409, message }
  if (error instanceof IqError) return { status: 409, message }
  // Fastify's own, e.g. a body that is not JSON.
  if (error instanceof Error && 'statusCode' in error && typeof error.statusCode === 'number') return { status: error.statusCode, message }
  return { status: 500, message }
}
