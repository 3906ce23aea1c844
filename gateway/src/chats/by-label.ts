/** `GET /api/chat/contactsByLabel` (chat-profile-calls.md §2): chats that carry labels. */
import { z } from 'zod'
import { instanceOperation, type Operation } from '../http/operation.ts'
import type { Address } from '../whatsapp/engine.ts'
import { isLid } from '../whatsapp/jid.ts'
import type { ChatCollaborators } from './collaborators.ts'
import { asked, notConnected, notReady, route } from './route.ts'
import { tagShape, toTag } from './tag-operations.ts'

export const byLabelOperation = ({ session, messages, labels }: ChatCollaborators): Operation =>
  instanceOperation({
    ...route,
    id: 'chat.contactsByLabel',
    method: 'GET',
    path: '/api/chat/contactsByLabel/:instance',
    summary: 'Chats that carry labels',
    description: 'With neither filter those with any label; with both, those that one of them finds.',
    query: z.object({
      labelIds: z.string().optional().meta({ example: '1,2,3', description: 'Chats with at least one of these' }),
      labelNames: z.string().optional().meta({ example: 'Paid,New', description: 'The same by name, in capitals or not' }),
      refresh: z.enum(['true', 'false', '1', '0']).optional().meta({ description: 'Read all labels from WhatsApp first' }),
    }),
    answers: {
      200: z.object({
        success: z.literal(true),
        message: z.string(),
        chats: z.array(
          z.object({ chat_jid: z.string(), lid: z.string().nullable(), name: z.string().nullable(), labels: z.array(tagShape) }),
        ),
        total_chats: z.number().int(),
        total_rows: z.number().int(),
        refreshed: z.boolean(),
        filter_label_ids: z.array(z.string()),
      }),
    },
    errors: [{ status: 409, message: notReady }, notConnected],
    async handle({ scope: { instance }, query: { labelIds, labelNames, refresh } }) {
      const refreshed = refresh === 'true' || refresh === '1'
      if (refreshed) await asked(() => session(instance.id).labels.refresh())
      const ids = await wanted(parts(labelIds), parts(labelNames), () => labels.list(instance.id))
      const rows = await labels.carried(instance.id, ids)
      const introduce = await messages.peopleOf(
        instance.id,
        rows.map(({ chat }) => addressOf(chat)),
      )
      // A chat that was labelled under both its names is one.
      const grouped = Map.groupBy(rows, ({ chat }) => {
        const { jid, lid } = introduce(addressOf(chat))
        return jid ?? lid ?? chat
      })
      const chats = [...grouped].map(([chat_jid, carried]) => {
        const { lid, name } = introduce(addressOf(chat_jid))
        const tags = new Map(carried.map(({ label }) => [label.id, toTag(label)]))
        return { chat_jid, lid, name, labels: [...tags.values()].sort((a, b) => Number(a.id) - Number(b.id)) }
      })
      const counts = { total_chats: chats.length, total_rows: chats.reduce((sum, chat) => sum + chat.labels.length, 0) }
      const message = 'Chats retrieved successfully'
      return { status: 200, body: { success: true, message, chats, ...counts, refreshed, filter_label_ids: ids ?? [] } }
    },
  })

/** Null: no filter at all. Names that no label has find nothing. */
const wanted = async (
  ids: readonly string[],
  names: readonly string[],
  list: () => Promise<readonly { id: string; name: string }[]>,
): Promise<string[] | null> => {
  if (ids.length === 0 && names.length === 0) return null
  if (names.length === 0) return [...new Set(ids)]
  const folded = new Set(names.map((name) => name.toLowerCase()))
  const named = (await list()).filter(({ name }) => folded.has(name.trim().toLowerCase())).map(({ id }) => id)
  return [...new Set([...ids, ...named])]
}

const parts = (text: string | undefined): string[] => (text ?? '').split(',').flatMap((part) => part.trim() || [])

const addressOf = (jid: string): Address => (isLid(jid) ? { jid: null, lid: jid } : { jid, lid: null })
