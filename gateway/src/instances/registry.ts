/**
 * Every instance in memory, found by id, by name and by token: who it is, what it is doing, its settings. Some hundred bytes each; a
 * connected one adds its session. An instance leaves when its deletion begins: from then on nobody finds it.
 */
import { sameHash } from '../runtime/ids.ts'
import type { InstanceState } from '../storage/schema.ts'
import type { Attempt } from './attempt.ts'
import { type CommandQueue, createCommandQueue } from './command-queue.ts'
import type { Instance } from './instance.ts'
import { defaultSettings, type InstanceSettings } from './settings-values.ts'

export interface LiveInstance extends Instance {
  tokenHash: string
  /** Why it is in its state. */
  reason: string | null
  wanted: boolean
  settings: InstanceSettings
  readonly commands: CommandQueue
  /** The session in use, from its start to its end. */
  attempt: Attempt | null
  /** Days of history the owner asked for when connecting. */
  historyDays: number | null
  /** Failed tries in a row. */
  failures: number
  retryTimer: NodeJS.Timeout | null
  /** Waits for a place among the simultaneous connects. */
  inLine: boolean
  /** The last write of its state: the next one follows it, so that the newest state is the stored one. */
  stored: Promise<unknown>
  /** The call that was rejected last: a call is offered several times. */
  rejectedCall: string | null
}

export interface InstanceRecord {
  id: string
  accountId: string
  name: string
  tokenHash: string
  state: InstanceState
  reason: string | null
  wanted: boolean
  numberJid: string | null
  lid: string | null
  createdAt: number
  updatedAt: number
}

export interface Registry {
  add(record: InstanceRecord, settings?: InstanceSettings): LiveInstance
  remove(instance: LiveInstance): void
  byId(id: string): LiveInstance | null
  byName(accountId: string, name: string): LiveInstance | null
  byTokenHash(hash: string): LiveInstance | null
  ofAccount(accountId: string): LiveInstance[]
  all(): Iterable<LiveInstance>
}

export const createRegistry = (): Registry => {
  const ids = new Map<string, LiveInstance>()
  const tokens = new Map<string, LiveInstance>()
  const accounts = new Map<string, Map<string, LiveInstance>>()

  return {
    add(record, settings = defaultSettings) {
      const instance: LiveInstance = {
        ...record,
        settings,
        commands: createCommandQueue(),
        attempt: null,
        historyDays: null,
        failures: 0,
        retryTimer: null,
        inLine: false,
        stored: Promise.resolve(),
        rejectedCall: null,
      }
      ids.set(instance.id, instance)
      tokens.set(instance.tokenHash, instance)
      const names = accounts.get(instance.accountId) ?? new Map<string, LiveInstance>()
      accounts.set(instance.accountId, names.set(instance.name, instance))
      return instance
    },

    remove(instance) {
      ids.delete(instance.id)
      // The name and the token may already belong to another instance.
      if (tokens.get(instance.tokenHash) === instance) tokens.delete(instance.tokenHash)
      const names = accounts.get(instance.accountId)
      if (names?.get(instance.name) === instance) names.delete(instance.name)
      if (names?.size === 0) accounts.delete(instance.accountId)
    },

    byId: (id) => ids.get(id) ?? null,
    byName: (accountId, name) => accounts.get(accountId)?.get(name) ?? null,
    byTokenHash: (hash) => {
      const found = tokens.get(hash)
      return found !== undefined && sameHash(found.tokenHash, hash) ? found : null
    },
    ofAccount: (accountId) => [...(accounts.get(accountId)?.values() ?? [])],
    all: () => ids.values(),
  }
}

/** Runs `write` behind the writes of this instance before it, and before those after it. For writes only: nothing else is waited for. */
export const inOrder = <T>(instance: LiveInstance, write: () => Promise<T>): Promise<T> => {
  const result = instance.stored.then(write)
  instance.stored = result.catch(() => undefined)
  return result
}
