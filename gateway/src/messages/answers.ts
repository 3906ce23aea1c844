/** Opens whatever is sealed (`kinds/sealed-answer.ts`) with the secret of the message it is about, which came earlier or comes along with it. */
import type { Reader } from '../storage/database.ts'
import { addressOf } from '../whatsapp/address.ts'
import type { Address, EngineEvent, ReceivedMessage } from '../whatsapp/engine.ts'
import { decodeWireMessage, type WireMessage } from '../whatsapp/wire.ts'
import { canonical } from './context.ts'
import { type OpenedAnswer, openAnswer, sealedAnswerIn } from './kinds/sealed-answer.ts'

/** The messages that something sealed in a batch is about. */
export interface Questions {
  /** Their authors and chats, to be introduced. */
  addresses: readonly Address[]
  /** Undefined: it is no answer, or nobody here can read it. */
  open(answer: ReceivedMessage, introduce: (address: Address) => Address): OpenedAnswer | undefined
}

interface Question {
  id: string
  chat: Address
  author: Address
  message: WireMessage
}

const none: Questions = { addresses: [], open: () => undefined }

export const findQuestions = async (reader: Reader, instanceId: string, events: readonly EngineEvent[]): Promise<Questions> => {
  const messages = events.flatMap((event) => (event.type === 'message' ? [event.message] : []))
  const ids = new Set(messages.flatMap(({ message }) => sealedAnswerIn(message)?.questionId ?? []))
  if (ids.size === 0) return none
  const questions = [...(await storedQuestions(reader, instanceId, [...ids])), ...messages.filter(({ id }) => ids.has(id)).map(asQuestion)]
  return {
    addresses: questions.flatMap(({ author, chat }) => [author, chat]),
    open(answer, introduce) {
      const sealed = sealedAnswerIn(answer.message)
      if (sealed === null) return undefined
      const chat = canonical(introduce(answer.chat))
      const question = questions.find((one) => one.id === sealed.questionId && canonical(introduce(one.chat)) === chat)
      if (question === undefined) return undefined
      return openAnswer(sealed, question.message, introduce(question.author), introduce(answer.sender)) ?? undefined
    },
  }
}

const storedQuestions = async (reader: Reader, instanceId: string, ids: readonly string[]): Promise<Question[]> => {
  const rows = await reader
    .selectFrom('messages')
    .select(['message_id', 'chat', 'sender', 'wire'])
    .where('instance_id', '=', instanceId)
    .where('message_id', 'in', ids)
    .execute()
  return rows.map(({ message_id, chat, sender, wire }) => ({
    id: message_id,
    chat: addressOf(chat),
    author: addressOf(sender),
    message: decodeWireMessage(wire),
  }))
}

const asQuestion = ({ id, chat, sender, message }: ReceivedMessage): Question => ({ id, chat, author: sender, message })
