/**
 * Deliveries of a webhook in the order of their events, whatever their lanes: for lists, redelivery and retention. The index behind it
 * (webhook_id || '', state, event_id) is on an expression on purpose. Were it on the bare column, PostgreSQL would take it, whenever it
 * believes that little waits, for the way to a lane's first delivery too: that steps over everything that waits for the webhook, and locks
 * it, so that all who deliver to it or report an event collide.
 */
import { sql } from 'kysely'

/** In place of `where webhook_id = …`. `webhook` is an id, or a column; `alias` what the query calls the table `deliveries`. */
export const inEventOrder = (webhook: string | { column: string }, alias = 'deliveries') =>
  // SQLite uses an index on an expression only for values without a type of their own, so a column is made one too.
  sql<boolean>`(${sql.ref(`${alias}.webhook_id`)} || '') = ${typeof webhook === 'string' ? webhook : sql`(${sql.ref(webhook.column)} || '')`}`

/** For a query of `delivered as d`: leaves out what is on its way, or given up, once more. */
export const notUnderWay = sql<boolean>`not exists (
  select 1 from deliveries again
  where ${inEventOrder({ column: 'd.webhook_id' }, 'again')} and again.state in ('waiting', 'dead') and again.event_id = d.event_id
)`
