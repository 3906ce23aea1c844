/**
 * Messages nobody could read. Each is noted in the inbox before anything about it is answered; Baileys asks the sender to repeat it (retry receipt);
 * after a moment the own phone is asked for its copy (placeholder re-send, as WhatsApp Web and whatsmeow do). Whatever brings the content is an
 * ordinary message. If nothing does, the row is reported without content by `messages/leftovers.ts`.
 */
import { proto } from 'baileys'
import type { Logger } from '../../../runtime/logging.ts'
import type { Address, InboxRow, StoreBatch } from '../../engine.ts'
import { bareJid } from '../../jid.ts'
import { withoutContent } from './inbox.ts'
import { LogLimit } from './log-limit.ts'
import { awaitedHash, awaitedRow, type StanzaAttributes } from './stanzas.ts'

export interface UnreadableOptions {
  /** What is handed in becomes durable before any frame made later leaves. */
  commit(batch: StoreBatch): void
  /** Rows noted by earlier sessions. */
  loadAwaited(limit: number): Promise<InboxRow[]>
  /** Asks the own phone for a message. */
  askPhone(key: proto.IMessageKey): Promise<unknown>
  /** From here on this message is cared for here, and Baileys need not ask the phone itself. */
  isHandled(id: string): void
  self(): Address
  /** How long the sender has before the phone is asked, ms. */
  askPhoneAfterMs: number
  logger: Logger
}

/** Messages whose content is awaited, as far as a session remembers them; the others are in the inbox all the same. */
const REMEMBERED = 500
/** Requests to the phone per minute: somebody who sends junk must not keep it busy. */
const ASKED_PER_MINUTE = 30

export class Unreadable {
  readonly #options: UnreadableOptions
  readonly #limit = new LogLimit({ perSubject: 1, inAll: 10 })
  /** By hash, oldest first. */
  readonly #awaited = new Map<string, { attributes: StanzaAttributes; askAt: number | null }>()
  #timer: NodeJS.Timeout | null = null
  #asked: number[] = []
  #open = false
  #ended = false

  constructor(options: UnreadableOptions) {
    this.#options = options
  }

  /** Throws when the store has failed. */
  note(attributes: StanzaAttributes, reason: string, phoneMayHelp = true): void {
    this.#options.isHandled(attributes.id ?? '')
    const peer = attributes.participant ?? attributes.from ?? ''
    const admitted = this.#limit.admit(peer)
    if (admitted !== null)
      this.#options.logger.warn(
        { messageId: attributes.id, peer, reason, ...(admitted.leftOut > 0 && { leftOut: admitted.leftOut }) },
        'a message could not be read and is asked for again',
      )
    const row = awaitedRow(attributes)
    if (this.#awaited.has(row.hash) || withoutContent(row, this.#options.self()) === null) return
    this.#options.commit({ put: [], remove: [], awaited: [row] })
    this.#remember(row, phoneMayHelp)
  }

  /** The content has come. Gives the row it was noted in, null when there is none. */
  came(attributes: StanzaAttributes): InboxRow | null {
    if (this.#awaited.size === 0) return null
    const hash = awaitedHash(attributes)
    return this.#awaited.delete(hash) ? { ...awaitedRow(attributes), hash } : null
  }

  /** The phone can be reached from now on. */
  async opened(): Promise<void> {
    this.#open = true
    const rows = await this.#options.loadAwaited(REMEMBERED)
    for (const row of rows.reverse()) if (!this.#awaited.has(row.hash)) this.#remember(row, true)
    this.#schedule()
  }

  end(): void {
    this.#ended = true
    if (this.#timer !== null) clearTimeout(this.#timer)
  }

  #remember({ hash, attributes }: InboxRow, ask: boolean): void {
    if (this.#awaited.size >= REMEMBERED) {
      const [oldest] = this.#awaited.keys()
      if (oldest !== undefined) this.#awaited.delete(oldest)
    }
    this.#awaited.set(hash, { attributes, askAt: ask ? Date.now() + this.#options.askPhoneAfterMs : null })
    if (ask) this.#schedule()
  }

  #schedule(): void {
    if (this.#timer !== null || !this.#open || this.#ended) return
    for (const { askAt } of this.#awaited.values()) {
      if (askAt === null) continue
      // In the order they were noted the first is due first.
      this.#timer = setTimeout(() => this.#ask(), Math.max(askAt - Date.now(), 0))
      return
    }
  }

  #ask(): void {
    this.#timer = null
    const now = Date.now()
    this.#asked = this.#asked.filter((at) => now - at < MINUTE_MS)
    for (const each of this.#awaited.values()) {
      if (each.askAt === null || each.askAt > now) continue
      each.askAt = null
      if (this.#asked.length >= ASKED_PER_MINUTE) continue
      this.#asked.push(now)
      const key = keyOf(each.attributes, this.#options.self())
      // No answer is an answer: the row stays until its time is up.
      if (key !== null)
        this.#options
          .askPhone(key)
          .catch((error: unknown) => this.#options.logger.debug({ error: String(error) }, 'the phone could not be asked'))
    }
    this.#schedule()
  }
}

const MINUTE_MS = 60_000

export const resendRequest = (messageKey: proto.IMessageKey): proto.Message.IPeerDataOperationRequestMessage => ({
  peerDataOperationRequestType: proto.Message.PeerDataOperationRequestType.PLACEHOLDER_MESSAGE_RESEND,
  placeholderMessageResendRequest: [{ messageKey }],
})

/** The message as the phone knows it, addressed as in the stanza. */
const keyOf = (attributes: StanzaAttributes, self: Address): proto.IMessageKey | null => {
  const outside = withoutContent({ attributes, receivedAt: 0 }, self)
  if (outside === null) return null
  const { from = '', participant, recipient } = attributes
  const remoteJid = withoutDevice(participant === undefined && outside.fromMe && recipient !== undefined ? recipient : from)
  return {
    remoteJid,
    id: outside.id,
    fromMe: outside.fromMe,
    ...(participant === undefined ? {} : { participant: withoutDevice(participant) }),
  }
}

const withoutDevice = (jid: string): string => bareJid(jid) ?? jid
