/** Counts over the messages of one instance. Computed in full at each call, by the index on `instance_id`. */
import { sql } from 'kysely'
import type { Database } from '../storage/database.ts'
import type { MessageStatus } from '../storage/schema.ts'

export interface MessageGroup {
  type: string
  status: MessageStatus
  mediaType: string | null
  fromMe: boolean
  inGroup: boolean
  count: number
}

export interface MessageTotals {
  uniqueChats: number
  uniqueGroups: number
  uniqueContacts: number
  last7Days: number
  last30Days: number
  /** Milliseconds; null without messages. */
  firstAt: number | null
  lastAt: number | null
}

export interface InstanceCounts {
  groups: MessageGroup[]
  totals: MessageTotals
}

export type MetricsRepository = ReturnType<typeof createMetricsRepository>

const DAY_MS = 24 * 60 * 60 * 1000

export const createMetricsRepository = ({ db }: { db: Database }) => {
  const inGroup = sql<number>`case when chat like '%@g.us' then 1 else 0 end`
  const chatOf = (condition: ReturnType<typeof sql<boolean>>) => sql<number>`count(distinct case when ${condition} then chat end)`
  const isPerson = sql<boolean>`chat like '%@s.whatsapp.net' or chat like '%@lid'`

  return {
    async count(instanceId: string, now: number): Promise<InstanceCounts> {
      const [groups, totals] = await Promise.all([
        db.read
          .selectFrom('messages')
          .where('instance_id', '=', instanceId)
          .select((of) => ['type', 'status', 'media_type', 'from_me', inGroup.as('in_group'), of.fn.countAll().as('count')])
          .groupBy(['type', 'status', 'media_type', 'from_me', inGroup])
          .execute(),
        db.read
          .selectFrom('messages')
          .where('instance_id', '=', instanceId)
          .select((of) => [
            of.fn.count('chat').distinct().as('chats'),
            chatOf(sql<boolean>`chat like '%@g.us'`).as('groups'),
            chatOf(isPerson).as('contacts'),
            sql<number>`count(case when sent_at >= ${now - 7 * DAY_MS} then 1 end)`.as('last_7_days'),
            sql<number>`count(case when sent_at >= ${now - 30 * DAY_MS} then 1 end)`.as('last_30_days'),
            of.fn.min('sent_at').as('first_at'),
            of.fn.max('sent_at').as('last_at'),
          ])
          .executeTakeFirstOrThrow(),
      ])
      return {
        groups: groups.map((row) => ({
          type: row.type,
          status: row.status,
          mediaType: row.media_type,
          fromMe: row.from_me === 1,
          inGroup: Number(row.in_group) === 1,
          count: Number(row.count),
        })),
        totals: {
          uniqueChats: Number(totals.chats),
          uniqueGroups: Number(totals.groups),
          uniqueContacts: Number(totals.contacts),
          last7Days: Number(totals.last_7_days),
          last30Days: Number(totals.last_30_days),
          firstAt: totals.first_at === null ? null : Number(totals.first_at),
          lastAt: totals.last_at === null ? null : Number(totals.last_at),
        },
      }
    },
  }
}
