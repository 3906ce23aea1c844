/**
 * The way of a message out: check → recipient → quote → its turn in the chat → typing → stored as pending under its final id → WhatsApp →
 * `message.exchange`. The id is fixed and the row written before WhatsApp gets anything, so that neither a crash nor a retry receipt
 * meets a message we do not know. Once WhatsApp has it, the answer is a success whatever happens to us.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { ApiError, errors } from '../http/errors.ts'
import type { Instance } from '../instances/instance.ts'
import type { Attached, Media } from '../media/media.ts'
import { type Clock, rfc3339 } from '../runtime/clock.ts'
import type { Logger } from '../runtime/logging.ts'
import { milestones } from '../runtime/milestones.ts'
import { randomness } from '../runtime/randomness.ts'
import type { Database } from '../storage/database.ts'
import { addressOf } from '../whatsapp/address.ts'
import type { Address, EngineSession, SendOptions } from '../whatsapp/engine.ts'
import { isGroupJid, isNewsletterJid, lidJid, numberJid, parseJid, STATUS_BROADCAST } from '../whatsapp/jid.ts'
import { decodeWireMessage, encodeWireMessage, type WireMessage } from '../whatsapp/wire.ts'
import { attachedBefore, findBegun, hasLeft, isAnnounced } from './begun.ts'
import { type CarriedMedia, carriedMedia } from './carried-media.ts'
import type { CommonBody } from './common-body.ts'
import { canonical, type Mentions, type Quote, writeContext } from './context.ts'
import { chatTypeOf, exchangeData, type Person } from './exchange.ts'
import type { Composed, Composing, LinkPreview, Reading } from './kinds/kind.ts'
import { readMessage } from './kinds/registry.ts'
import { findMessages, insertMessages, type NewMessage, type StoredMessage } from './message-repository.ts'
import { withSecret } from './message-secret.ts'
import { noteStored } from './noting.ts'
import type { People } from './people.ts'
import { findQuote } from './quotes.ts'
import { parseRecipient, type Recipients } from './recipient.ts'
import type { InstanceFacts, MediaStore, Recorder } from './recorder.ts'
import { refusalOf } from './refusals.ts'
import { findStoryAudience } from './story-audience.ts'
import type { Turns } from './turns.ts'
import type { Unconfirmed } from './unconfirmed.ts'

/** The answer's `data` (decisions.md §4). */
export interface SentMessage {
  messageId: string
  messageType: string
  direction: 'outgoing'
  /** Absent where there is none, e.g. with a sticker. */
  content?: string
  timestamp: string
  source: string
  chat: Person & { groupName?: string }
  sender: Person
  replyTo?: { messageId: string }
  mentions?: string[]
}

/** A message WhatsApp has. From here on nothing may turn the answer into a failure: the caller would send it again. */
interface Left {
  answered: SentMessage
  /** Resolves when its event is durable, or could not be stored, and its file is where it is kept. Never rejects. */
  settled: Promise<unknown>
}

export interface Sender {
  /** Throws the ApiErrors of the send routes. */
  send(
    instance: Instance,
    body: CommonBody,
    kind: { check(): void; compose(composing: Composing): Promise<Composed> },
    /** Of an Idempotency-Key: a message that was sent, or tried, with it is the same one. */
    seed?: string | null,
  ): Promise<SentMessage>
}

export interface SendingInstances extends InstanceFacts {
  /** Throws when the instance is not connected. */
  session(instanceId: string): EngineSession
}

interface Collaborators {
  db: Database
  clock: Clock
  logger: Logger
  instances: SendingInstances
  people: People
  recipients: Recipients
  recorder: Recorder
  turns: Turns
  unconfirmed: Unconfirmed
  linkPreview(text: string): Promise<LinkPreview | null>
  media: SenderMedia
}

/** What sending needs of media/. */
export type SenderMedia = MediaStore & Pick<Media, 'attach' | 'keep'>

const LONGEST_DELAY_S = 60
const DEFAULT_SOURCE = 'api'

