/**
 * The table `message_words` and its queue. Rows are in the order of time, and of `seq` in the same second: the order of the answers, in which
 * both databases walk through what they find.
 */
import { type RawBuilder, sql } from 'kysely'
import type { Database, Reader, Writer } from '../../storage/database.ts'
import { prepared } from '../../storage/prepared.ts'
import type { Term } from './terms.ts'

/** Where a message stands in the index. */
export interface Position {
  /** Seconds since 2008. */
  moment: number
  /** `messages.seq`, below 2^32. */
  seq: number
}

const EPOCH_SECONDS = 1_200_000_000
/** The next one is the end of what SQLite's row numbers can say. */
const LAST_MOMENT = 2 ** 31 - 2

/** As the triggers of migration 0014 have it. Milliseconds since 1970. */
export const momentOf = (sentAt: number): number => Math.max(0, Math.min(LAST_MOMENT, Math.trunc(sentAt / 1000) - EPOCH_SECONDS))

export const startOfTime: Position = { moment: 0, seq: 0 }
export const endOfTime: Position = { moment: LAST_MOMENT + 1, seq: 0 }

const isBefore = (one: Position, other: Position): boolean =>
  one.moment < other.moment || (one.moment === other.moment && one.seq < other.seq)

const rowidOf = ({ moment, seq }: Position): bigint => (BigInt(moment) << 32n) | BigInt(seq)

export interface IndexRow extends Position {
  instanceId: string
  terms: readonly string[]
}

/** Takes `gone` out and puts `rows` in; nothing of `rows` may be in the index, unless it is among `gone`. */
export const writeIndex = async (
  tx: Writer,
  kind: Database['kind'],
  gone: readonly Position[],
  rows: readonly IndexRow[],
): Promise<void> => {
  if (kind === 'postgres') {
    await removeRows(tx, {}, gone)
    await addRows(
      tx,
      {},
      rows.map(({ seq, moment, instanceId, terms }) => ({ seq, moment, instance_id: instanceId, words: terms.join(' ') })),
    )
    return
  }
  await removeFromFts(
    tx,
    {},
    gone.map((position) => ({ rowid: rowidOf(position) })),
  )
  // In its own order the index takes them all together.
  const sorted = rows.map((row) => ({ rowid: rowidOf(row), words: row.terms.join(' ') })).sort((a, b) => (a.rowid < b.rowid ? -1 : 1))
  await addToFts(tx, {}, sorted)
  // Writing parts of the index anew is what takes deleted words out of the file: those of which a tenth is deleted come first.
  if (gone.length > 0) await sql`insert into message_words (message_words, rank) values ('merge', ${PAGES_TIDIED})`.execute(tx)
}

/** Of 4 KiB, written anew after a portion with deletions: a few milliseconds. */
const PAGES_TIDIED = 64

const addToFts = prepared((db, _: object, rows: { rowid: bigint; words: string }[]) => db.insertInto('message_words').values(rows))

const removeFromFts = prepared((db, _: object, rows: { rowid: bigint }[]) =>
  db.deleteFrom('message_words').where(
    'rowid',
    'in',
    rows.map(({ rowid }) => rowid),
  ),
)

const addRows = prepared((db, _: object, rows: { seq: number; moment: number; instance_id: string; words: string }[]) =>
  db
    .insertInto('message_words')
    .values(rows.map(({ words, ...row }) => ({ ...row, words: sql<string>`array_to_tsvector(string_to_array(${words}, ' '))` }))),
)

const removeRows = prepared((db, _: object, rows: { seq: number }[]) =>
  db.deleteFrom('message_words').where(
    'seq',
    'in',
    rows.map(({ seq }) => seq),
  ),
)

export interface Stretch {
  instanceId: string
  terms: readonly Term[]
  /** Not this one, and nothing newer. */
  before: Position
  /** Nothing older. */
  from: Position
}

export interface Candidates {
  /** Newest first. */
  found: Position[]
  /** Everything from here on has been looked through; null: all. */
  rest: Position | null
}

/**
 * The next messages of a stretch that may be meant, at most `limit`: they have one of the terms at least, and all that are meant are among
 * them. None at all says nothing while there is a rest: what is looked through in one go is bounded, since SQLite answers in the middle of
 * everything else.
 */
