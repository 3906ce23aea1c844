/** What requests with an Idempotency-Key were answered. What the columns mean: ../schema.ts. */
import type { ColumnTypes } from './column-types.ts'

export const idempotencyKeys = ({ text, time, bytes, strictByKey }: ColumnTypes): string[] => [
  `create table idempotency_keys (
    id ${text} not null primary key,
    account_id ${text} not null references accounts (id) on delete cascade,
    instance_id ${text} references instances (id) on delete cascade,
    request ${text} not null,
    seed ${text} not null,
    status integer,
    answer ${bytes},
    created_at ${time} not null
  ) ${strictByKey}`,
  'create index idempotency_keys_account on idempotency_keys (account_id)',
  'create index idempotency_keys_instance on idempotency_keys (instance_id)',
  'create index idempotency_keys_created on idempotency_keys (created_at)',
]
