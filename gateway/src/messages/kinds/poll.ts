/** A poll, and the votes in it. */
import { createHash, randomBytes } from 'node:crypto'
import { z } from 'zod'
import { ApiError } from '../../http/errors.ts'
import { decodePollVote, type WireMessage } from '../../whatsapp/wire.ts'
import type { Composed, Composing, IncomingKind, OutgoingKind } from './kind.ts'

const MIN_OPTIONS = 2
const MAX_OPTIONS = 12
/** WhatsApp's own clients accept no more. */
const MAX_QUESTION = 255
const MAX_OPTION = 100

const body = z.object({
  question: z
    .string()
    .nullish()
    .meta({ example: 'Lunch?', description: `Up to ${MAX_QUESTION} characters. Required` }),
  options: z
    .array(z.string())
    .nullish()
    .meta({
      example: ['Pasta', 'Salad', 'Sushi'],
      description: `${MIN_OPTIONS} to ${MAX_OPTIONS} different ones, each up to ${MAX_OPTION} characters. Required`,
    }),
  maxAnswer: z
    .number()
    .nullish()
    .meta({ example: 1, description: 'How many options one may choose; default 1, more than there are counts as all' }),
})

type Body = z.infer<typeof body>

const errors = {
  question: 'Question is required',
  longQuestion: `Question must have at most ${MAX_QUESTION} characters`,
  count: `A poll must have between ${MIN_OPTIONS} and ${MAX_OPTIONS} options`,
  empty: 'Options must not be empty',
  longOption: `Options must have at most ${MAX_OPTION} characters`,
  same: 'Options must be different from each other',
}

export const outgoingPoll = {
  id: 'message.poll',
  needs: ['poll'],
  path: '/api/message/poll/:instance',
  summary: 'Send a poll',
  description: 'Votes arrive as `message.exchange` events of type `poll_update` that name the poll.',
  body,
  errors: [{ status: 400, message: 'Options is required' }, ...Object.values(errors).map((message) => ({ status: 400, message }))],
  check({ question, options }: Body) {
    if (!question?.trim()) throw new ApiError(400, errors.question)
    if ([...question.trim()].length > MAX_QUESTION) throw new ApiError(400, errors.longQuestion)
    if (!options) throw new ApiError(400, 'Options is required')
    if (options.length < MIN_OPTIONS || options.length > MAX_OPTIONS) throw new ApiError(400, errors.count)
    const names = namesIn(options)
    if (names.includes('')) throw new ApiError(400, errors.empty)
    if (names.some((name) => [...name].length > MAX_OPTION)) throw new ApiError(400, errors.longOption)
    // A vote names its options by their hashes: two of the same name could not be told apart.
    if (new Set(names).size < names.length) throw new ApiError(400, errors.same)
  },
  async compose(body: Body, { contextInfo }: Pick<Composing, 'contextInfo'>): Promise<Composed> {
    const name = body.question?.trim() ?? ''
    const options = namesIn(body.options ?? [])
    const selectable = Math.min(Math.max(1, Math.trunc(body.maxAnswer ?? 1)), options.length)
    const poll = {
      name,
      options: options.map((optionName) => ({ optionName })),
      selectableOptionsCount: selectable,
      ...(contextInfo === null ? {} : { contextInfo }),
    }
    return {
      messageType: 'poll',
      content: pollText(name, options),
      message: {
        // Votes are encrypted under it.
        messageContextInfo: { messageSecret: randomBytes(32) },
        // As WhatsApp's own clients write them: the third version is for a single choice.
        ...(selectable === 1 ? { pollCreationMessageV3: poll } : { pollCreationMessage: poll }),
      },
    }
  },
} satisfies OutgoingKind<typeof body>

export const incomingPoll: IncomingKind = {
  read(message) {
    const poll = pollIn(message)
    if (!poll) return null
    const names = (poll.options ?? []).map(({ optionName }) => optionName ?? '')
    const title = poll.name ?? ''
    return {
      type: 'poll',
      content: pollText(title, names),
      changes: null,
      mediaType: null,
      details: {
        poll: { title, name: title, options: names.map((name) => ({ name })), selectableCount: poll.selectableOptionsCount ?? 0 },
      },
    }
  },
}

/** What a voter chooses now, in place of what they chose before. Of a poll we have not got, nobody can say what. */
export const incomingVote: IncomingKind = {
  read({ pollUpdateMessage }, opened) {
    const about = pollUpdateMessage?.pollCreationMessageKey?.id
    if (!about) return null
    const poll = opened && pollIn(opened.question)
    const names = new Map((poll?.options ?? []).map(({ optionName }) => [optionHash(optionName ?? ''), optionName ?? '']))
    const hashes = opened && poll ? selectedIn(opened.plaintext) : null
    const selectedOptions = hashes?.flatMap((hash) => names.get(hash) ?? []) ?? []
    return {
      type: 'poll_update',
      content: selectedOptions.join('\n'),
      changes: null,
      mediaType: null,
      about,
      details: { poll: { messageId: about, name: poll?.name ?? null, selectedOptions } },
      ...(hashes === null
        ? {}
        : {
            vote: {
              pollId: about,
              options: hashes.filter((hash) => names.has(hash)),
              votedAt: Number(pollUpdateMessage.senderTimestampMs ?? 0),
            },
          }),
    }
  },
}

/** How votes name an option: SHA-256 of its name, upper-case hex. */
export const optionHash = (name: string): string => createHash('sha256').update(name).digest('hex').toUpperCase()

export const pollIn = (message: WireMessage) =>
  message.pollCreationMessage ?? message.pollCreationMessageV2 ?? message.pollCreationMessageV3 ?? message.pollCreationMessageV5 ?? null

/** Null: whoever encrypted it put no vote in. */
const selectedIn = (plaintext: Uint8Array): string[] | null => {
  try {
    return (decodePollVote(plaintext).selectedOptions ?? []).map((hash) => Buffer.from(hash).toString('hex').toUpperCase())
  } catch {
    return null
  }
}

const namesIn = (options: readonly string[]): string[] => options.map((option) => option.trim())

const pollText = (question: string, options: readonly string[]): string =>
  [question, ...options.map((option, index) => `${index + 1}. ${option}`)].join('\n')