export const nextCandidates = (db: Database, stretch: Stretch, limit: number): Promise<Candidates> =>
  db.kind === 'sqlite' ? nextInFts(db.read, stretch, limit) : nextInTable(db.read, stretch, limit)

/** Rows of the rarest term that one query looks through when there are several. */
const STEP = 500

const nextInFts = async (reader: Reader, { terms, before, from }: Stretch, limit: number): Promise<Candidates> => {
  const [first, ...others] = terms.map(ftsTerm)
  if (first === undefined) return { found: [], rest: null }
  // As far as the rarest of them goes in so many steps: what the others have in between is skipped.
  let until: Position = from
  if (others.length > 0) {
    until = before
    for (const term of [first, ...others]) {
      const some = await matches(reader, term, before, from, STEP)
      // So few that looking at each costs less than asking which of them have the others too.
      if (some.length < limit && some.length < STEP) return { found: some, rest: null }
      const end = some[STEP - 1] ?? from
      if (isBefore(end, until)) until = end
    }
  }
  const found = await matches(reader, [first, ...others].join(' AND '), before, until, limit)
  const last = found.length === limit ? found.at(-1) : until
  return { found, rest: last === undefined || !isBefore(from, last) ? null : last }
}

/** `"` is the only character that ends a quoted word, and no term has one. */
const ftsTerm = ({ any, beginning }: Term): string => `(${any.map((term) => `"${term}"${beginning ? ' *' : ''}`).join(' OR ')})`

const matches = async (reader: Reader, expression: string, before: Position, from: Position, limit: number): Promise<Position[]> => {
  const { rows } = await sql<Position>`
    select rowid >> 32 as moment, rowid & 4294967295 as seq from message_words
    where message_words match ${expression} and rowid < ${rowidOf(before)} and rowid >= ${rowidOf(from)}
    order by rowid desc limit ${limit}
  `.execute(reader)
  return rows
}

/** Rows looked through in the order of time. */
const WALK = 2_000
/** With fewer matches in that many, the way over the index of words is the shorter one. */
const FREQUENT = 50

const nextInTable = async (reader: Reader, stretch: Stretch, limit: number): Promise<Candidates> => {
  const { instanceId, terms, before, from } = stretch
  if (terms.length === 0) return { found: [], rest: null }
  const query = terms.map(tsTerm).join(' & ')
  const within = sql<boolean>`(moment, seq) < (${before.moment}, ${before.seq}) and (moment, seq) >= (${from.moment}, ${from.seq})`
  const walked = await positions(
    reader,
    sql`
      with newest as materialized (
        select moment, seq, words from message_words where instance_id = ${instanceId} and ${within} order by moment desc, seq desc limit ${WALK}
      )
      select moment, seq from newest where words @@ ${query}::tsquery order by moment desc, seq desc limit ${limit}
    `,
  )
  if (walked.length >= Math.min(limit, FREQUENT)) return { found: walked, rest: walked.at(-1) ?? null }
  // Without the instance, which the words name already: only their index is left to go by.
  const found = await positions(
    reader,
    sql`select moment, seq from message_words where words @@ ${query}::tsquery and ${within} order by moment desc, seq desc limit ${limit}`,
  )
  return { found, rest: found.length === limit ? (found.at(-1) ?? null) : null }
}

const positions = async (reader: Reader, query: RawBuilder<Position>): Promise<Position[]> => (await query.execute(reader)).rows

const tsTerm = ({ any, beginning }: Term): string => `(${any.map((term) => `'${term}'${beginning ? ':*' : ''}`).join(' | ')})`

export interface Queued extends Pick<Position, 'seq'> {
  id: number
  moment: number | null
}

export const readQueue = (reader: Reader, limit: number): Promise<Queued[]> =>
  reader.selectFrom('search_queue').select(['id', 'seq', 'moment']).orderBy('id').limit(limit).execute()

export const leaveQueue = prepared((db, _: object, queued: Pick<Queued, 'id'>[]) =>
  db.deleteFrom('search_queue').where(
    'id',
    'in',
    queued.map(({ id }) => id),
  ),
)
