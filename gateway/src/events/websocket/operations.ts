/** The routes of core.md §4.3 and §4.4. */
import { z } from 'zod'
import { ApiError, orElse } from '../../http/errors.ts'
import { instanceOperation, type Operation } from '../../http/operation.ts'
import { type WebSocketConfiguration, websocketBody, websocketView } from './configuration.ts'

/** The one failure core.md §4.3 documents. */
const notSaved = () => new ApiError(500, 'Failed to get instance')
const notRead = () => new ApiError(500, 'Failed to get websocket configuration')

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
    errors: [
      { status: 400, message: 'Invalid event: <name>' },
      { status: 500, message: notSaved().message },
    ],
    async handle({ scope, body }) {
      const websocket = await orElse(configuration.configure(scope.instance.id, body), notSaved)
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
    errors: [{ status: 500, message: notRead().message }],
    async handle({ scope }) {
      const websocket = await orElse(configuration.read(scope.instance.id), notRead)
      return { status: 200, body: { success: true, message: 'WebSocket configuration retrieved', websocket } }
    },
  }),
]
