/** The route `/ws/:instance` (core.md §5): who may come in. Refusals are plain HTTP answers made before the upgrade. */
import { ApiError, errors } from '../../http/errors.ts'
import type { SocketOperation } from '../../http/operation.ts'
import type { InstanceDataOf } from '../envelope.ts'
import type { WebSocketConfiguration } from './configuration.ts'
import type { Member, WebSocketHub } from './hub.ts'

const notEnabled = (name: string): string =>
  `WebSocket is not enabled for this instance. Configure it first using POST /api/events/websocket/${name}`

interface Collaborators {
  hub: WebSocketHub
  configuration: WebSocketConfiguration
  instanceDataOf: InstanceDataOf
}

export const webSocketRoute = ({ hub, configuration, instanceDataOf }: Collaborators): SocketOperation => ({
  id: 'events.websocket',
  path: '/ws/:instance',
  tag: 'Events',
  summary: 'Receive events over a WebSocket',
  description: 'Frames from the server are JSON text, the envelope that webhooks get. What happens while a client is away is not repeated.',
  errors: [{ status: 400, message: notEnabled('<instance>') }],
  async admit({ scope: { account, instance, by } }) {
    const settings = await configuration.read(instance.id)
    if (!settings.enabled) throw new ApiError(400, notEnabled(instance.name))
    const instanceData = await instanceDataOf(instance.id)
    if (instanceData === null) throw errors.instanceNotFound()
    const member: Member = { instanceId: instance.id, accountId: account.id, by }
    return (socket) => hub.join(socket, member, { settings, instanceData })
  },
})
