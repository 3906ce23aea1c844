/** Ours: the signing secret of a webhook, and a test event. */
import { z } from 'zod'
import { instanceOperation, type Operation } from '../../http/operation.ts'
import { rfc3339 } from '../../runtime/clock.ts'
import type { SigningSecrets, WebhookSecretKeeper } from './secrets.ts'
import type { Trial, TryWebhook } from './trial.ts'
import { DEFAULT_LABEL } from './webhook.ts'

const hour = 60 * 60 * 1000

const labelField = z.string().max(100).meta({ example: 'default', description: '`default` when left out' })
const signing = z.object({
  label: z.string(),
  secret: z.string().meta({ example: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw' }),
  formerSecrets: z.array(z.object({ secret: z.string(), validUntil: z.string() })),
})
const answer = z.object({ success: z.literal(true), message: z.string(), signing })
const tested = z.object({
  label: z.string(),
  eventId: z.string(),
  delivered: z.boolean(),
  status: z.number().nullable(),
  durationMs: z.number(),
  error: z.string().nullable(),
  answer: z.string(),
})

export const secretOperations = (secrets: WebhookSecretKeeper, tryWebhook: TryWebhook): Operation[] => {
  const route = { token: 'any', rateLimit: 'global', tag: 'Events' } as const
  const notFound = { status: 404, message: 'Webhook not found' }
  return [
    instanceOperation({
      ...route,
      id: 'events.getWebhookSecret',
      method: 'GET',
      path: '/api/events/getWebhookSecret/:instance',
      summary: 'Read the secret that signs the deliveries of a webhook',
      description:
        'Deliveries carry the headers of Standard Webhooks (standardwebhooks.com): `webhook-id`, `webhook-timestamp`, `webhook-signature`.',
      query: z.object({ label: labelField.optional() }),
      answers: { 200: answer },
      errors: [notFound],
      handle: async ({ scope, query }) => {
        const found = await secrets.read(scope.instance.id, query.label?.trim() || DEFAULT_LABEL)
        return { status: 200, body: { success: true, message: 'Webhook secret retrieved successfully', signing: shown(found) } }
      },
    }),
    instanceOperation({
      ...route,
      id: 'events.rotateWebhookSecret',
      method: 'POST',
      once: 'unrepeatable',
      path: '/api/events/rotateWebhookSecret/:instance',
      summary: 'Replace the secret that signs the deliveries of a webhook',
      description: 'For `overlapHours` every delivery carries the signatures of both, so that receivers can follow in their own time.',
      body: z.object({
        label: labelField.nullish(),
        secret: z.string().max(256).nullish().meta({ description: '`whsec_` and 24 to 64 bytes in base64; a random one when left out' }),
        overlapHours: z
          .number()
          .min(0)
          .max(720)
          .nullish()
          .meta({ example: 24, description: '24 when left out; 0 ends the old one at once' }),
      }),
      answers: { 200: answer },
      errors: [notFound, { status: 409, message: 'This is the present secret already' }],
      handle: async ({ scope, body }) => {
        const rotated = await secrets.rotate(scope.instance.id, body.label?.trim() || DEFAULT_LABEL, {
          secret: body.secret ?? null,
          overlapMs: Math.round((body.overlapHours ?? 24) * hour),
        })
        return { status: 200, body: { success: true, message: 'Webhook secret rotated successfully', signing: shown(rotated) } }
      },
    }),
    instanceOperation({
      ...route,
      id: 'events.testWebhook',
      method: 'POST',
      once: 'unrepeatable',
      path: '/api/events/testWebhook/:instance',
      summary: 'Post a test event to a webhook',
      description:
        'Posts `webhook.test` in the usual envelope, signed, and answers with what the receiver said. Nothing is stored, repeated or counted.',
      body: z.object({ label: labelField.nullish() }),
      answers: { 200: z.object({ success: z.literal(true), message: z.string(), test: tested }) },
      errors: [notFound, { status: 400, message: 'Webhook is disabled' }],
      handle: async ({ scope, body, signal }) => {
        const label = body.label?.trim() || DEFAULT_LABEL
        const test = shownTrial(label, await tryWebhook(scope.instance.id, label, signal))
        const message = test.delivered ? 'Test event delivered' : 'Test event was not taken'
        return { status: 200, body: { success: true, message, test } }
      },
    }),
  ]
}

const shown = ({ label, secret, former }: SigningSecrets): z.infer<typeof signing> => ({
  label,
  secret,
  formerSecrets: former.map((one) => ({ secret: one.secret, validUntil: rfc3339(one.until) })),
})

const shownTrial = (label: string, { eventId, attempted: { outcome, durationMs, answer } }: Trial): z.infer<typeof tested> => ({
  label,
  eventId,
  delivered: outcome.kind === 'taken',
  status: outcome.status,
  durationMs,
  error: outcome.kind === 'taken' ? null : outcome.error,
  answer,
})
