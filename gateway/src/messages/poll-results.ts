/** `GET /api/chat/poll` (chat-profile-calls.md §21): what voters chose in a poll, as far as their votes have come. */
import { z } from 'zod'
import { ApiError } from '../http/errors.ts'
import { instanceOperation, type Operation, requiredString } from '../http/operation.ts'
import { rfc3339 } from '../runtime/clock.ts'
import type { Database } from '../storage/database.ts'
import { isLid } from '../whatsapp/jid.ts'
import { decodeWireMessage } from '../whatsapp/wire.ts'
import { optionHash, pollIn } from './kinds/poll.ts'
import { findMessages } from './message-repository.ts'
import { votesIn } from './poll-votes.ts'

const errors = { notFound: 'Message not found', noPoll: 'Message is not a poll' }

export const pollOperation = ({ db }: { db: Database }): Operation =>
  instanceOperation({
    id: 'chat.poll',
    method: 'GET',
    path: '/api/chat/poll/:instance',
    token: 'any',
    rateLimit: 'global',
    tag: 'Chat',
    summary: 'Votes in a poll',
    description: 'Each voter counts with the last vote; one that was taken back counts no more. Polls of others are read like own ones.',
    query: z.object({ messageId: requiredString('messageId query parameter is required').meta({ example: '3EB0AA11BB22CC33DD44' }) }),
    answers: {
      200: z.object({
        success: z.literal(true),
        message: z.string(),
        messageId: z.string(),
        data: z.object({
          messageId: z.string(),
          name: z.string(),
          votes: z.array(z.object({ optionName: z.string(), optionVoteCount: z.number().int() })),
          voteDetails: z.array(
            z.object({
              optionHash: z.string(),
              optionName: z.string(),
              senderJid: z.string(),
              voteMessageId: z.string(),
              createdAt: z.string(),
            }),
          ),
        }),
      }),
    },
    errors: [
      { status: 400, message: 'messageId query parameter is required' },
      { status: 400, message: errors.noPoll },
      { status: 404, message: errors.notFound },
    ],
    async handle({ scope, query: { messageId } }) {
      const [message] = await findMessages(db.read, scope.instance.id, messageId)
      if (message === undefined) throw new ApiError(404, errors.notFound)
      const poll = pollIn(decodeWireMessage(message.wire))
      if (!poll) throw new ApiError(400, errors.noPoll)
      const names = (poll.options ?? []).map(({ optionName }) => optionName ?? '')
      const nameOf = new Map(names.map((name) => [optionHash(name), name]))
      const voteDetails = (await votesIn(db.read, scope.instance.id, message.chat, messageId)).flatMap((vote) =>
        vote.options.flatMap((hash) => {
          const optionName = nameOf.get(hash)
          return optionName === undefined
            ? []
            : {
                optionHash: hash,
                optionName,
                // As the hosted service shows it: the number alone. The digits of a LID are none.
                senderJid: isLid(vote.voter) ? vote.voter : (vote.voter.split('@')[0] ?? ''),
                voteMessageId: vote.voteId,
                createdAt: rfc3339(vote.votedAt),
              }
        }),
      )
      const count = (name: string) => voteDetails.filter(({ optionName }) => optionName === name).length
      const votes = names.map((optionName) => ({ optionName, optionVoteCount: count(optionName) }))
      const body = { success: true, message: 'Poll votes retrieved successfully', messageId } as const
      return { status: 200, body: { ...body, data: { messageId, name: poll.name ?? '', votes, voteDetails } } }
    },
  })