export const createSender = (collaborators: Collaborators): Sender => {
  const { db, clock, logger, instances, people, recipients, recorder, turns, unconfirmed, linkPreview, media } = collaborators

  /** `paused` is also sent when the message then fails: nobody should see us typing for ever. Channels and stories have nobody to see it. */
  const typeFor = async (session: EngineSession, to: Address, seconds: number): Promise<void> => {
    if (seconds <= 0) return
    const isSeen = chatTypeOf(canonical(to)) === 'private' || chatTypeOf(canonical(to)) === 'group'
    const show = async (state: 'composing' | 'paused'): Promise<void> => {
      if (!isSeen) return
      await session.setChatState(to, state).catch((error: unknown) => logger.debug({ err: error }, 'The typing state could not be shown'))
    }
    await show('composing')
    await sleep(seconds * 1000)
    await show('paused')
  }

  /** The own phone shows it too. */
  const storyAudience = async (instanceId: string, session: EngineSession, self: Address, number: string): Promise<Address[]> => {
    const audience = await findStoryAudience(db.read, instanceId, session, people).catch((error: unknown) => {
      throw refusalOf(error, number)
    })
    return [...audience, self]
  }

  const storePending = (row: NewMessage, carried: CarriedMedia | null): Promise<unknown> =>
    db.write(async (tx) => {
      await noteStored(tx, row.instance_id, [row], await insertMessages(tx, [row]), 'live')
      if (carried?.note) await media.note(tx, [carried.note])
    })

  const storeFailed = async ({ instance_id, message_id, chat }: NewMessage): Promise<void> => {
    try {
      await db.write((tx) =>
        tx
          .updateTable('messages')
          .set({ status: 'failed' })
          .where('instance_id', '=', instance_id)
          .where('message_id', '=', message_id)
          .where('chat', '=', chat)
          .execute(),
      )
    } catch (error) {
      logger.error({ err: error, message: message_id }, 'A failed message could not be marked; the next start does it')
    }
  }

  return {
    async send(instance, body, kind, seed = null) {
      const number = body.number?.trim() || body.to?.trim()
      if (!number) throw new ApiError(400, 'Number is required')
      kind.check()
      const recipient = parseRecipient(number)
      if (recipient === null) throw new ApiError(400, 'Invalid number')
      const session = instances.session(instance.id)
      const asked = await recipients.resolve(instance.id, session, recipient).catch((error: unknown) => {
        throw refusalOf(error, number)
      })
      const { to, quote } = await quoteFor(db, instance.id, asked, body)
      const mentions = isGroupJid(canonical(to)) ? mentionsOf(body) : { people: [], everybody: false }

      const leave = async (attached: Attached[]): Promise<Left> => {
        const self = instances.self(instance.id)
        const id = messageIdOf(seed ?? randomness(8).toString('hex').toUpperCase())
        const begun = seed === null ? null : await findBegun(db.read, instance.id, id)
        // Those who have got it already may ask for it again, and must not get another.
        const written = begun === null ? null : decodeWireMessage(begun.wire)
        const attach: Composing['attach'] = async (from, wanted) => {
          if (written !== null) return attachedBefore(written)
          const newsletter = isNewsletterJid(canonical(to))
          const one = await media.attach(from, wanted, { instanceId: instance.id, session, newsletter }).catch((error: unknown) => {
            throw refusalOf(error, number)
          })
          attached.push(one)
          return one
        }
        const [{ message: composed, messageType, content, answer = {}, extras: given = {}, opened }, audience] = await Promise.all([
          kind.compose({
            contextInfo: writeContext(quote, mentions),
            linkPreview: written === null ? linkPreview : async () => null,
            id,
            to,
            self,
            session,
            attach,
            stored: (messageId) => storedIn(db, instance.id, canonical(to), messageId),
            known: async (address) => (await people.meet(instance.id, [address]))(address),
          }),
          canonical(to) === STATUS_BROADCAST ? storyAudience(instance.id, session, self, number) : [],
          typeFor(session, to, Math.min(body.delay ?? 0, LONGEST_DELAY_S)),
        ])
        const extras = audience.length === 0 ? given : { audience, ...given }
        const message = written ?? withSecret(composed, canonical(to))
        const introduce = await people.meet(instance.id, [to, self])
        const chat = introduce(to)
        const sender = introduce(self)
        const source = body.source?.trim() || DEFAULT_SOURCE
        const reading = readMessage(message, opened)
        const row = rowOf({
          instanceId: instance.id,
          id,
          chat,
          sender,
          reading,
          message,
          content: content ?? '',
          source,
          quote,
          now: clock.now(),
        })
        const carried = carriedMedia(
          { instanceId: instance.id, messageId: id, chat, sender, fromMe: true, message },
          { newId: () => begun?.mediaId ?? media.newId(), s3Url: await media.s3Urls(instance.id) },
          begun === null ? attached : [],
        )
        let kept: Promise<void> | undefined
        if (begun === null) {
          await storePending(row, carried)
          const ours = attached.find((one) => one.id === carried?.note?.id)
          if (ours !== undefined) {
            // It takes the file over, and never throws.
            attached.splice(attached.indexOf(ours), 1)
            kept = media.keep(instance.id, ours)
          } else if (carried?.note) media.wake()
        }

        milestones.sending.publish({ ids: [id] })
        const hand = () => handOver(instances, instance.id, to, message, { ...extras, id })
        const handFirst = () =>
          unconfirmed
            .handOver(instance.id, id, hand, () => turns.take(instance.id, canonical(to), hand))
            .catch(async (error: unknown) => {
              await kept
              await storeFailed(row)
              throw refusalOf(error, number)
            })
        const { timestamp } = begun !== null && hasLeft(begun) ? { timestamp: begun.sentAt } : await handFirst()

        milestones.left.publish({ ids: [id] })
        const data = exchangeData({ id, fromMe: true, timestamp, chat, sender, message, reading, media: carried?.told ?? null, source })
        const announce = async (): Promise<void> => {
          if (begun !== null && (await isAnnounced(db.read, instance.id, canonical(chat), begun))) return
          await recorder.announce({ instanceId: instance.id, name: 'message.exchange', lane: canonical(chat), data })
        }
        const announced = announce().catch((error: unknown) =>
          logger.error({ err: error, message: id }, 'A sent message could not be announced'),
        )
        // What is new is in line already; this one only when it has been looked up.
        if (begun !== null) await announced
        const group = isGroupJid(canonical(chat)) && chat.name !== null ? { groupName: chat.name } : {}
        const answered: SentMessage = {
          messageId: id,
          messageType,
          direction: 'outgoing',
          ...(content === null ? {} : { content }),
          timestamp: rfc3339(timestamp),
          source,
          chat: { ...chat, ...group },
          sender,
          ...answer,
          ...(quote === null ? {} : { replyTo: { messageId: quote.messageId } }),
          ...(mentions.people.length === 0 ? {} : { mentions: [...mentions.people] }),
        }
        return { answered, settled: Promise.all([announced, kept]) }
      }

      const { answered, settled } = await turns.take(instance.id, canonical(to), async () => {
        const attached: Attached[] = []
        try {
          return await leave(attached)
        } finally {
          // Those that are kept are no longer among them.
          for (const { file } of attached) await file.discard()
        }
      })
      // The chat's next message need not wait for this: events are stored in the order in which they get in line.
      await settled
      return answered
    },
  }
}

