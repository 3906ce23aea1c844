/** Calls, and what the account looks like from its own phone. */
import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { STORY_AUDIENCES } from '../accounts/account.ts'
import { requireOnline } from '../phones.ts'
import { node } from '../wire/nodes.ts'
import { ControlError } from './control-error.ts'
import type { ControlParts } from './control-parts.ts'
import { address, personOf } from './path-parameters.ts'

const call = z.object({ to: address, video: z.boolean().default(false) })
const stories = z.strictObject({ audience: z.enum(STORY_AUDIENCES), people: z.array(address).max(5_000).default([]) })
const blocking = z.strictObject({ person: address, blocked: z.boolean() })
const withCall = z.object({ id: z.string() })

export function accountRoutes(api: FastifyInstance, { phones, services }: ControlParts): void {
  api.post('/phones/:number/calls', async (request) => {
    const person = personOf(phones, request.params)
    requireOnline(person)
    const { to, video } = call.parse(request.body)
    if (services.directory.resolve(to) === undefined) throw new ControlError(404, `${to} is not on this network`)
    return person.phone.call({ to, video })
  })

  api.get('/phones/:number/calls', async (request) => ({ calls: personOf(phones, request.params).phone.calls }))

  api.post('/phones/:number/calls/:id/accept', async (request, reply) => {
    const person = personOf(phones, request.params)
    requireOnline(person)
    person.phone.acceptCall(withCall.parse(request.params).id)
    return reply.status(204).send()
  })

  api.delete('/phones/:number/calls/:id', async (request, reply) => {
    const person = personOf(phones, request.params)
    requireOnline(person)
    person.phone.endCall(withCall.parse(request.params).id)
    return reply.status(204).send()
  })

  /** Whom the person has chosen to show stories to. */
  api.put('/phones/:number/story-audience', async (request) => {
    const { account } = personOf(phones, request.params)
    account.stories = stories.parse(request.body)
    return account.stories
  })

  api.get('/phones/:number/profile', async (request) => {
    const { account } = personOf(phones, request.params)
    const { name, about, picture, business, businessProfile, disappearing } = account
    return {
      name,
      about: about.text,
      aboutSetAt: about.setAt,
      picture: picture === undefined ? null : { id: picture.id, base64: picture.bytes.toString('base64') },
      disappearing,
      online: services.presence.isOnline(account),
      business: business ? businessProfile : null,
    }
  })

  api.get('/phones/:number/privacy', async (request) => Object.fromEntries(personOf(phones, request.params).account.privacy.entries()))

  /** The person blocks somebody, or hears them again. */
  api.post('/phones/:number/blocklist', async (request, reply) => {
    const person = personOf(phones, request.params)
    requireOnline(person)
    const { person: jid, blocked } = blocking.parse(request.body)
    const item = node('item', { action: blocked ? 'block' : 'unblock', jid })
    await person.phone.ask(node('iq', { xmlns: 'blocklist', to: 's.whatsapp.net', type: 'set' }, [item]))
    return reply.status(204).send()
  })

  api.get('/phones/:number/blocklist', async (request) => {
    const { account } = personOf(phones, request.params)
    return { blocked: [...account.blocked].map((lid) => ({ lid, jid: services.directory.resolve(lid)?.account.jid })) }
  })
}
