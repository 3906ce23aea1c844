/** App state: what the devices of an account share of its settings, changed by the person on the phone. */
import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { COLLECTIONS } from '../accounts/app-state.ts'
import { requireOnline } from '../phones.ts'
import type { ControlParts } from './control-parts.ts'
import { address, personOf } from './path-parameters.ts'

const change = z.strictObject({
  collection: z.enum(COLLECTIONS),
  index: z.array(z.string()).min(1),
  /** Null takes the setting away. */
  action: z.record(z.string(), z.unknown()).nullable(),
})
const labelId = z.string().regex(/^\d+$/, 'digits')
const edit = z.strictObject({
  id: labelId.optional(),
  name: z.string().max(100).default(''),
  color: z.number().int().default(0),
  predefinedId: z.number().int().optional(),
  deleted: z.boolean().default(false),
})
const association = z.strictObject({ id: labelId, chat: address, messageId: z.string().optional(), labeled: z.boolean().default(true) })
const newKey = z.strictObject({ share: z.enum(['now', 'asked', 'never']).default('now') })

export function appStateRoutes(api: FastifyInstance, { phones }: ControlParts): void {
  api.get('/phones/:number/app-state', async (request) => personOf(phones, request.params).phone.appState())

  api.post('/phones/:number/app-state', async (request, reply) => {
    const person = personOf(phones, request.params)
    requireOnline(person)
    await person.phone.changeAppState(change.parse(request.body))
    return reply.status(204).send()
  })

  /** The server forgets single changes; who was away gets a snapshot. */
  api.post('/phones/:number/app-state/fold', async (request, reply) => {
    personOf(phones, request.params).account.appState.fold()
    return reply.status(204).send()
  })

  api.post('/phones/:number/app-state/key', async (request, reply) => {
    const person = personOf(phones, request.params)
    await person.phone.renewAppStateKey(newKey.parse(request.body ?? {}).share)
    return reply.status(204).send()
  })

  /** A label is made, changed or deleted; with `chat`, put on that chat or a message in it, or taken off. */
  api.post('/phones/:number/labels', async (request, reply) => {
    const person = personOf(phones, request.params)
    requireOnline(person)
    if (typeof request.body === 'object' && request.body !== null && 'chat' in request.body) {
      const { id, chat, messageId, labeled } = association.parse(request.body)
      const index = messageId === undefined ? ['label_jid', id, chat] : ['label_message', id, chat, messageId, '0', '0']
      await person.phone.changeAppState({ collection: 'regular', index, action: { labelAssociationAction: { labeled } } })
      return { id, chat, messageId, labeled }
    }
    const { id = freeLabel(person.phone.appState()), ...label } = edit.parse(request.body)
    await person.phone.changeAppState({ collection: 'regular', index: ['label_edit', id], action: { labelEditAction: label } })
    return reply.status(201).send({ id, ...label })
  })
}

/** Phones count up. */
function freeLabel({ regular }: Record<string, unknown>): string {
  const indices = Object.keys(typeof regular === 'object' && regular !== null ? regular : {}).map((index) => JSON.parse(index) as string[])
  const ids = indices.flatMap(([kind, id]) => (kind === 'label_edit' ? [Number(id)] : []))
  return String(Math.max(0, ...ids) + 1)
}
