import { existsSync, readdirSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { deflateSync } from 'node:zlib'
import { proto } from 'baileys'
import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Address, EngineEvent, InboxRow } from '../../../../engine.ts'
import { MemorySessionStore } from '../../../../memory/session-store.ts'
import { encodeWireMessage } from '../../../../wire.ts'
import type { Routes } from '../../proxy.ts'
import { HistorySync } from '../history-sync.ts'
import { Slots } from '../slots.ts'

const self: Address = { jid: '551@s.whatsapp.net', lid: '91@lid' }
const { HistorySyncType } = proto.HistorySync
const now = Date.now()

const chat = (n: number, messages: number): proto.IConversation => ({
  id: `60${n}@lid`,
  name: `Chat ${n}`,
  pnJid: `70${n}@s.whatsapp.net`,
  messages: Array.from({ length: messages }, (_, m) => ({
    message: {
      key: { remoteJid: `60${n}@lid`, fromMe: m % 2 === 1, id: `${n}-${m}` },
      message: { conversation: `word ${m}` },
      messageTimestamp: Math.floor(now / 1000) - m * 3600 - 1800,
      status: proto.WebMessageInfo.Status.READ,
    },
  })),
})

const rowWith = (hash: string, notification: proto.Message.IHistorySyncNotification, from = self.lid ?? ''): InboxRow => ({
  hash,
  attributes: { id: hash, from, category: 'peer' },
  plaintext: encodeWireMessage({ protocolMessage: { type: 5, historySyncNotification: notification } }),
  receivedAt: now,
})

const inline = (hash: string, content: proto.IHistorySync, from?: string): InboxRow =>
  rowWith(
    hash,
    {
      syncType: content.syncType as number,
      progress: content.progress,
      initialHistBootstrapInlinePayload: deflateSync(proto.HistorySync.encode(content).finish()),
    },
    from,
  )

type History = EngineEvent & { type: 'history' }

