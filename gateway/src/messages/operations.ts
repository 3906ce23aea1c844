/** The send routes, made from the outgoing kinds. */
import { z } from 'zod'
import { instanceOperation, type Operation } from '../http/operation.ts'
import { commonFields, mentionFields } from './common-body.ts'
import { outgoing } from './kinds/registry.ts'
import type { Sender } from './send.ts'

const person = { jid: z.string().nullable(), lid: z.string().nullable(), name: z.string().nullable() }

const sentMessage = z.object({
  messageId: z.string(),
  messageType: z.string(),
  direction: z.literal('outgoing'),
  content: z.string(),
  timestamp: z.string(),
  source: z.string(),
  chat: z.object({ ...person, groupName: z.string().optional() }),
  sender: z.object(person),
  replyTo: z.object({ messageId: z.string() }).optional(),
  mentions: z.array(z.string()).optional(),
})

const answer = z.object({ success: z.literal(true), message: z.string(), status: z.literal('sent'), data: sentMessage })

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

export const sendOperations = (sender: Sender): Operation[] =>
  outgoing.map((kind) =>
    instanceOperation({
      id: kind.id,
      method: 'POST',
      path: kind.path,
      token: 'any',
      rateLimit: 'global',
      tag: 'Messages',
      summary: kind.summary,
      description: kind.description,
      body: z.object({ ...commonFields, ...kind.body.shape, ...mentionFields }),
      answers: { 200: answer },
      errors: [...commonErrors, ...kind.errors],
      async handle({ scope, body }) {
        const data = await sender.send(scope.instance, body, {
          check: () => kind.check(body),
          compose: (composing) => kind.compose(body, composing),
        })
        return { status: 200, body: { success: true, message: 'Message sent successfully', status: 'sent', data } }
      },
    }),
  )
