/** Conversations as a list shows them, words to find messages and people by, and what more is told of either. What the columns mean: ../schema.ts. */
import { type Kysely, sql } from 'kysely'
import { wordsOf } from '../../runtime/words.ts'
import type { ColumnTypes, DatabaseKind } from './column-types.ts'

export const chats = ({ text, time, strictByKey }: ColumnTypes, kind: DatabaseKind): string[] => [
  'alter table messages add column starred integer not null default 0',
  `alter table contacts add column business_name ${text}`,
  `alter table contacts add column redacted_phone ${text}`,
  'alter table contacts add column blocked integer not null default 0',
  'create index contacts_blocked on contacts (instance_id) where blocked = 1',

  `create table chats (
    instance_id ${text} not null references instances (id) on delete cascade,
    chat ${text} not null,
    backwards ${text} not null,
    last_at ${time} not null,
    last_seq ${time} not null,
    unread integer not null,
    marked_unread integer not null,
    archived integer not null,
    pinned_at ${time},
    muted_until ${time},
    favorite integer,
    primary key (instance_id, chat)
  ) ${strictByKey}`,
  'create index chats_by_time on chats (instance_id, archived, last_at, last_seq, chat)',
  // The few that somebody looks for among the many.
  'create index chats_unread on chats (instance_id, archived, last_at, last_seq, chat) where unread > 0 or marked_unread = 1',
  'create index chats_pinned on chats (instance_id, archived, last_at, last_seq, chat) where pinned_at is not null',
  'create index chats_muted on chats (instance_id, archived, last_at, last_seq, chat) where muted_until is not null',
  'create index chats_favorite on chats (instance_id, archived, last_at, last_seq, chat) where favorite is not null',
  'create index chats_backwards on chats (instance_id, backwards)',
  `insert into chats (instance_id, chat, backwards, last_at, last_seq, unread, marked_unread, archived)
    select instance_id, chat, '', max(sent_at), max(seq), 0, 0, 0 from messages
    where chat <> 'status@broadcast' and type not in ('message_edit', 'message_revoke', 'reaction', 'poll_update', 'event_response')
    group by instance_id, chat`,

  `create table contact_words (
    instance_id ${text} not null references instances (id) on delete cascade,
    word ${text} not null,
    jid ${text} not null,
    primary key (instance_id, word, jid)
  ) ${strictByKey}`,

  ...searching[kind],
]

/** What is about another message, and stories, are not found. */
const isFound = (message: string): string => `${message}content <> '' and ${message}chat <> 'status@broadcast'
  and ${message}type not in ('message_edit', 'message_revoke', 'reaction', 'poll_update', 'event_response')`

const secondsSince2008 = (message: string): string => `max(0, min(2147483646, ${message}sent_at / 1000 - 1200000000))`

/** Beginnings of words, after the eight characters that name the instance. Longer ones are found too, by all words that begin like this. */
const beginnings = Array.from({ length: 16 }, (_, index) => 9 + index).join(' ')

/**
 * Triggers queue what changes, so that no way of changing a message can forget to. SQLite's index keeps no text but the words themselves; its
 * row numbers sort by time, so that the newest matches are found without the others (`../../chats/search/index-table.ts`).
 */
const searching: Record<DatabaseKind, string[]> = {
  sqlite: [
    `create virtual table message_words using fts5
      (words, content = '', contentless_delete = 1, detail = none, prefix = '${beginnings}', tokenize = 'ascii')`,
    'create table search_queue (id integer primary key not null, seq integer not null, moment integer) strict',
    `create trigger messages_to_find after insert on messages when ${isFound('new.')} begin
      insert into search_queue (seq) values (new.seq);
    end`,
    `create trigger messages_to_find_anew after update of content, edited_content, revoked, type, chat, sent_at on messages begin
      insert into search_queue (seq, moment) values (old.seq, ${secondsSince2008('old.')});
    end`,
    `create trigger messages_to_find_no_more after delete on messages begin
      insert into search_queue (seq, moment) values (old.seq, ${secondsSince2008('old.')});
    end`,
    `insert into search_queue (seq) select seq from messages where ${isFound('')}`,
  ],
  postgres: [
    `create table message_words (
      seq bigint primary key references messages (seq) on delete cascade,
      instance_id text collate "C" not null,
      moment bigint not null,
      words tsvector not null
    )`,
    // Entries that wait to be put into the index are read through by every search.
    'create index message_words_found on message_words using gin (words) with (gin_pending_list_limit = 512)',
    'create index message_words_by_time on message_words (instance_id, moment, seq)',
    'create table search_queue (id bigint generated always as identity primary key, seq bigint not null, moment bigint)',
    `create function queue_messages_to_find() returns trigger language plpgsql as $$ begin
      insert into search_queue (seq) select seq from stored where ${isFound('')};
      return null;
    end $$`,
    `create trigger messages_to_find after insert on messages referencing new table as stored
      for each statement execute function queue_messages_to_find()`,
    `create function queue_message_to_find_anew() returns trigger language plpgsql as $$ begin
      insert into search_queue (seq, moment) values (old.seq, 0);
      return null;
    end $$`,
    `create trigger messages_to_find_anew after update of content, edited_content, revoked, type, chat, sent_at on messages
      for each row execute function queue_message_to_find_anew()`,
    `insert into search_queue (seq) select seq from messages where ${isFound('')}`,
  ],
}

/** What SQL cannot say: numbers backwards, and the words of names. */
export const fillChats = async (db: Kysely<unknown>): Promise<void> => {
  await inPages(db, 'chats', 'chat', [], async ({ instance_id, chat }) => {
    const digits = /^(\d+)@s\.whatsapp\.net$/.exec(chat ?? '')?.[1] ?? ''
    const backwards = [...digits].reverse().join('')
    await sql`update chats set backwards = ${backwards} where instance_id = ${instance_id} and chat = ${chat}`.execute(db)
  })
  await inPages(db, 'contacts', 'jid', ['push_name', 'saved_name'], async ({ instance_id, jid, push_name, saved_name }) => {
    for (const word of wordsOf(`${saved_name ?? ''} ${push_name ?? ''}`, 20)) {
      await sql`insert into contact_words (instance_id, word, jid) values (${instance_id}, ${word}, ${jid})`.execute(db)
    }
  })
}

const PAGE = 500

/** Along the primary key, which is the instance and `name`. */
const inPages = async (
  db: Kysely<unknown>,
  table: string,
  name: string,
  columns: readonly string[],
  each: (row: Record<string, string | null>) => Promise<void>,
): Promise<void> => {
  const selected = sql.join(['instance_id', name, ...columns].map((column) => sql.ref(column)))
  let after: Record<string, string | null> = { instance_id: '', [name]: '' }
  for (;;) {
    const { rows } = await sql<typeof after>`
      select ${selected} from ${sql.table(table)} where (instance_id, ${sql.ref(name)}) > (${after.instance_id}, ${after[name]})
      order by instance_id, ${sql.ref(name)} limit ${PAGE}
    `.execute(db)
    for (const row of rows) await each(row)
    const last = rows.at(-1)
    if (last === undefined) return
    after = last
  }
}
