/** The routes of core.md §4.3 and §4.4. */
import { z } from 'zod'
import { instanceOperation, type Operation } from '../../http/operation.ts'
import { type WebSocketConfiguration, websocketBody, websocketView } from './configuration.ts'

const answer = z.object({ success: z.literal(true), message: z.string(), websocket: websocketView })

export const webSocketOperations = (configuration: WebSocketConfiguration): Operation[] => [
  instanceOperation({
    id: 'events.setWebsocket',
    method: 'POST',
    once: false,
    path: '/api/events/websocket/:instance',
    token: 'any',
    rateLimit: 'global',
    tag: 'Events',
    summary: 'Configure the WebSocket',
    description:
      'Opens nothing: allows clients to connect to `/ws/:instance` afterwards. Clients that are connected stay, and get nothing while it is disabled.',
    body: websocketBody,
    answers: { 200: answer },
    errors: [{ status: 400, message: 'Invalid event: <name>' }],
    async handle({ scope, body }) {
      const websocket = await configuration.configure(scope.instance.id, body)
      const message = websocket.enabled ? 'WebSocket configured successfully' : 'WebSocket disabled successfully'
      return { status: 200, body: { success: true, message, websocket } }
    },
  }),
  instanceOperation({
    id: 'events.getWebsocket',
    method: 'GET',
    path: '/api/events/getWebsocket/:instance',
    token: 'any',
    rateLimit: 'global',
    tag: 'Events',
    summary: 'Read the WebSocket configuration',
    answers: { 200: answer },
    errors: [],
    async handle({ scope }) {
      const websocket = await configuration.read(scope.instance.id)
      return { status: 200, body: { success: true, message: 'WebSocket configuration retrieved', websocket } }
    },
  }),
]
