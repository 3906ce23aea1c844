/** Fastify with one route that answers as `getSettings` does, serialised by the same kind of schema. Argument: the port. */
import process from 'node:process'
import Fastify from 'fastify'

const flag = { type: 'boolean' }
const schema = {
  response: {
    200: {
      type: 'object',
      properties: {
        success: flag,
        message: { type: 'string' },
        settings: {
          type: 'object',
          properties: {
            autoRejectCalls: flag,
            callRejectMessage: { type: 'string' },
            ignoreGroupMessages: flag,
            keepOnlineStatus: flag,
            autoReadMessages: flag,
            disableHistorySync: flag,
            ignoreStatus: flag,
          },
        },
      },
    },
  },
}

const server = Fastify()
server.get('/api/instance/getSettings/:instance', { schema }, async () => ({
  success: true,
  message: 'Settings retrieved successfully',
  settings: {
    autoRejectCalls: false,
    callRejectMessage: '',
    ignoreGroupMessages: false,
    keepOnlineStatus: false,
    autoReadMessages: false,
    disableHistorySync: true,
    ignoreStatus: false,
  },
}))
await server.listen({ host: '127.0.0.1', port: Number(process.argv[2]) })
process.once('SIGTERM', () => process.exit(0))
