/** Stanzas as they are, for what no part of the network makes by itself: channels, unavailable messages, junk. */
import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { type BinaryNode, node } from '../wire/nodes.ts'
import { ControlError } from './control-error.ts'
import type { ControlParts } from './control-parts.ts'
import { personOf } from './path-parameters.ts'

interface WrittenStanza {
  tag: string
  attrs: Record<string, string>
  /** Bytes in base64, or children. */
  content?: { base64: string } | WrittenStanza[] | undefined
}

const stanza: z.ZodType<WrittenStanza> = z.strictObject({
  tag: z.string().min(1),
  attrs: z.record(z.string(), z.string()).default({}),
  get content() {
    return z.union([z.strictObject({ base64: z.base64() }), z.array(stanza)]).optional()
  },
})
const withDevice = z.object({ id: z.coerce.number().int() })

export function stanzaRoutes(api: FastifyInstance, { phones }: ControlParts): void {
  /** The companion gets it as from the network: now or when it is back, and again until it confirms it. */
  api.post('/phones/:number/devices/:id/stanzas', async (request, reply) => {
    const person = personOf(phones, request.params)
    const { id } = withDevice.parse(request.params)
    const device = person.account.devices.get(id)
    if (device === undefined || device.isPhone) throw new ControlError(404, `${person.account.number} has no companion ${id}`)
    device.mailbox.deliver(read(stanza.parse(request.body)))
    return reply.status(204).send()
  })
}

function read({ tag, attrs, content }: WrittenStanza): BinaryNode {
  return node(tag, attrs, Array.isArray(content) ? content.map(read) : content && Buffer.from(content.base64, 'base64'))
}
