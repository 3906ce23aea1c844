/** Channels: the five routes (groups-channels-integrations.md §3.5–3.10). Posts are sent like any message. */
import { z } from 'zod'
import { ApiError } from '../http/errors.ts'
import { longText } from '../http/long-value.ts'
import { instanceOperation, type Operation } from '../http/operation.ts'
import type { MediaSource } from '../media/media.ts'
import type { Logger } from '../runtime/logging.ts'
import { EngineError, type EngineSession } from '../whatsapp/engine.ts'
import type { Newsletter } from '../whatsapp/newsletters.ts'
import { parseNewsletterIdentifier } from './identifier.ts'

export interface NewslettersFeature {
  readonly operations: readonly Operation[]
}

interface Collaborators {
  /** Null when it is not connected. */
  session(instanceId: string): EngineSession | null
  /** JPEG, cut to what WhatsApp wants. Throws 400s. */
  picture(source: MediaSource): Promise<Uint8Array>
  logger: Logger
}

const channel = z.object({
  jid: z.string(),
  state: z.enum(['active', 'suspended', 'geosuspended']),
  name: z.string(),
  description: z.string(),
  inviteLink: z.string().optional(),
  subscriberCount: z.number().int(),
  pictureUrl: z.string().nullable(),
})

const view = ({ jid, state, name, description, invite, subscribers, pictureUrl }: Newsletter): z.infer<typeof channel> => ({
  jid,
  state,
  name,
  description,
  ...(invite === null ? {} : { inviteLink: `https://whatsapp.com/channel/${invite}` }),
  subscriberCount: subscribers,
  pictureUrl,
})

const texts = {
  name: "The 'name' field is required",
  field: "The 'identifier' field is required (JID @newsletter or invite link/code)",
  query: "The 'identifier' query parameter is required (JID @newsletter or invite link/code)",
  invalid: 'Invalid newsletter identifier (use JID @newsletter or invite link/code)',
  notConnected: 'Instance is not connected to WhatsApp',
  notFound: 'newsletter not found',
  noMetadata: 'newsletter not found or no metadata returned',
}

const refused = (message: string) => ({ status: 400, message })
const shared = [refused(texts.notConnected), { status: 429, message: 'WhatsApp rate limit reached. Try again later.' }]
const route = { token: 'any', rateLimit: 'global', tag: 'Newsletters' } as const

