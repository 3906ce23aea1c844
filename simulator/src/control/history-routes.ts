/** A past for a phone that has none. */
import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import type { ControlParts } from './control-parts.ts'
import { personOf } from './path-parameters.ts'

const wished = z
  .object({
    chats: z.int().min(1).max(10_000),
    /** Of each chat. */
    messages: z.int().min(1).max(1_000_000),
    days: z.int().min(1).max(3_650).default(30),
    groups: z.int().min(0).default(0),
    /** Numbers of phones the first chats are with. */
    people: z.array(z.string()).default([]),
  })
  .strict()
  .refine(({ chats, groups, people }) => groups + people.length <= chats, 'more people and groups than chats')

export function historyRoutes(api: FastifyInstance, { phones }: ControlParts): void {
  api.post('/phones/:number/history', async (request, reply) => {
    const person = personOf(phones, request.params)
    const wish = wished.parse(request.body)
    const people = wish.people.map((number) => {
      const { jid, lid, name } = personOf(phones, { number }).account
      return { jid, lid, name }
    })
    return reply.status(201).send({ chats: person.phone.remember({ ...wish, people }) })
  })
}
