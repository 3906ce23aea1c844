/** Ours: `GET /api/chat/search/:instance`, stored messages by their words. */
import { z } from 'zod'
import { ApiError } from '../../http/errors.ts'
import { instanceOperation, type Operation, requiredString } from '../../http/operation.ts'
import { parseMoment } from '../../runtime/clock.ts'
import type { ChatCollaborators } from '../collaborators.ts'
import { cursorField, limitField, parseCursor, writeCursor } from '../paging.ts'
import { route } from '../route.ts'
import { shownMessage } from '../shown-message.ts'
import type { Position } from './index-table.ts'
import { searchPage } from './search-page.ts'
import { snippetOf } from './snippet.ts'
import { messageWords } from './terms.ts'

const missing = 'q is required (use ?q=<words>)'
const badDate = (field: string) => `invalid '${field}' date format. Use ISO 8601 format (e.g., '2026-02-16T18:32:39Z')`

const foundMessage = shownMessage.extend({
  snippet: z.string(),
  highlights: z.array(z.object({ start: z.number().int(), length: z.number().int() })),
})

export const searchOperation = ({ db, messages }: Pick<ChatCollaborators, 'db' | 'messages'>): Operation =>
  instanceOperation({
    ...route,
    id: 'chat.search',
    method: 'GET',
    path: '/api/chat/search/:instance',
    summary: 'Stored messages by their words, the newest first',
    description:
      'Ours. All words have to be there, whatever their case and accents, the last one as the beginning of a word. From the store; WhatsApp is not asked. Pass `nextCursor` on as `before` for the next page, until it is `null`. A page may be short although more follow.',
    query: z.object({
      q: requiredString(missing).max(200).meta({ example: 'invoice apr', description: 'Words; everything else in it is ignored' }),
      number: z.string().optional().meta({ example: '34600111222', description: 'Only in this chat: number or JID' }),
      from: z.string().optional().meta({ example: '2026-05-01T00:00:00Z', description: 'Not before this moment' }),
      to: z.string().optional().meta({ example: '2027-05-01T00:00:00Z', description: 'Not after this moment' }),
      type: z.string().max(40).optional().meta({ example: 'text', description: 'Only messages of this type, as events name it' }),
      fromMe: z
        .enum(['true', 'false'])
        .optional()
        .meta({ example: 'false', description: 'Only those of the account, or only those of others' }),
      limit: limitField,
      before: cursorField,
    }),
    answers: {
      200: z.object({
        success: z.literal(true),
        message: z.string(),
        messages: z.array(foundMessage),
        count: z.number().int(),
        nextCursor: z.string().nullable(),
      }),
    },
    errors: [
      { status: 400, message: missing },
      { status: 400, message: 'Invalid number' },
      { status: 400, message: badDate('from') },
      { status: 400, message: badDate('to') },
      { status: 400, message: 'Invalid cursor' },
    ],
    async handle({ scope: { instance }, query }) {
      const words = messageWords(query.q)
      const chats = query.number?.trim() ? await messages.namesOfChat(instance.id, query.number) : null
      const page = await searchPage(db, {
        instanceId: instance.id,
        words,
        chats,
        from: momentIn('from', query.from),
        to: momentIn('to', query.to),
        type: query.type?.trim() || null,
        fromMe: query.fromMe === undefined ? null : query.fromMe === 'true',
        limit: query.limit,
        before: positionIn(query.before),
      })
      const found = page.messages.map((one) => {
        const { text: snippet, highlights } = snippetOf(one.content, words)
        return { ...one, snippet, highlights }
      })
      const nextCursor = page.next === null ? null : writeCursor([page.next.moment, page.next.seq])
      const message = `${found.length} ${found.length === 1 ? 'message' : 'messages'} found`
      return { status: 200, body: { success: true, message, messages: found, count: found.length, nextCursor } }
    },
  })

const momentIn = (field: 'from' | 'to', text: string | undefined): number | null => {
  if (!text?.trim()) return null
  const moment = parseMoment(text)
  if (moment === null) throw new ApiError(400, badDate(field))
  return moment
}

const positionIn = (cursor: string | undefined): Position | null => {
  if (cursor === undefined) return null
  const [moment, seq] = parseCursor(cursor, /^(\d{1,10}) (\d{1,10})$/)
  return { moment: Number(moment), seq: Number(seq) }
}
