/** The table `poll_votes`: what each voter chose last. */
import { sql } from 'kysely'
import type { Reader, Writer } from '../storage/database.ts'

export interface CastVote {
  chat: string
  pollId: string
  /** Under the name messages are stored under. */
  voter: string
  /** The voter's LID, in case earlier votes came when nothing else was known. */
  voterLid: string | null
  /** Id of the message that brought it. */
  voteId: string
  options: readonly string[]
  /** Milliseconds, the voter's clock. */
  votedAt: number
}

/** The latest vote of everybody, in the order they were cast; of voters that took theirs back without options. */
export const votesIn = async (reader: Reader, instanceId: string, chat: string, pollId: string): Promise<Omit<CastVote, 'voterLid'>[]> => {
  const rows = await reader
    .selectFrom('poll_votes')
    .select(['voter', 'vote_id', 'options', 'voted_at'])
    .where('instance_id', '=', instanceId)
    .where('chat', '=', chat)
    .where('poll_id', '=', pollId)
    .orderBy('voted_at')
    .orderBy('voter')
    .execute()
  return rows.map(({ voter, vote_id, options, voted_at }) => ({
    chat,
    pollId,
    voter,
    voteId: vote_id,
    options: JSON.parse(options) as string[],
    votedAt: voted_at,
  }))
}

/** Replaces an earlier vote of the same voter; one that is older than what is there changes nothing. */
export const storeVote = async (tx: Writer, instanceId: string, vote: CastVote): Promise<void> => {
  const { chat, pollId, voter, voterLid } = vote
  if (voterLid !== null && voterLid !== voter) {
    await tx
      .deleteFrom('poll_votes')
      .where('instance_id', '=', instanceId)
      .where('chat', '=', chat)
      .where('poll_id', '=', pollId)
      .where('voter', '=', voterLid)
      .execute()
  }
  const chosen = { vote_id: vote.voteId, options: JSON.stringify(vote.options), voted_at: vote.votedAt }
  await tx
    .insertInto('poll_votes')
    .values({ instance_id: instanceId, chat, poll_id: pollId, voter, ...chosen })
    .onConflict((conflict) =>
      conflict.columns(['instance_id', 'chat', 'poll_id', 'voter']).doUpdateSet(chosen).where('poll_votes.voted_at', '<=', vote.votedAt),
    )
    .execute()
}

/** A chat that was only known by LID has turned out to belong to a number. */
export const renameVotes = async (tx: Writer, instanceId: string, lid: string, jid: string): Promise<void> => {
  await sql`
    update poll_votes set chat = ${jid}, voter = case when voter = ${lid} then ${jid} else voter end
    where instance_id = ${instanceId} and chat = ${lid}
      and not exists (select 1 from poll_votes twin where twin.instance_id = ${instanceId} and twin.chat = ${jid} and twin.poll_id = poll_votes.poll_id)
  `.execute(tx)
}
