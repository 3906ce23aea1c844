/**
 * A past nobody has lived through: conversations made up from a secret, the same each time. Nothing of it is kept; message m of chat c is
 * written when somebody wants to see it, so that a hundred thousand of them cost nothing.
 */
import { createHash } from 'node:crypto'
import { proto } from 'baileys'
import type { PastChat, PastWish, PhoneIdentity } from '../ports.ts'

const DAY = 86_400
const WORDS =
  'the and order price when please today tomorrow thanks size colour send address payment arrived photo yes no maybe call'.split(' ')
const FIRST = ['Ana', 'Bia', 'Caio', 'Davi', 'Elisa', 'Fred', 'Gabi', 'Hugo', 'Iris', 'João', 'Kika', 'Luca']
/** Their numbers and LIDs are nobody's on the network. */
const MADE_UP_NUMBER = 1_555_000_0000
const MADE_UP_LID = 200_000_000_000_000
const READ = proto.WebMessageInfo.Status.READ

interface Chat extends PastChat {
  index: number
}

export class Past {
  readonly chats: readonly Chat[]
  readonly #self: PhoneIdentity
  readonly #secret: Uint8Array
  readonly #wish: PastWish
  readonly #byJid = new Map<string, Chat>()
  /** Unix seconds of the newest message there can be. */
  readonly #end: number

  /** `now`: Unix seconds; everything is older. */
  constructor({ self, secret, wish, now }: { self: PhoneIdentity; secret: Uint8Array; wish: PastWish; now: number }) {
    this.#self = self
    this.#secret = secret
    this.#wish = wish
    this.#end = now - 3_600
    this.chats = Array.from({ length: wish.chats }, (_, index) => this.#chat(index))
    for (const chat of this.chats) for (const jid of [chat.jid, chat.lid]) if (jid) this.#byJid.set(jid, chat)
  }

  find(jid: string): Chat | undefined {
    return this.#byJid.get(jid)
  }

  /** Position of this message in the chat, 0 is the newest; undefined when it is none of it. */
  position(chat: Chat, id: string): number | undefined {
    const position = Number.parseInt(id.slice(6, 12), 16)
    return position < chat.messages && this.#idOf(chat.index, position) === id ? position : undefined
  }

  /** Newest first, from position `from` to before `to`. */
  *messages(chat: Chat, from = 0, to = chat.messages): Generator<proto.IWebMessageInfo> {
    for (let position = from; position < Math.min(to, chat.messages); position += 1) yield this.#message(chat, position)
  }

  /** The first position that is older than this time (Unix seconds). */
  firstBefore(chat: Chat, time: number): number {
    let [low, high] = [0, chat.messages]
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#timeOf(chat.index, middle) < time) high = middle
      else low = middle + 1
    }
    return low
  }

  /** Conversation as the phone lists it, without messages. */
  conversation(chat: Chat): proto.IConversation {
    const { index, jid, lid, name, saved, unread } = chat
    return {
      id: lid ?? jid,
      ...(lid === undefined ? {} : { pnJid: jid, lidJid: lid }),
      ...(saved ? { name } : {}),
      unreadCount: unread,
      conversationTimestamp: this.#timeOf(index, 0),
      archived: index % 10 === 9,
      ...(index < 3 ? { pinned: this.#end - index } : {}),
      ...(index % 7 === 6 ? { muteEndTime: this.#end + 30 * DAY } : {}),
      ...(lid === undefined ? {} : { tcToken: this.#noise(`token ${index}`).subarray(0, 12), tcTokenTimestamp: this.#end }),
    }
  }

  #chat(index: number): Chat {
    const { groups, people, messages } = this.#wish
    const isGroup = index >= this.#wish.chats - groups
    const known = people[index]
    const madeUp = {
      name: `${FIRST[index % FIRST.length]} ${index}`,
      jid: `${MADE_UP_NUMBER + index}@s.whatsapp.net`,
      lid: `${MADE_UP_LID + index}@lid`,
    }
    const identity = isGroup ? { name: `Group ${index}`, jid: `12036${MADE_UP_LID + index}@g.us`, lid: undefined } : (known ?? madeUp)
    // A person's own name comes with their messages; what the phone calls them stands in its address book.
    const saved = isGroup || index % 2 === 0
    const unread = index % 5 === 0 ? Math.min(index % 4, messages) : 0
    const ends = { newest: this.#idOf(index, 0), oldest: this.#idOf(index, messages - 1) }
    return {
      ...identity,
      name: saved && !isGroup ? `${identity.name} (saved)` : identity.name,
      pushName: identity.name,
      index,
      saved,
      unread,
      messages,
      ...ends,
    }
  }

  #message(chat: Chat, position: number): proto.IWebMessageInfo {
    const { index } = chat
    const noise = this.#noise(`${index} ${position}`)
    const fromMe = (noise[0] ?? 0) % 2 === 1
    const remoteJid = chat.lid ?? chat.jid
    // In a group one of its first members speaks.
    const member =
      chat.lid === undefined && !fromMe ? this.chats[(noise[1] ?? 0) % Math.min(8, this.chats.length - this.#wish.groups)] : undefined
    const participant = member?.lid ?? member?.jid
    return {
      key: { remoteJid, fromMe, id: this.#idOf(index, position), participant },
      message: { conversation: `${wordsOf(noise)} #${chat.messages - position}` },
      messageTimestamp: this.#timeOf(index, position),
      participant,
      pushName: fromMe ? this.#self.name : (member?.pushName ?? chat.pushName),
      status: fromMe ? READ : undefined,
    }
  }

  /** Evenly over the days, each chat a little beside the others. */
  #timeOf(index: number, position: number): number {
    const { days, messages } = this.#wish
    return this.#end - index - Math.floor((position * (days * DAY - 7_200)) / messages)
  }

  /** Says itself which message it is: `3A`, chat, position, and what nobody can guess. */
  #idOf(index: number, position: number): string {
    return `3A${hex(index, 4)}${hex(position, 6)}${this.#noise(`id ${index} ${position}`).toString('hex').slice(0, 8).toUpperCase()}`
  }

  #noise(of: string): Buffer {
    return createHash('sha256').update(this.#secret).update(of).digest()
  }
}

const hex = (value: number, digits: number): string => value.toString(16).toUpperCase().padStart(digits, '0')

const wordsOf = (noise: Buffer): string =>
  Array.from(noise.subarray(2, 6 + ((noise[2] ?? 0) % 24)), (byte) => WORDS[byte % WORDS.length]).join(' ')
