/** Unlinking the device and forgetting the session; the instance stays (core.md §3.5). */
import { z } from 'zod'
import { errors, orElse } from '../http/errors.ts'
import { instanceOperation, type Operation } from '../http/operation.ts'
import type { EngineEvent, SessionStore } from '../whatsapp/engine.ts'
import type { Connections } from './connections.ts'
import type { Farewell } from './farewell.ts'
import { declared, instanceErrors } from './instance-errors.ts'
import type { LiveInstance, Registry } from './registry.ts'
import type { StateChanges } from './state-changes.ts'
import type { Supervisor } from './supervisor.ts'

interface Collaborators {
  registry: Registry
  connections: Connections
  changes: StateChanges
  farewell: Farewell
  supervisor: Supervisor
  sessionStoreOf(instanceId: string): SessionStore
  hand(instance: LiveInstance, event: EngineEvent): Promise<void>
  /** Aborted when the gateway stops. */
  stopping: AbortSignal
}

export const logoutOperation = (collaborators: Collaborators): Operation => {
  const { registry, connections, changes, farewell, supervisor, sessionStoreOf, hand, stopping } = collaborators

  /**
   * WhatsApp is asked when the instance is or is to be connected. When it does not confirm, the device may still be linked: the session
   * is kept and the owner told, so that he can try again. One that is not to be connected any more (replaced, banned) is just forgotten.
   */
  const leave = async (instance: LiveInstance): Promise<boolean> => {
    const attempt = connections.detach(instance, 'the instance was logged out')
    if (attempt !== null && !attempt.linked) {
      await connections.stop(attempt)
      return true
    }
    if (!instance.wanted) return true
    if (attempt === null && (await sessionStoreOf(instance.id).loadCredentials()) === null) return true
    return farewell.logOut(instance.id, attempt, { signal: stopping, onEvent: (event) => hand(instance, event) })
  }

  const logOut = (instance: LiveInstance): Promise<void> =>
    instance.commands.run(async () => {
      if (instance.state === 'deleting') throw errors.instanceNotFound()
      supervisor.release(instance)
      if (!(await leave(instance))) {
        changes.apply(instance, 'lost', { reason: 'logout-unconfirmed' })
        supervisor.tryAgain(instance)
        throw instanceErrors.logoutFailed()
      }
      await sessionStoreOf(instance.id).clear()
      const moved = changes.apply(instance, 'logout', { reason: 'logout' })
      if (moved === null) throw errors.instanceNotFound()
      await moved.stored
    })

  return instanceOperation({
    id: 'instance.logout',
    method: 'DELETE',
    path: '/api/instance/logout/:instance',
    token: 'any',
    rateLimit: 'global',
    tag: 'Instances',
    summary: 'Log an instance out of WhatsApp',
    description: 'The device leaves the list of linked devices and the session is forgotten; the instance and its token stay. Idempotent.',
    answers: {
      200: z.object({ success: z.literal(true), message: z.string(), instance: z.object({ status: z.literal('loggedout') }) }),
    },
    errors: [declared(instanceErrors.logoutFailed())],
    handle: async ({ scope }) => {
      const instance = registry.byId(scope.instance.id)
      if (instance === null) throw errors.instanceNotFound()
      await orElse(logOut(instance), instanceErrors.logoutFailed)
      return { status: 200, body: { success: true, message: 'Instance logged out', instance: { status: 'loggedout' } } }
    },
  })
}
