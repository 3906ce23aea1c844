/** Whether a page of conversations, of a chat's history or of what a search finds costs more in an instance of a million messages. */
import process from 'node:process'
import { listOperation } from '../gateway/src/chats/list/operation.ts'
import { searchOperation } from '../gateway/src/chats/search/operation.ts'
import { historyOperation } from '../gateway/src/messages/chat-history.ts'
import { createPeople } from '../gateway/src/messages/people.ts'
import { createStoredChats } from '../gateway/src/messages/stored-chats.ts'
import { systemClock as clock } from '../gateway/src/runtime/clock.ts'
import { createLogger } from '../gateway/src/runtime/logging.ts'
import { openDatabase } from '../gateway/src/storage/open.ts'
import { DatabaseIdentityStore } from '../gateway/src/whatsapp/identities.ts'
import { type DatabaseName, type Databases, withDatabases } from './databases.ts'
import { type Measurement, round } from './measurement.ts'
import { BUSY_CHAT, fillMessages, INSTANCE, indexMessages } from './messages.ts'

const FEW = 10_000
const MANY = 1_000_000
const ROUNDS = 200
const WARM_UP = 20
/** Microseconds of CPU, the server's included. */
const INDEXING_BOUND = 500

/** Pages, by what they are of. */
const pages: Readonly<Record<string, (api: Api, deep: Cursors) => Promise<Page>>> = {
  'conversations, first page': (api) => api('chat.list', { limit: 50 }),
  'conversations, far down': (api, { chats }) => api('chat.list', { limit: 50, after: chats }),
  'history, first page': (api) => api('chat.history', { number: BUSY_CHAT, count: 50 }),
  'history, far down': (api, { history }) => api('chat.history', { number: BUSY_CHAT, count: 50, cursor: history }),
  'history, far down by `to`': (api, { historyTo }) => api('chat.history', { number: BUSY_CHAT, count: 50, to: historyTo }),
  'search for a rare word': (api) => api('chat.search', { q: 'needle', limit: 50 }),
  'search for a frequent word': (api) => api('chat.search', { q: 'common', limit: 50 }),
  'search for a frequent word, far down': (api, { search }) => api('chat.search', { q: 'common', limit: 50, before: search }),
  'search for one letter': (api) => api('chat.search', { q: 'c', limit: 50 }),
  'search for a frequent and a rare word': (api) => api('chat.search', { q: 'common needle', limit: 50 }),
  'search for a frequent word in one chat': (api) => api('chat.search', { q: 'common', number: BUSY_CHAT, limit: 50 }),
}

type Page = Record<string, unknown>
type Api = (operation: string, input: Record<string, unknown>) => Promise<Page>

interface Cursors {
  chats: unknown
  history: unknown
  historyTo: unknown
  search: unknown
}

export const paging = (name: DatabaseName) => (): Promise<Measurement[]> =>
  withDatabases(name, async (databases) => {
    // Once for nothing: what runs later runs faster.
    await times(FEW, databases)
    const few = await times(FEW, databases)
    const many = await times(MANY, databases)
    const ratios = Object.keys(pages).map((what): Measurement => {
      const [small, large] = [few.pages.get(what) ?? Number.NaN, many.pages.get(what) ?? Number.NaN]
      return {
        what: `${what}: of 1,000,000 messages ÷ of 10,000, ${name}`,
        value: large / small,
        unit: '',
        bound: { is: 'at most', value: 2 },
        detail: `${round(large)} ÷ ${round(small)} ms of CPU${name === 'PostgreSQL' ? ', the server included' : ''}, ${ROUNDS} pages`,
      }
    })
    return [
      ...ratios,
      {
        what: `Indexing a message of ten words, ${name}`,
        value: many.indexing,
        unit: ' µs',
        bound: { is: 'at most', value: INDEXING_BOUND },
        detail: `of CPU${name === 'PostgreSQL' ? ', the server included' : ''}, in the background; ${round(few.indexing)} with 10,000 messages; storing one took ${round(many.storing)}`,
      },
    ]
  })

const times = async (count: number, databases: Databases): Promise<{ pages: Map<string, number>; indexing: number; storing: number }> => {
  /** Microseconds, which move less than time does when others work on the machine. */
  const cpuOf = async (work: () => Promise<void>): Promise<number> => {
    const [before, server] = [process.cpuUsage(), await databases.cpu()]
    await work()
    const { user, system } = process.cpuUsage(before)
    return user + system + ((await databases.cpu()) - server) * 1000
  }
  const place = await databases.fresh()
  const db = await openDatabase({ ...place, logger: createLogger('warn') })
  try {
    const storing = (await cpuOf(() => fillMessages(db, count))) / count
    const indexing = (await cpuOf(() => indexMessages(db))) / count
    const api = apiOn(db)
    const deep = await farDown(api, count)
    const measured = new Map<string, number>()
    for (const [what, page] of Object.entries(pages)) {
      const turn = async (rounds: number) => {
        for (let n = 0; n < rounds; n += 1) if ((await page(api, deep)).count === 0) throw new Error(`${what} is empty`)
      }
      await turn(WARM_UP)
      measured.set(what, (await cpuOf(() => turn(ROUNDS))) / ROUNDS / 1000)
    }
    return { pages: measured, indexing, storing }
  } finally {
    await db.close()
  }
}

/** The routes without HTTP, whose cost would hide theirs. */
const apiOn = (db: Awaited<ReturnType<typeof openDatabase>>): Api => {
  const identitiesOf = (instanceId: string) => new DatabaseIdentityStore(db, instanceId)
  const people = createPeople({ db, clock, identitiesOf })
  const unlinked = () => {
    throw new Error('No page asks WhatsApp')
  }
  const messages = createStoredChats({
    ...{ db, people, identitiesOf },
    instances: { session: unlinked, self: unlinked, settingsOf: unlinked },
    recipients: { resolve: unlinked, forget: () => {} },
  })
  const operations = [listOperation({ db, clock, messages }), searchOperation({ db, messages }), historyOperation({ db, chats: messages })]
  return async (id, input) => {
    const operation = operations.find((one) => one.id === id)
    const instance = { id: INSTANCE }
    const handle = operation?.handle as unknown as (request: object) => Promise<{ body: Page }>
    return (await handle({ scope: { instance }, query: input, body: input })).body
  }
}

/** Cursors from the middle of everything, reached as a client would. */
const farDown = async (api: Api, count: number): Promise<Cursors> => {
  const walk = async (operation: string, input: Record<string, unknown>, cursorName: string, rows: number) => {
    let page: Page = {}
    for (let seen = 0; seen < rows; seen += Number(page.count)) {
      const more: Page = await api(operation, { ...input, ...(page.nextCursor ? { [cursorName]: page.nextCursor } : {}) })
      if (more.nextCursor === null) break
      page = more
    }
    return page
  }
  const history = await walk('chat.history', { number: BUSY_CHAT, count: 1_000 }, 'cursor', count / 4)
  const last = (history.messages as { timestamp: string }[]).at(-1)
  return {
    chats: (await walk('chat.list', { limit: 50 }, 'after', count / 200)).nextCursor,
    history: history.nextCursor,
    historyTo: last?.timestamp,
    search: (await walk('chat.search', { q: 'common', limit: 200 }, 'before', count / 10)).nextCursor,
  }
}
