/** `DELETE /api/instance/delete/:instance` (contract/delete-instance.md); what it does stands in `deletion.ts`. */
import { z } from 'zod'
import { errors } from '../http/errors.ts'
import { instanceOperation, type Operation } from '../http/operation.ts'
import type { Deletion } from './deletion.ts'
import { declared, instanceErrors } from './instance-errors.ts'
import type { Registry } from './registry.ts'

export const deleteOperation = ({ registry, deletion }: { registry: Registry; deletion: Deletion }): Operation =>
  instanceOperation({
    id: 'instance.delete',
    method: 'DELETE',
    path: '/api/instance/delete/:instance',
    token: 'account',
    rateLimit: 'global',
    tag: 'Instances',
    summary: 'Delete an instance and everything it owns',
    description:
      'Logs out of WhatsApp if connected, removes session, webhooks, WebSocket, integrations, settings, proxy and every record. Cannot be undone; the name is free when this answers. Files in the S3 bucket stay.',
    answers: {
      200: z.object({ success: z.literal(true), message: z.string(), instance: z.object({ status: z.literal('deleted') }) }),
    },
    errors: [declared(instanceErrors.deleteFailed('<reason>'))],
    handle: async ({ scope }) => {
      const instance = registry.byId(scope.instance.id)
      if (instance === null) throw errors.instanceNotFound()
      await deletion.remove(instance)
      return { status: 200, body: { success: true, message: 'Instance deleted', instance: { status: 'deleted' } } }
    },
  })
