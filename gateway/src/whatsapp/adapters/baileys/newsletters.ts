/**
 * Channels over `w:mex`, WhatsApp's GraphQL by numbers. Ids of the queries: Baileys 7 (`QueryIds`) and, for those followed, whatsmeow; Baileys
 * has no such query, and its answer to a creation cannot be read when there is no picture.
 */
import type { BinaryNode } from 'baileys'
import { z } from 'zod'
import { EngineError } from '../../engine.ts'
import type { Newsletter, NewsletterSession } from '../../newsletters.ts'

const queries = {
  create: { id: '8823471724422422', path: 'xwa2_newsletter_create' },
  find: { id: '6563316087068696', path: 'xwa2_newsletter' },
  list: { id: '6388546374527196', path: 'xwa2_newsletter_subscribed' },
  follow: { id: '24404358912487870', path: 'xwa2_newsletter_join_v2' },
  unfollow: { id: '9767147403369991', path: 'xwa2_newsletter_leave_v2' },
} as const

/** Notice of the terms for creators (whatsmeow's `AcceptTOSNotice`). */
const CREATORS_TERMS = '20601218'
const to = 's.whatsapp.net'

const text = z.object({ text: z.string().nullish() }).nullish()
const metadata = z.object({
  id: z.string(),
  state: z.object({ type: z.string().nullish() }).nullish(),
  thread_metadata: z.object({
    name: text,
    description: text,
    invite: z.string().nullish(),
    subscribers_count: z.union([z.string(), z.number()]).nullish(),
    picture: z.object({ direct_path: z.string().nullish() }).nullish(),
    preview: z.object({ direct_path: z.string().nullish() }).nullish(),
  }),
})
const answer = z.object({
  data: z.record(z.string(), z.unknown()).nullish(),
  errors: z
    .array(z.object({ message: z.string().nullish(), extensions: z.object({ error_code: z.number().nullish() }).nullish() }))
    .nullish(),
})

interface Collaborators {
  request(node: BinaryNode): Promise<BinaryNode>
  /** Where pictures are. */
  mediaHost: string | null
  /** Every channel read, whatever for. */
  onRead(newsletters: readonly Newsletter[]): void
}

export const createNewsletters = ({ request, mediaHost, onRead }: Collaborators): NewsletterSession['newsletters'] => {
  const ask = async ({ id, path }: { id: string; path: string }, variables: unknown): Promise<unknown> => {
    const content = [{ tag: 'query', attrs: { query_id: id }, content: Buffer.from(JSON.stringify({ variables })) }]
    const result = childOf(await request({ tag: 'iq', attrs: { to, type: 'get', xmlns: 'w:mex' }, content }), 'result')
    const { data, errors } = read(answer, JSON.parse(textOf(result)))
    const [error] = errors ?? []
    if (error !== undefined) {
      const code = error.extensions?.error_code ?? null
      throw new EngineError(code === 429 ? 'rate-limited' : 'rejected', error.message ?? 'WhatsApp refused', code)
    }
    return data?.[path]
  }

  const toNewsletter = (found: unknown): Newsletter => {
    const { id, state, thread_metadata: thread } = read(metadata, found)
    const path = thread.picture?.direct_path || thread.preview?.direct_path
    const told = state?.type?.toLowerCase()
    return {
      jid: id,
      state: told === 'suspended' || told === 'geosuspended' ? told : 'active',
      name: thread.name?.text ?? '',
      description: thread.description?.text ?? '',
      invite: thread.invite || null,
      subscribers: Number(thread.subscribers_count ?? 0) || 0,
      pictureUrl: path ? `https://${mediaHost ?? 'pps.whatsapp.net'}${path}` : null,
    }
  }

  const known = (newsletters: Newsletter[]): Newsletter[] => {
    onRead(newsletters)
    return newsletters
  }
  const knownOne = (newsletter: Newsletter): Newsletter => {
    onRead([newsletter])
    return newsletter
  }

  return {
    async create({ name, description, picture }) {
      const input = { name, description: description || null, picture: picture === null ? null : Buffer.from(picture).toString('base64') }
      const create = async () => knownOne(toNewsletter(await ask(queries.create, { input })))
      return create().catch(async (error: unknown) => {
        if (!(error instanceof EngineError) || !/terms|tos/i.test(error.message)) throw error
        const content = [{ tag: 'notice', attrs: { id: CREATORS_TERMS, stage: '5' } }]
        await request({ tag: 'iq', attrs: { to, type: 'set', xmlns: 'tos' }, content })
        return create()
      })
    },
    async list() {
      return known(read(z.array(z.unknown()), (await ask(queries.list, {})) ?? []).map(toNewsletter))
    },
    async find(by) {
      const input = 'jid' in by ? { key: by.jid, type: 'JID' } : { key: by.invite, type: 'INVITE' }
      const wanted = { fetch_creation_time: true, fetch_full_image: true, fetch_viewer_metadata: true }
      return knownOne(toNewsletter(await ask(queries.find, { ...wanted, input })))
    },
    async follow(jid) {
      await ask(queries.follow, { newsletter_id: jid })
    },
    async unfollow(jid) {
      await ask(queries.unfollow, { newsletter_id: jid })
    },
  }
}

/** What a channel is called, by the notification that comes with following it and with every change. Null: it says nothing of that. */
export const nameInNotification = ({ content }: BinaryNode): { jid: string; name: string } | null => {
  const update = Array.isArray(content) ? content.find(({ tag }) => tag === 'update') : undefined
  try {
    const [found] = Object.values(answer.parse(JSON.parse(textOf(update))).data ?? {})
    const { id, thread_metadata: thread } = metadata.parse(found)
    return thread.name?.text ? { jid: id, name: thread.name.text } : null
  } catch {
    return null
  }
}

/** Throws EngineError for what has another shape. */
const read = <T>(schema: z.ZodType<T>, value: unknown): T => {
  const parsed = schema.safeParse(value)
  if (!parsed.success) throw new EngineError('rejected', 'WhatsApp answered in a form nobody knows')
  return parsed.data
}

const textOf = (node: BinaryNode | undefined): string =>
  typeof node?.content === 'string' ? node.content : node?.content instanceof Uint8Array ? Buffer.from(node.content).toString() : '{}'

const childOf = (node: BinaryNode, tag: string): BinaryNode | undefined =>
  Array.isArray(node.content) ? node.content.find((child) => child.tag === tag) : undefined
