/** Newsletters as people run and follow them on their phones. Posts go out like any message, `to` the newsletter. */

import { proto } from 'baileys'
import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import type { Newsletter, Post } from '../newsletters/newsletter.ts'
import { type BinaryNode, childOf, node, SERVER_JID, textOf } from '../wire/nodes.ts'
import { ControlError } from './control-error.ts'
import type { ControlParts } from './control-parts.ts'
import { actor } from './group-views.ts'
import { address } from './path-parameters.ts'

const by = z.string()
const newNewsletter = z.strictObject({ by, name: z.string(), description: z.string().default(''), picture: z.base64().optional() })
const change = z.strictObject({
  by,
  name: z.string().optional(),
  description: z.string().optional(),
  picture: z.base64().nullable().optional(),
})
const byOnly = z.strictObject({ by })
const reaction = z.strictObject({ by, serverId: z.number().int(), reaction: z.string() })
const viewing = z.strictObject({ by, serverIds: z.array(z.number().int()).min(1) })
const operating = z.strictObject({
  state: z.enum(['ACTIVE', 'SUSPENDED', 'GEOSUSPENDED']).optional(),
  /** Followers that become admins, without the invitation the app would send. */
  admins: z.array(address).optional(),
})
const terms = z.strictObject({ accepted: z.boolean() })
const withId = z.object({ id: z.string() })
const withNumber = z.object({ number: z.string() })
const answered = z.object({
  data: z.record(z.string(), z.unknown()).nullish(),
  errors: z.array(z.object({ message: z.string(), extensions: z.object({ error_code: z.number() }) })).optional(),
})

/** Ids of the queries, as companions use them. */
const CREATE = '8823471724422422'
const UPDATE = '24250201037901610'
const FOLLOW = '24404358912487870'
const UNFOLLOW = '9767147403369991'
const DELETE = '30062808666639665'

export function newsletterRoutes(api: FastifyInstance, parts: ControlParts): void {
  const { services } = parts

  const find = (params: unknown): Newsletter => {
    const { id } = withId.parse(params)
    const newsletter = services.newsletters.find(id.includes('@') ? id : `${id}@newsletter`)
    if (newsletter === undefined) throw new ControlError(404, `there is no newsletter ${id}`)
    return newsletter
  }

  /** Refusals become a 409 with WhatsApp's code and words. */
  const query = async (number: string, queryId: string, variables: unknown): Promise<unknown> => {
    const asked = node('query', { query_id: queryId }, Buffer.from(JSON.stringify({ variables })))
    const answer = await actor(parts, number).phone.ask(node('iq', { to: SERVER_JID, type: 'get', xmlns: 'w:mex' }, [asked]))
    const { data, errors } = answered.parse(JSON.parse(textOf(childOf(answer, 'result')) ?? ''))
    const [error] = errors ?? []
    if (error) throw new ControlError(409, `${error.extensions.error_code} ${error.message}`)
    return Object.values(data ?? {})[0]
  }

  api.post('/newsletters', async (request, reply) => {
    const { by: number, name, description, picture } = newNewsletter.parse(request.body)
    const { id } = withId.parse(await query(number, CREATE, { input: { name, description, picture } }))
    return reply.status(201).send(describeNewsletter(find({ id })))
  })

  api.get('/newsletters', async () => [...services.newsletters.all()].map(describeNewsletter))

  api.get('/newsletters/:id', async (request) => {
    const newsletter = find(request.params)
    return { ...describeNewsletter(newsletter), posts: [...newsletter.posts.values()].map(describePost) }
  })

  api.patch('/newsletters/:id', async (request) => {
    const newsletter = find(request.params)
    const { by: number, picture, ...texts } = change.parse(request.body)
    const updates = { ...texts, ...(picture !== undefined && { picture: picture ?? '' }), settings: null }
    await query(number, UPDATE, { newsletter_id: newsletter.jid, updates })
    return describeNewsletter(newsletter)
  })

  api.delete('/newsletters/:id', async (request, reply) => {
    await query(byOnly.parse(request.query).by, DELETE, { newsletter_id: find(request.params).jid })
    return reply.status(204).send()
  })

  for (const [verb, id] of [
    ['follow', FOLLOW],
    ['unfollow', UNFOLLOW],
  ] as const) {
    api.post(`/newsletters/:id/${verb}`, async (request) => {
      const newsletter = find(request.params)
      await query(byOnly.parse(request.body).by, id, { newsletter_id: newsletter.jid })
      return describeNewsletter(newsletter)
    })
  }

  /** An empty reaction takes the last one back. */
  api.post('/newsletters/:id/reactions', async (request, reply) => {
    const newsletter = find(request.params)
    const { by: number, serverId, reaction: code } = reaction.parse(request.body)
    const content = [node('reaction', code === '' ? {} : { code })]
    const attrs = { id: `R${services.groups.newCode()}`, to: newsletter.jid, type: 'reaction', server_id: String(serverId) }
    actor(parts, number).line.send(node('message', { ...attrs, edit: code === '' ? '7' : undefined }, content))
    return reply.status(204).send()
  })

  api.post('/newsletters/:id/views', async (request, reply) => {
    const newsletter = find(request.params)
    const { by: number, serverIds } = viewing.parse(request.body)
    const items = serverIds.map((serverId): BinaryNode => node('item', { server_id: String(serverId) }))
    const attrs = { id: `V${services.groups.newCode()}`, to: newsletter.jid, type: 'view' }
    actor(parts, number).line.send(node('receipt', attrs, [node('list', {}, items)]))
    return reply.status(204).send()
  })

  /** What WhatsApp does to a newsletter, not its people. */
  api.put('/newsletters/:id', async (request) => {
    const newsletter = find(request.params)
    const { state, admins = [] } = operating.parse(request.body)
    newsletter.state = state ?? newsletter.state
    for (const jid of admins) {
      const account = services.directory.resolve(jid)?.account
      const follower = account && newsletter.followers.get(account)
      if (follower === undefined) throw new ControlError(404, `${jid} does not follow ${newsletter.jid}`)
      if (follower.role === 'SUBSCRIBER') follower.role = 'ADMIN'
    }
    return describeNewsletter(newsletter)
  })

  /** Whether the account still has to agree to the terms before it makes a newsletter. */
  api.put('/phones/:number/newsletter-terms', async (request, reply) => {
    const { account } = actor(parts, withNumber.parse(request.params).number)
    if (terms.parse(request.body).accepted) services.newsletters.withoutTerms.delete(account)
    else services.newsletters.withoutTerms.add(account)
    return reply.status(204).send()
  })
}

function describeNewsletter(newsletter: Newsletter) {
  const { picture, followers } = newsletter
  return {
    id: newsletter.jid,
    name: newsletter.name.text,
    description: newsletter.description.text,
    invite: newsletter.invite,
    state: newsletter.state,
    createdAt: newsletter.createdAt,
    followers: [...followers].map(([{ jid, lid }, { role, muted }]) => ({ jid, lid, role, muted })),
    picture: picture === undefined ? null : { id: picture.id, base64: picture.bytes.toString('base64') },
  }
}

function describePost({ serverId, id, author, type, plaintext, at, reactions, viewers }: Post) {
  return {
    serverId,
    id,
    author: author.jid,
    type,
    timestamp: at,
    message: plaintext === undefined ? null : proto.Message.decode(plaintext).toJSON(),
    reactions: Object.fromEntries([...reactions].map(([{ jid }, code]) => [jid, code])),
    views: viewers.size,
  }
}
