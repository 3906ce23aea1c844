/**
 * Baileys knows by the asynchronous context whether it is in a transaction of its key store, and what runs on in the context of one that has ended
 * is still in it for Baileys: what it keeps is lost, without a word. So nothing of ours may run on there.
 */
import { addTransactionCapability, type SignalDataSet } from 'baileys'
import { pino } from 'pino'
import { expect, it } from 'vitest'
import type { InboxRow, StoreBatch } from '../../../engine.ts'
import { MemorySessionStore } from '../../../memory/session-store.ts'
import { EventQueue } from '../../event-queue.ts'
import { Commits } from '../signal/commits.ts'

const keyStore = () => {
  const kept: string[] = []
  const state = {
    get: async () => ({}),
    set: async ({ tctoken = {} }: SignalDataSet) => void kept.push(...Object.keys(tctoken)),
  }
  const logger = Object.assign(pino({ level: 'silent' }), { level: 'silent' })
  const keys = addTransactionCapability(state, logger, { maxCommitRetries: 1, delayBetweenTriesMs: 0 })
  const keep = async (id: string): Promise<void> => keys.set({ tctoken: { [id]: { token: Buffer.of(1) } } })
  return { kept, keys, keep }
}

const batch: StoreBatch = { put: [{ kind: 'session', id: '1', value: Buffer.of(1) }], remove: [] }
const row: InboxRow = { hash: 'h', attributes: {}, plaintext: new Uint8Array(), receivedAt: 0 }

it('what is told after a commit is not in the transaction in which the commit was begun', async () => {
  const { kept, keys, keep } = keyStore()
  const told: Promise<void>[] = []
  const commits = new Commits({
    store: new MemorySessionStore(),
    onRows: () => void told.push(keep('rows')),
    onHistory: () => void told.push(keep('history')),
    onFailure: () => {},
  })
  commits.whenDurable(() => void told.push(keep('durable')))
  await keys.transaction(async () => commits.add({ ...batch, inbox: [row], history: [row] }), 'me')
  await commits.idle()
  await Promise.all(told)
  expect(kept).toEqual(['rows', 'history', 'durable'])
})

it('nor is a listener to events in the one in which the first event was pushed', async () => {
  const { kept, keys, keep } = keyStore()
  const queue = new EventQueue({ deliver: () => keep('event'), logger: pino({ level: 'silent' }), onPressure: () => {} })
  const looked = Promise.withResolvers<{ type: 'profile'; name: string }>()
  await keys.transaction(async () => queue.push(() => looked.promise), 'me')
  looked.resolve({ type: 'profile', name: 'Ana' })
  await queue.passed()
  expect(kept).toEqual(['event'])
})
