/** Every migration by its number. What was released is never edited: a change is a new file. */
import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import { foundation } from './0001-foundation.ts'
import { deliveryHistory } from './0002-delivery-history.ts'
import { media } from './0003-media.ts'
import { pollVotes } from './0004-poll-votes.ts'
import { idempotencyKeys } from './0006-idempotency-keys.ts'
import { labels } from './0007-labels.ts'
import { history } from './0009-history.ts'
import { announcementGroups } from './0010-announcement-groups.ts'
import { messageKeys } from './0013-message-keys.ts'
import { chats, fillChats } from './0014-chats.ts'
import { plans } from './0015-plans.ts'
import { type ColumnTypes, columnTypes, type DatabaseKind } from './column-types.ts'

const statements: Record<string, (types: ColumnTypes, kind: DatabaseKind) => string[]> = {
  '0001-foundation': foundation,
  '0002-delivery-history': deliveryHistory,
  '0003-media': media,
  '0004-poll-votes': pollVotes,
  '0006-idempotency-keys': idempotencyKeys,
  '0007-labels': labels,
  '0009-history': history,
  '0010-announcement-groups': announcementGroups,
  '0013-message-keys': messageKeys,
  '0014-chats': chats,
  '0015-plans': plans,
}

/** What is left to be done with the rows there are, after the statements of the same name. */
const fillings: Record<string, (db: Kysely<unknown>) => Promise<void>> = { '0014-chats': fillChats }

export const migrationsFor = (kind: DatabaseKind): Record<string, Migration> =>
  Object.fromEntries(Object.entries(statements).map(([name, list]) => [name, migration(list(columnTypes[kind], kind), fillings[name])]))

const migration = (list: string[], fill: (db: Kysely<unknown>) => Promise<void> = async () => {}): Migration => ({
  async up(db: Kysely<unknown>) {
    for (const statement of list) await sql.raw(statement).execute(db)
    await fill(db)
  },
})
