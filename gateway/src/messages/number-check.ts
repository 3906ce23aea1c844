/** `POST /api/chat/check` (ours): which numbers are on WhatsApp. */
import { z } from 'zod'
import { ApiError } from '../http/errors.ts'
import { instanceOperation, type Operation } from '../http/operation.ts'
import { numberCandidates } from './number-candidates.ts'
import { parseRecipient } from './recipient.ts'
import { refusalOf } from './refusals.ts'
import type { SendingInstances } from './send.ts'

const MAX_NUMBERS = 50
/** WhatsApp is asked about so many at once. */
const AT_ONCE = 50

export const checkOperation = ({ instances }: { instances: SendingInstances }): Operation =>
  instanceOperation({
    id: 'chat.check',
    needs: ['number-lookup'],
    method: 'POST',
    once: false,
    path: '/api/chat/check/:instance',
    token: 'any',
    rateLimit: 'global',
    tag: 'Chat',
    summary: 'Which numbers are on WhatsApp',
    description: 'Ours. Of numbers with an optional digit (Brazil, Mexico, Argentina) both forms are looked up.',
    body: z.object({
      numbers: z
        .array(z.string().max(200))
        .nullish()
        .meta({ example: ['34600111222', '+55 21 98888-7777'], description: `1 to ${MAX_NUMBERS}. Required` }),
    }),
    answers: {
      200: z.object({
        success: z.literal(true),
        message: z.string(),
        results: z.array(z.object({ number: z.string(), exists: z.boolean(), jid: z.string().nullable(), lid: z.string().nullable() })),
      }),
    },
    errors: [
      { status: 400, message: 'Numbers is required' },
      { status: 400, message: `At most ${MAX_NUMBERS} numbers at once` },
      { status: 429, message: 'WhatsApp rate limit reached. Try again later.' },
      { status: 500, message: 'Failed to check numbers: <reason>' },
      { status: 503, message: 'Instance is not connected to WhatsApp' },
    ],
    async handle({ scope, body }) {
      const numbers = body.numbers ?? []
      if (numbers.length === 0) throw new ApiError(400, 'Numbers is required')
      if (numbers.length > MAX_NUMBERS) throw new ApiError(400, `At most ${MAX_NUMBERS} numbers at once`)
      const session = instances.session(scope.instance.id)
      const candidates = await Promise.all(numbers.map(candidatesOf))
      const asked = [...new Set(candidates.flat())]
      const known = new Map<string, { jid: string | null; lid: string | null }>()
      for (let start = 0; start < asked.length; start += AT_ONCE) {
        const answers = await session.lookUpNumbers(asked.slice(start, start + AT_ONCE)).catch((error: unknown) => {
          throw refusalOf(error, '', 'Failed to check numbers')
        })
        for (const { number, address } of answers) if (address !== null) known.set(number, address)
      }
      const results = numbers.map((number, index) => {
        const found = candidates[index]?.find((candidate) => known.has(candidate))
        const address = found === undefined ? undefined : known.get(found)
        return { number, exists: address !== undefined, jid: address?.jid ?? null, lid: address?.lid ?? null }
      })
      return { status: 200, body: { success: true, message: 'Numbers checked successfully', results } }
    },
  })

/** None of what is no number. */
const candidatesOf = async (text: string): Promise<readonly string[]> => {
  const recipient = parseRecipient(text)
  return recipient?.kind === 'number' ? numberCandidates(recipient.digits) : []
}