export const createNewslettersFeature = ({ session: sessionOf, picture, logger }: Collaborators): NewslettersFeature => {
  const newslettersOf = (instanceId: string): EngineSession['newsletters'] => {
    const session = sessionOf(instanceId)
    if (session === null) throw new ApiError(400, texts.notConnected)
    return session.newsletters
  }

  /** Runs what asks WhatsApp; `failed` says what did not work, `missing` what a channel nobody knows is answered with. */
  const asked = async <T>(failed: string, missing: string | null, work: () => Promise<T>): Promise<T> => {
    try {
      return await work()
    } catch (error) {
      if (!(error instanceof EngineError)) throw error
      if (error.code === 'not-connected' || error.code === 'logged-out') throw new ApiError(400, texts.notConnected)
      if (error.code === 'rate-limited') throw new ApiError(429, 'WhatsApp rate limit reached. Try again later.')
      if (missing !== null && error.serverCode === 404) throw new ApiError(400, missing)
      throw new ApiError(500, `${failed}: ${error.code === 'timeout' ? 'WhatsApp did not answer in time' : error.message}`)
    }
  }

  /** JID, link or code; throws 400 for what is none, and with `required` for nothing at all. */
  const identified = (text: string | null | undefined, required: string) => {
    if (!text?.trim()) throw new ApiError(400, required)
    const named = parseNewsletterIdentifier(text)
    if (named === null) throw new ApiError(400, texts.invalid)
    return named
  }

  const pictureOr = async (source: MediaSource | null, instanceId: string): Promise<Uint8Array | null> => {
    if (source === null) return null
    return picture(source).catch((error: unknown) => {
      // The channel is worth more than its picture.
      logger.warn({ instance: instanceId, err: error }, 'The picture of a channel could not be made')
      return null
    })
  }

  return {
    operations: [
      instanceOperation({
        ...route,
        id: 'newsletter.create',
        needs: ['newsletters'],
        method: 'POST',
        path: '/api/newsletter/create/:instance',
        summary: 'Create a channel',
        description: 'A picture that cannot be used does not stop it. When WhatsApp asks to agree to its terms for creators, that is done.',
        longValues: true,
        once: 'unrepeatable',
        body: z.object({
          name: z.string().nullish().meta({ example: 'News', description: 'Required' }),
          description: z.string().max(2048).nullish().meta({ example: 'What is new' }),
          picture: longText()
            .nullish()
            .meta({ example: 'https://example.org/logo.png', description: 'Address, base64, `data:` URL or a file' }),
        }),
        answers: { 200: z.object({ success: z.literal(true), message: z.string(), channel }) },
        errors: [refused(texts.name), ...shared, { status: 500, message: 'failed to create newsletter: <reason>' }],
        async handle({ scope: { instance }, body }) {
          const name = body.name?.trim()
          if (!name) throw new ApiError(400, texts.name)
          const newsletters = newslettersOf(instance.id)
          const jpeg = await pictureOr(body.picture ? { url: body.picture } : null, instance.id)
          const wanted = { name, description: body.description?.trim() ?? '', picture: jpeg }
          const made = await asked('failed to create newsletter', null, () => newsletters.create(wanted))
          return { status: 200, body: { success: true, message: 'Newsletter created', channel: view(made) } }
        },
      }),
      instanceOperation({
        ...route,
        id: 'newsletter.list',
        needs: ['newsletters'],
        method: 'GET',
        path: '/api/newsletter/list/:instance',
        summary: 'List the channels that are followed',
        answers: {
          200: z.object({
            success: z.literal(true),
            message: z.string(),
            channels: z.array(channel),
            meta: z.object({ total: z.number().int() }),
          }),
        },
        errors: [...shared, { status: 500, message: 'failed to list newsletters: <reason>' }],
        async handle({ scope: { instance } }) {
          const found = await asked('failed to list newsletters', null, () => newslettersOf(instance.id).list())
          const message = `${found.length} newsletters found`
          return { status: 200, body: { success: true, message, channels: found.map(view), meta: { total: found.length } } }
        },
      }),
      instanceOperation({
        ...route,
        id: 'newsletter.info',
        needs: ['newsletters'],
        method: 'GET',
        path: '/api/newsletter/info/:instance',
        summary: 'Look at a channel',
        description: 'By JID, link or code; it need not be followed.',
        query: z.object({ identifier: z.string().optional().meta({ example: '120363000000000301@newsletter', description: 'Required' }) }),
        answers: { 200: z.object({ success: z.literal(true), message: z.string(), channel }) },
        errors: [
          ...[texts.query, texts.invalid, texts.noMetadata].map(refused),
          ...shared,
          { status: 500, message: 'failed to get newsletter info: <reason>' },
        ],
        async handle({ scope: { instance }, query }) {
          const named = identified(query.identifier, texts.query)
          const newsletters = newslettersOf(instance.id)
          const found = await asked('failed to get newsletter info', texts.noMetadata, () => newsletters.find(named))
          return { status: 200, body: { success: true, message: 'Newsletter info retrieved', channel: view(found) } }
        },
      }),
      instanceOperation({
        ...route,
        id: 'newsletter.join',
        needs: ['newsletters'],
        method: 'POST',
        once: false,
        path: '/api/newsletter/join/:instance',
        summary: 'Follow a channel',
        description: 'Its posts then arrive as `message.exchange` with `chat.type` `newsletter`.',
        body: z.object({ identifier: z.string().nullish().meta({ example: 'https://whatsapp.com/channel/abc', description: 'Required' }) }),
        answers: { 200: z.object({ success: z.literal(true), message: z.string(), channelJid: z.string() }) },
        errors: [
          ...[texts.field, texts.invalid, texts.notFound].map(refused),
          ...shared,
          { status: 500, message: 'failed to follow newsletter: <reason>' },
        ],
        async handle({ scope: { instance }, body }) {
          const named = identified(body.identifier, texts.field)
          const newsletters = newslettersOf(instance.id)
          const channelJid = await asked('failed to follow newsletter', texts.notFound, async () => {
            const jid = 'jid' in named ? named.jid : (await newsletters.find(named)).jid
            await newsletters.follow(jid)
            return jid
          })
          return { status: 200, body: { success: true, message: 'Successfully joined newsletter', channelJid } }
        },
      }),
      instanceOperation({
        ...route,
        id: 'newsletter.leave',
        needs: ['newsletters'],
        method: 'DELETE',
        path: '/api/newsletter/leave/:instance',
        summary: 'Follow a channel no longer',
        query: z.object({ identifier: z.string().optional().meta({ example: '120363000000000301@newsletter', description: 'Required' }) }),
        answers: { 200: z.object({ success: z.literal(true), message: z.string(), channelJid: z.string() }) },
        errors: [...[texts.query, texts.invalid].map(refused), ...shared, { status: 500, message: 'failed to leave newsletter: <reason>' }],
        async handle({ scope: { instance }, query }) {
          const named = identified(query.identifier, texts.query)
          const newsletters = newslettersOf(instance.id)
          const channelJid = await asked('failed to leave newsletter', null, async () => {
            const jid = 'jid' in named ? named.jid : (await newsletters.find(named)).jid
            await newsletters.unfollow(jid)
            return jid
          })
          return { status: 200, body: { success: true, message: 'Successfully left newsletter', channelJid } }
        },
      }),
    ],
  }
}
