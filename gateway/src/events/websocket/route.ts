/** The route `/ws/:instance` (core.md §5): who may come in. Refusals are plain HTTP answers made before the upgrade. */
import { z } from 'zod'
import { allowsOrigin } from '../../http/cors.ts'
import { ApiError, errors } from '../../http/errors.ts'
import type { InstanceRequest, SocketOperation } from '../../http/operation.ts'
import type { InstanceDataOf } from '../envelope.ts'
import type { Member } from './client.ts'
import type { WebSocketConfiguration, WebSocketSettings } from './configuration.ts'
import type { WebSocketHub } from './hub.ts'

const notEnabled = (name: string): string =>
  `WebSocket is not enabled for this instance. Configure it first using POST /api/events/websocket/${name}`
const invalidEventId = 'Invalid event id'
const foreignOrigin = 'Origin not allowed'

// An empty `after` is that of a client which has no event yet, the same as none.
const query = z.object({
  after: z
    .string(invalidEventId)
    .regex(/^([0-7][0-9A-HJKMNP-TV-Z]{25}|0|)$/, invalidEventId)
    .optional()
    .meta({
      example: '01JDG3K5V8Y2Q4R6T8W0X2Z4B6',
      description: 'Ours: `id` of the last event the client has; what came after it is sent first. `0` = everything the log still has',
    }),
})

interface Collaborators {
  hub: WebSocketHub
  configuration: WebSocketConfiguration
  instanceDataOf: InstanceDataOf
}

export const webSocketRoute = ({ hub, configuration, instanceDataOf }: Collaborators): SocketOperation => {
  /** Settings that nobody changed while they were read. */
  const settingsOf = async (instanceId: string): Promise<{ settings: WebSocketSettings; readAt: number }> => {
    for (;;) {
      const readAt = configuration.changes
      const settings = await configuration.read(instanceId)
      if (configuration.changes === readAt) return { settings, readAt }
    }
  }

  return {
    id: 'events.websocket',
    path: '/ws/:instance',
    tag: 'Events',
    summary: 'Receive events over a WebSocket',
    description:
      'Frames from the server are JSON text, the envelope that webhooks get. What happens while a client is away is not repeated, unless it asks with `after`: ' +
      'then it gets what it missed, in order, and goes on live without a gap or a repetition. When the log no longer has that event, ' +
      '`{ event: "log.gap", timestamp, data: { after, oldest }, instanceData }` comes first (no `id`), and the replay begins at `oldest`, the first event after it that is still there.',
    query,
    errors: [
      { status: 400, message: notEnabled('<instance>') },
      { status: 400, message: invalidEventId },
      { status: 403, message: foreignOrigin },
    ],
    async admit(request) {
      const { account, instance, by } = request.scope
      if (!fromAllowedPage(request.headers, account.allowedOrigins)) throw new ApiError(403, foreignOrigin)
      const { after = '' } = (request as InstanceRequest<z.infer<typeof query>, undefined>).query
      const { settings, readAt } = await settingsOf(instance.id)
      if (!settings.enabled) throw new ApiError(400, notEnabled(instance.name))
      const instanceData = await instanceDataOf(instance.id)
      if (instanceData === null) throw errors.instanceNotFound()
      const member: Member = { instanceId: instance.id, accountId: account.id, by }
      return (socket) => {
        hub.join(socket, member, { settings, instanceData, after: after === '' ? null : after })
        // A change between reading and joining found nobody to tell.
        if (configuration.changes !== readAt) void settingsOf(instance.id).then((current) => hub.reconfigure(instance.id, current.settings))
      }
    },
  }
}

/**
 * CORS does not hold for WebSockets: any page may open one, so its origin is looked at here. Programs send none, or, like some libraries,
 * that of the server itself.
 */
const fromAllowedPage = ({ origin, host }: InstanceRequest<unknown, undefined>['headers'], allowed: readonly string[]): boolean =>
  typeof origin !== 'string' || allowsOrigin(allowed, origin) || URL.parse(origin)?.host === host
