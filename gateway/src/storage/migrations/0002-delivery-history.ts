/** What became of deliveries: those taken, every attempt that failed, and signing secrets of former times. What the columns mean: ../schema.ts. */
import type { ColumnTypes } from './column-types.ts'

export const deliveryHistory = ({ text, time, bytes, strictByKey }: ColumnTypes): string[] => [
  `alter table webhooks add column former_secrets ${bytes}`,
  'alter table deliveries add column earlier_attempts integer not null default 0',

  // Replaces `deliveries_by_event`. An expression, so that no query uses it unless it says so: ../../events/webhooks/event-order.ts.
  'drop index deliveries_by_event',
  `create index deliveries_in_event_order on deliveries ((webhook_id || ''), state, event_id)`,

  `create table delivered (
    webhook_id ${text} not null references webhooks (id) on delete cascade,
    event_id ${text} not null,
    instance_id ${text} not null,
    at ${time} not null,
    duration_ms integer not null,
    status integer not null,
    answer ${text} not null,
    primary key (webhook_id, event_id)
  ) ${strictByKey}`,
  `create table failed_attempts (
    webhook_id ${text} not null references webhooks (id) on delete cascade,
    event_id ${text} not null,
    number integer not null,
    instance_id ${text} not null,
    at ${time} not null,
    duration_ms integer not null,
    status integer,
    error ${text} not null,
    answer ${text} not null,
    primary key (webhook_id, event_id, number)
  ) ${strictByKey}`,
]
