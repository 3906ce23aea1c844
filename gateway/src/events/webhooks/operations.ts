/** The routes of core.md §4.1 and §4.2. */
import { z } from 'zod'
import { type Answer, instanceOperation, type Operation } from '../../http/operation.ts'
import type { WebhookConfiguration } from './configuration.ts'
import { DEFAULT_LABEL, MAX_ENABLED, webhookBody, webhookView } from './webhook.ts'

const saved = z.object({ success: z.literal(true), message: z.string(), webhook: webhookView })
const found = z.object({
  success: z.literal(true),
  message: z.string(),
  webhook: webhookView.optional(),
  webhooks: z.array(webhookView).optional(),
})
const query = z.object({
  label: z.string().optional().meta({ example: 'default', description: 'One webhook; empty means `default`; left out lists all' }),
})

export const webhookOperations = (webhooks: WebhookConfiguration): Operation[] => {
  const read = (id: string, path: `${string}/:instance`, summary: string): Operation =>
    instanceOperation({
      id,
      method: 'GET',
      path,
      token: 'any',
      rateLimit: 'global',
      tag: 'Events',
      summary,
      query,
      answers: { 200: found },
      errors: [{ status: 404, message: 'Webhook not found' }],
      async handle({ scope, query: { label } }): Promise<Answer> {
        if (label === undefined) {
          const all = await webhooks.all(scope.instance.id)
          return { status: 200, body: { success: true, message: 'Webhooks retrieved successfully', webhooks: all } }
        }
        const webhook = await webhooks.find(scope.instance.id, label.trim() || DEFAULT_LABEL)
        return { status: 200, body: { success: true, message: 'Webhook retrieved successfully', webhook } }
      },
    })

  return [
    instanceOperation({
      id: 'events.setWebhook',
      method: 'POST',
      once: false,
      path: '/api/events/webhook/:instance',
      token: 'any',
      rateLimit: 'global',
      tag: 'Events',
      summary: 'Configure a webhook',
      description: `Writes the webhook of this label over the one there was. Up to ${MAX_ENABLED} may be enabled per instance.`,
      body: webhookBody,
      answers: { 200: saved },
      errors: [
        { status: 400, message: 'Invalid webhook URL' },
        { status: 400, message: 'Invalid event: <name>' },
        { status: 400, message: `Maximum of ${MAX_ENABLED} enabled webhooks per instance` },
      ],
      async handle({ scope, body }) {
        const webhook = await webhooks.configure(scope.instance.id, body)
        const message = webhook.enabled ? 'Webhook configured successfully' : 'Webhook disabled successfully'
        return { status: 200, body: { success: true, message, webhook } }
      },
    }),
    read('events.getWebhook', '/api/events/getWebhook/:instance', 'Read the webhooks of an instance'),
    read('events.getWebhookAlias', '/api/events/webhook/:instance', 'Read the webhooks of an instance (other spelling)'),
  ]
}
