/** Labels, and what carries them. What the columns mean: ../schema.ts. */
import type { ColumnTypes } from './column-types.ts'

export const labels = ({ text, time, strictByKey }: ColumnTypes): string[] => [
  `create table labels (
    instance_id ${text} not null references instances (id) on delete cascade,
    id ${text} not null,
    name ${text} not null,
    color integer not null,
    type ${text} not null,
    predefined integer,
    deleted integer not null,
    primary key (instance_id, id)
  ) ${strictByKey}`,
  `create table label_associations (
    instance_id ${text} not null references instances (id) on delete cascade,
    chat ${text} not null,
    label_id ${text} not null,
    message_id ${text} not null,
    named ${text} not null,
    primary key (instance_id, chat, label_id, message_id)
  ) ${strictByKey}`,
  'create index label_associations_label on label_associations (instance_id, label_id)',
  `create table label_versions (
    instance_id ${text} primary key not null references instances (id) on delete cascade,
    version ${time} not null
  ) ${strictByKey}`,
]
