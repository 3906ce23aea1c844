/** The send routes, made from the outgoing kinds. */
import { z } from 'zod'
import { instanceOperation, type Operation } from '../http/operation.ts'
import { type CommonBody, commonFields, plainFields, recipientFields } from './common-body.ts'
import type { Composing, OutgoingKind } from './kinds/kind.ts'
import { outgoing } from './kinds/registry.ts'
import type { Sender } from './send.ts'

const person = { jid: z.string().nullable(), lid: z.string().nullable(), name: z.string().nullable() }

const sentMessage = z.object({
  messageId: z.string(),
  messageType: z.string(),
  direction: z.literal('outgoing'),
  content: z.string().optional(),
  timestamp: z.string(),
  source: z.string(),
  chat: z.object({ ...person, groupName: z.string().optional() }),
  sender: z.object(person),
  replyTo: z.object({ messageId: z.string() }).optional(),
  mentions: z.array(z.string()).optional(),
})

const answerOf = (more: z.ZodRawShape) =>
  z.object({ success: z.literal(true), message: z.string(), status: z.literal('sent'), data: z.object({ ...sentMessage.shape, ...more }) })

const commonErrors = [
  { status: 400, message: 'Number is required' },
  { status: 400, message: 'Invalid number' },
  { status: 400, message: 'Number <digits> is not registered on WhatsApp' },
  { status: 400, message: 'Quoted message not found' },
  { status: 429, message: 'WhatsApp rate limit reached. Try again later.' },
  { status: 429, message: 'Too many messages are waiting to be sent. Try again later.' },
  { status: 500, message: 'Failed to send message: <reason>' },
  { status: 503, message: 'Instance is not connected to WhatsApp' },
]

export const sendOperations = (sender: Sender): Operation[] => outgoing.map((kind) => sendOperation(kind, sender))

const sendOperation = (kind: OutgoingKind, sender: Sender): Operation =>
  instanceOperation({
    id: kind.id,
    needs: kind.needs,
    method: 'POST',
    path: kind.path,
    token: 'any',
    rateLimit: 'global',
    tag: 'Messages',
    summary: kind.summary,
    description: kind.description,
    ...(kind.longValues ? { longValues: true } : {}),
    body: z.object({ ...kind.body.shape, ...(kind.to === undefined ? recipientFields : {}), ...(kind.plain ? plainFields : commonFields) }),
    once: 'resumed',
    answers: { 200: answerOf(kind.answer ?? {}) },
    errors: [...commonErrors, ...kind.errors],
    async handle({ scope, body, seed }) {
      // Every schema holds of these fields what its kind takes, and of the right type.
      const common = body as CommonBody
      const recipient = kind.to === undefined ? common : { ...common, number: kind.to }
      const compose = (composing: Composing) => kind.compose(body, composing)
      const data = await sender.send(scope.instance, recipient, { check: () => kind.check(body), compose }, seed)
      const message = kind.confirmation?.(body) ?? 'Message sent successfully'
      return { status: 200, body: { success: true, message, status: 'sent', data } }
    },
  })
