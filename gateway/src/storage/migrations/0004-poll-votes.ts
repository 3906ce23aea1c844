/** What voters chose in polls. What the columns mean: ../schema.ts. */
import type { ColumnTypes } from './column-types.ts'

export const pollVotes = ({ text, time, strictByKey }: ColumnTypes): string[] => [
  `create table poll_votes (
    instance_id ${text} not null references instances (id) on delete cascade,
    chat ${text} not null,
    poll_id ${text} not null,
    voter ${text} not null,
    vote_id ${text} not null,
    options ${text} not null,
    voted_at ${time} not null,
    primary key (instance_id, chat, poll_id, voter)
  ) ${strictByKey}`,
]