describe('history sync', () => {
  let store: MemorySessionStore
  let folder: string
  let parts: History[]
  let sync: HistorySync
  let take: (part: History) => void | Promise<void>
  let taken: void | Promise<void>
  const numbers = new Map<string, string>()
  const tokens = new Map<string, unknown>()

  const session = (historyDays: number | null): HistorySync =>
    new HistorySync(
      {
        options: { store, logger: pino({ level: 'silent' }), historyDays },
        self,
        routes: {} as Routes,
        keys: {
          get: async (_kind, ids) => Object.fromEntries(ids.flatMap((id) => (tokens.has(id) ? [[id, tokens.get(id)]] : []))) as never,
          set: async ({ tctoken = {} }) => {
            for (const [id, token] of Object.entries(tctoken)) tokens.set(id, token)
          },
        },
        commit: (batch) => void store.commit(batch),
        learn: async (pairs) => {
          for (const { lid, number } of pairs) numbers.set(lid, number)
        },
        completed: async (address) => {
          const number = numbers.get(address.lid?.split('@')[0] ?? '')
          return number === undefined ? address : { ...address, jid: `${number}@s.whatsapp.net` }
        },
        report(event) {
          if (event.type !== 'history') throw new Error(event.type)
          taken = take(event)
        },
        reported: async () => taken,
      },
      { mediaHost: null, historyFolder: folder, historySlots: new Slots(1) },
    )

  const begin = async (historyDays: number | null, { linked = false } = {}): Promise<void> => {
    sync = session(historyDays)
    await sync.load(linked)
    sync.opened()
  }

  const settled = (count: number): Promise<void> => vi.waitFor(() => expect(store.settled.size).toBe(count), { timeout: 10_000 })

  beforeEach(async () => {
    store = new MemorySessionStore()
    folder = await mkdtemp(join(tmpdir(), 'ryzeapi-history-'))
    parts = []
    numbers.clear()
    tokens.clear()
    take = (part) => {
      parts.push(part)
      if (part.inbox !== null) store.settle(part.inbox)
      part.stored()
    }
  })

  afterEach(async () => {
    await sync.end()
    await rm(folder, { recursive: true, force: true })
  })

  const everything = () => ({ messages: parts.flatMap(({ messages }) => messages), names: parts.flatMap(({ names }) => names) })

  it('a chunk comes in parts, under the numbers that stand at its end, and the last one ends its row', async () => {
    const content = {
      syncType: HistorySyncType.RECENT,
      progress: 40,
      conversations: Array.from({ length: 10 }, (_, n) => ({ ...chat(n, 100), pnJid: undefined })),
      phoneNumberToLidMappings: Array.from({ length: 10 }, (_, n) => ({ pnJid: `70${n}@s.whatsapp.net`, lidJid: `60${n}@lid` })),
    }
    await store.commit({ put: [], remove: [], history: [inline('H', content)] })
    await begin(30)
    await settled(1)
    expect(parts.length).toBeGreaterThan(3)
    expect(parts.map(({ inbox }) => inbox)).toEqual([...Array.from({ length: parts.length - 1 }, () => null), 'H'])
    expect(everything().messages).toHaveLength(1000)
    expect(everything().messages[1]).toMatchObject({
      id: '0-1',
      chat: { jid: '700@s.whatsapp.net', lid: '600@lid' },
      sender: self,
      status: 'read',
    })
    expect(everything().messages[0]).toMatchObject({ sender: { jid: '700@s.whatsapp.net', lid: '600@lid' }, status: null })
    expect(everything().names).toContainEqual({
      address: { jid: '703@s.whatsapp.net', lid: '603@lid' },
      pushName: null,
      savedName: 'Chat 3',
    })
    expect(parts[0]?.progress).toBe(40)
  })

  it('reads on when a part is stored, and not before', async () => {
    await store.commit({ put: [], remove: [], history: [inline('H', { syncType: 3, conversations: [chat(1, 1000)] })] })
    const { promise, resolve } = Promise.withResolvers<void>()
    let calls = 0
    const taking = take
    take = async (part) => {
      calls += 1
      await promise
      await taking(part)
    }
    await begin(60)
    await vi.waitFor(() => expect(calls).toBe(1))
    await new Promise((done) => setTimeout(done, 50))
    expect(calls).toBe(1)
    resolve()
    await settled(1)
    expect(everything().messages).toHaveLength(1000)
  })

  it('what was not wholly stored is taken up again by the next session, whole', async () => {
    await store.commit({ put: [], remove: [], history: [inline('H', { syncType: 3, conversations: [chat(1, 600)] })] })
    const taking = take
    const first = Promise.withResolvers<void>()
    take = async (part) => {
      if (parts.length === 1) return first.resolve()
      await taking(part)
    }
    await begin(60)
    await first.promise
    await sync.end()
    expect(store.history.has('H')).toBe(true)
    parts = []
    take = taking
    // The owner's wish was written down with the link.
    await begin(null, { linked: true })
    await settled(1)
    expect(everything().messages).toHaveLength(600)
  })

  it('a store that refuses a part loses nothing: later chunks come, the row stays', async () => {
    await store.commit({ put: [], remove: [], history: [inline('H1', { syncType: 3, conversations: [chat(1, 2)] })] })
    await store.commit({
      put: [],
      remove: [],
      history: [{ ...inline('H2', { syncType: 3, conversations: [chat(2, 2)] }), receivedAt: now + 1 }],
    })
    const taking = take
    take = (part) => (part.inbox === 'H1' ? undefined : taking(part))
    await begin(30)
    await settled(1)
    expect(store.history.has('H1')).toBe(true)
    expect(everything().messages.map(({ id }) => id)).toEqual(['2-0', '2-1'])
  })

  it('as many days as were asked for, and without history the names alone', async () => {
    const content = {
      syncType: HistorySyncType.INITIAL_BOOTSTRAP,
      conversations: [chat(1, 100)],
      pushnames: [{ id: '70@lid', pushname: 'Ana' }],
    }
    await store.commit({ put: [], remove: [], history: [inline('H1', content)] })
    await begin(2)
    await settled(1)
    expect(everything().messages).toHaveLength(48)
    await sync.end()
    parts = []
    await store.clear()
    await store.commit({
      put: [],
      remove: [],
      history: [inline('H2', content), inline('H3', { ...content, syncType: HistorySyncType.RECENT })],
    })
    await begin(null)
    await settled(3)
    expect(everything().messages).toEqual([])
    expect(everything().names.map(({ pushName, savedName }) => pushName ?? savedName)).toEqual(['Chat 1', 'Ana'])
  })

  it('of what the own phone tells, nobody else', async () => {
    await store.commit({ put: [], remove: [], history: [inline('H', { syncType: 3, conversations: [chat(1, 5)] }, '92@lid')] })
    await begin(30)
    await settled(1)
    expect(parts).toEqual([])
  })

  it('keeps the tokens of conversations, the newest of each', async () => {
    const withToken = (token: string, time: number) => ({ ...chat(1, 1), tcToken: Buffer.from(token), tcTokenTimestamp: time })
    for (const [n, [token, time]] of Object.entries([
      ['one', 100],
      ['old', 50],
      ['two', 200],
    ] as const)) {
      await store.commit({
        put: [],
        remove: [],
        history: [{ ...inline(`H${n}`, { syncType: 3, conversations: [withToken(token, time)] }), receivedAt: now + Number(n) }],
      })
    }
    await begin(30)
    await settled(3)
    expect(tokens).toEqual(new Map([['601@lid', { token: Buffer.from('two'), timestamp: '200' }]]))
  })

  it.each<[string, proto.Message.IHistorySyncNotification]>([
    ['that cannot be inflated', { syncType: 3, initialHistBootstrapInlinePayload: Buffer.from('nothing of the kind') }],
    ['that is no history', { syncType: 3, initialHistBootstrapInlinePayload: deflateSync(Buffer.alloc(20, 0xff)) }],
    ['that lies nowhere', { syncType: 3 }],
    ['that lies on another host', { syncType: 3, directPath: '//evil.example/x', mediaKey: Buffer.alloc(32, 1) }],
  ])('a chunk %s is given up', async (_what, notification) => {
    await store.commit({ put: [], remove: [], history: [rowWith('H', notification)] })
    await begin(30)
    await settled(1)
    expect(parts).toEqual([])
    expect(existsSync(folder) ? readdirSync(folder) : []).toEqual([])
  })
})
