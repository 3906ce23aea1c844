/**
 * A message is found by its id, so the id stands before chat and sender in the table's unique key, and an index by id alone is not needed any
 * more: a new message wrote to both, each time to another page of each.
 */
import type { ColumnTypes, DatabaseKind } from './column-types.ts'

const key = 'unique (instance_id, message_id, chat, sender)'

export const messageKeys = (types: ColumnTypes, kind: DatabaseKind): string[] =>
  kind === 'postgres'
    ? [
        'drop index messages_by_id',
        'alter table messages drop constraint messages_instance_id_chat_sender_message_id_key',
        `alter table messages add ${key}`,
      ]
    : rebuilt(types)

/** SQLite cannot take a unique key off a table. */
const rebuilt = ({ text, time, bytes, sequence, strict }: ColumnTypes): string[] => [
  `create table messages_rebuilt (
    seq ${sequence},
    instance_id ${text} not null references instances (id) on delete cascade,
    message_id ${text} not null,
    chat ${text} not null,
    sender ${text} not null,
    from_me integer not null,
    type ${text} not null,
    content ${text} not null,
    source ${text} not null,
    status ${text} not null,
    push_name ${text},
    refers_to ${text},
    edited_content ${text},
    revoked integer not null,
    media_type ${text},
    wire ${bytes} not null,
    sent_at ${time} not null,
    stored_at ${time} not null,
    from_history integer not null default 0,
    ${key}
  ) ${strict}`,
  // Numbers go on where they were, whatever was deleted at the end.
  "insert into sqlite_sequence (name, seq) select 'messages_rebuilt', seq from sqlite_sequence where name = 'messages'",
  'insert into messages_rebuilt select * from messages order by seq',
  'drop table messages',
  'alter table messages_rebuilt rename to messages',
  'create index messages_by_time on messages (instance_id, chat, sent_at, seq)',
  `create index messages_pending on messages (stored_at) where status = 'pending'`,
]
