/** Using the saved session again (core.md §3.4). */
import { z } from 'zod'
import { errors, orElse } from '../http/errors.ts'
import { instanceOperation, type Operation } from '../http/operation.ts'
import type { SessionStore } from '../whatsapp/engine.ts'
import type { Connections } from './connections.ts'
import { declared, instanceErrors, reasonOf } from './instance-errors.ts'
import type { LiveInstance, Registry } from './registry.ts'

interface Collaborators {
  registry: Registry
  connections: Connections
  sessionStoreOf(instanceId: string): SessionStore
}

export const reconnectOperation = ({ registry, connections, sessionStoreOf }: Collaborators): Operation => {
  const reconnect = (instance: LiveInstance): Promise<void> =>
    instance.commands.run(async () => {
      if (instance.state === 'deleting') throw errors.instanceNotFound()
      // What a pairing has stored so far is no session yet, and the pairing is left alone.
      const pairing = instance.attempt !== null && !instance.attempt.linked
      if (pairing || (await sessionStoreOf(instance.id).loadCredentials()) === null) throw instanceErrors.noSession()
      const { stored } = await connections.begin(instance, { by: 'owner', input: 'reconnect' })
      await stored
    })

  return instanceOperation({
    id: 'instance.reconnect',
    method: 'POST',
    once: false,
    path: '/api/instance/reconnect/:instance',
    token: 'any',
    rateLimit: 'global',
    tag: 'Instances',
    summary: 'Connect again with the saved session',
    description: 'Answers at once; what becomes of it is told by `instance.state` and the list. A changed proxy takes effect.',
    answers: { 200: z.object({ success: z.literal(true), message: z.string(), status: z.literal('connecting') }) },
    errors: [declared(instanceErrors.noSession()), declared(instanceErrors.reconnectFailed('<reason>'))],
    handle: async ({ scope }) => {
      const instance = registry.byId(scope.instance.id)
      if (instance === null) throw errors.instanceNotFound()
      await orElse(reconnect(instance), (error) => instanceErrors.reconnectFailed(reasonOf(error)))
      return { status: 200, body: { success: true, message: 'Reconnect initiated', status: 'connecting' } }
    },
  })
}
