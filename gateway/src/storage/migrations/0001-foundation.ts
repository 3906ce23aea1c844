/** Accounts, instances and what hangs on them, the event log and its outbox. What the columns mean: ../schema.ts. */
import type { ColumnTypes } from './column-types.ts'

export const foundation = ({ text, time, bytes, sequence, strict, strictByKey }: ColumnTypes): string[] => [
  `create table accounts (
    id ${text} primary key not null,
    name ${text} not null unique,
    token_hash ${text} not null unique,
    instance_quota integer,
    requests_per_minute integer not null,
    creates_per_minute integer not null,
    allowed_origins ${text} not null,
    suspended integer not null,
    created_at ${time} not null
  ) ${strict}`,

  `create table instances (
    id ${text} primary key not null,
    account_id ${text} not null references accounts (id),
    name ${text} not null,
    token_hash ${text} not null unique,
    token ${bytes} not null,
    state ${text} not null,
    state_reason ${text},
    wanted integer not null,
    number_jid ${text},
    lid ${text},
    profile_name ${text},
    picture_url ${text},
    business_name ${text},
    platform ${text},
    created_at ${time} not null,
    updated_at ${time} not null,
    unique (account_id, name)
  ) ${strict}`,

  `create table instance_configurations (
    instance_id ${text} not null references instances (id) on delete cascade,
    kind ${text} not null,
    value ${bytes} not null,
    primary key (instance_id, kind)
  ) ${strict}`,

  `create table session_credentials (
    instance_id ${text} primary key not null references instances (id) on delete cascade,
    value ${bytes} not null
  ) ${strict}`,

  `create table signal_records (
    instance_id ${text} not null references instances (id) on delete cascade,
    kind ${text} not null,
    id ${text} not null,
    value ${bytes} not null,
    primary key (instance_id, kind, id)
  ) ${strict}`,

  `create table inbox (
    instance_id ${text} not null references instances (id) on delete cascade,
    hash ${text} not null,
    attributes ${text} not null,
    plaintext ${bytes} not null,
    received_at ${time} not null,
    done integer not null,
    primary key (instance_id, hash)
  ) ${strict}`,
  // After a crash: what is not done; every now and then: what was done long ago.
  'create index inbox_by_age on inbox (done, received_at)',

  `create table identities (
    instance_id ${text} not null references instances (id) on delete cascade,
    lid ${text} not null,
    number ${text} not null,
    primary key (instance_id, lid),
    unique (instance_id, number)
  ) ${strictByKey}`,

  `create table contacts (
    instance_id ${text} not null references instances (id) on delete cascade,
    jid ${text} not null,
    push_name ${text},
    saved_name ${text},
    updated_at ${time} not null,
    primary key (instance_id, jid)
  ) ${strictByKey}`,

  `create table messages (
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
    unique (instance_id, chat, sender, message_id)
  ) ${strict}`,
  'create index messages_by_id on messages (instance_id, message_id)',
  'create index messages_by_time on messages (instance_id, chat, sent_at, seq)',
  // The few that WhatsApp has not answered for yet: settled at start without reading the others.
  `create index messages_pending on messages (stored_at) where status = 'pending'`,

  `create table webhooks (
    id ${text} primary key not null,
    instance_id ${text} not null references instances (id) on delete cascade,
    label ${text} not null,
    enabled integer not null,
    url ${bytes} not null,
    "authorization" ${bytes} not null,
    by_events integer not null,
    events ${text} not null,
    media_base64 integer not null,
    signing_secret ${bytes} not null,
    failures integer not null,
    updated_at ${time} not null,
    unique (instance_id, label)
  ) ${strict}`,

  `create table events (
    id ${text} primary key not null,
    instance_id ${text} not null references instances (id) on delete cascade,
    name ${text} not null,
    lane ${text} not null,
    data ${text} not null,
    created_at ${time} not null
  ) ${strict}`,
  'create index events_by_instance on events (instance_id, id)',

  // These two hang on the instance through their webhook: a second cascade would cost an index more on the busiest tables.
  `create table deliveries (
    webhook_id ${text} not null references webhooks (id) on delete cascade,
    lane ${text} not null,
    event_id ${text} not null,
    instance_id ${text} not null,
    attempts integer not null,
    state ${text} not null,
    last_status integer,
    last_error ${text},
    created_at ${time} not null,
    primary key (webhook_id, state, lane, event_id)
  ) ${strictByKey}`,
  'create index deliveries_by_event on deliveries (event_id)',
  `create table delivery_lanes (
    webhook_id ${text} not null references webhooks (id) on delete cascade,
    lane ${text} not null,
    instance_id ${text} not null,
    next_attempt_at ${time} not null,
    primary key (webhook_id, lane)
  ) ${strictByKey}`,
  'create index delivery_lanes_by_time on delivery_lanes (webhook_id, next_attempt_at)',

  `create table vault_checks (
    key_id ${text} primary key not null,
    value ${bytes} not null
  ) ${strict}`,
]
