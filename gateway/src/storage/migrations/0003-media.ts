/** Media of messages: what is to be downloaded, and where it is kept. What the columns mean: ../schema.ts. */
import type { ColumnTypes } from './column-types.ts'

export const media = ({ text, time, bytes, strict }: ColumnTypes): string[] => [
  `create table media (
    id ${text} primary key not null,
    instance_id ${text} not null references instances (id) on delete cascade,
    message_id ${text} not null,
    chat ${text} not null,
    sender ${text} not null,
    from_me integer not null,
    type ${text} not null,
    mime_type ${text} not null,
    file_name ${text},
    reference ${bytes} not null,
    state ${text} not null,
    sha256 ${text},
    size ${time},
    local integer not null,
    bucket_key ${text},
    s3_url ${text},
    attempts integer not null,
    next_attempt_at ${time},
    last_error ${text},
    created_at ${time} not null,
    stored_at ${time}
  ) ${strict}`,
  'create index media_by_message on media (instance_id, message_id)',
  // The worker's queue: what is done has no next attempt and is not in it.
  'create index media_due on media (next_attempt_at) where next_attempt_at is not null',
  'create index media_due_by_instance on media (instance_id) where next_attempt_at is not null',
  // Whether another message of the instance has the same content.
  'create index media_by_content on media (instance_id, sha256) where local = 1',
  // What is kept here, by age: for retention.
  'create index media_kept on media (stored_at) where local = 1',
  'create index media_in_bucket on media (stored_at) where local = 1 and bucket_key is not null',
]