/** The session is asked for anew, since the instance may have been disconnected while the message waited. */
const handOver = async (
  instances: SendingInstances,
  instanceId: string,
  to: Address,
  message: WireMessage,
  options: SendOptions,
): Promise<{ timestamp: number }> => instances.session(instanceId).send(to, message, options)

/** With `replyPrivate` the answer goes to the author of a group message in place of the group. */
const quoteFor = async (
  db: Database,
  instanceId: string,
  asked: Address,
  body: CommonBody,
): Promise<{ to: Address; quote: Quote | null }> => {
  const messageId = body.replyTo?.trim()
  if (!messageId) return { to: asked, quote: null }
  const { quote, chat, privateTo } = await findQuote(db.read, instanceId, canonical(asked), messageId)
  const to = body.replyPrivate && privateTo !== null ? addressOf(privateTo) : asked
  return { to, quote: { ...quote, otherChat: chat === canonical(to) ? null : chat } }
}

const storedIn = async (db: Database, instanceId: string, chat: string, messageId: string): Promise<StoredMessage | null> =>
  (await findMessages(db.read, instanceId, messageId)).find((message) => message.chat === chat) ?? null

/** Numbers or JIDs, with or without `@` or `+` in front. Throws 400 for what is neither. */
const mentionsOf = (body: CommonBody): Mentions => ({
  people: (body.mention ?? []).map((text, index) => {
    const jid = parseJid(text.trim())
    if (jid?.server === 'lid') return lidJid(jid.user)
    const digits = jid?.server === 's.whatsapp.net' ? jid.user : text.replace(/[\s@+().-]/g, '')
    if (!/^\d{5,20}$/.test(digits)) throw errors.invalidBody(`mention[${index}] must be a number`)
    return numberJid(digits)
  }),
  everybody: body.mentionAll ?? false,
})

/** `3EB0` and 16 hex digits, as WhatsApp Web's own and in the documentation. */
const messageIdOf = (seed: string): string => `3EB0${seed}`

interface Outgoing {
  instanceId: string
  id: string
  chat: Person
  sender: Person
  reading: Reading
  message: WireMessage
  content: string
  source: string
  quote: Quote | null
  now: number
}

const rowOf = ({ instanceId, id, chat, sender, reading, message, content, source, quote, now }: Outgoing): NewMessage => {
  const { type, about = null, changes, mediaType } = reading
  return {
    instance_id: instanceId,
    message_id: id,
    chat: canonical(chat),
    sender: canonical(sender),
    from_me: 1,
    type,
    content,
    source,
    status: 'pending',
    push_name: sender.name,
    refers_to: quote?.messageId ?? changes ?? about,
    edited_content: null,
    revoked: 0,
    media_type: mediaType,
    wire: encodeWireMessage(message),
    sent_at: now,
    stored_at: now,
    from_history: 0,
    starred: 0,
  }
}
