/** What sessions remember, with a bound over all of them. */
import type { DeviceList } from './device-lists.ts'
import { type SendingList, weightOfList } from './group-lists.ts'
import { weightOfHolders } from './key-holders.ts'
import { SharedCache } from './shared-cache.ts'
import { WeightedCache } from './weighted-cache.ts'

/** One of each per process. The limits are entries over all sessions. */
export interface SharedCaches {
  /** Signal sessions and sender keys, some 700 bytes each. */
  signal: SharedCache<Uint8Array>
  /** LID of a number (`n:`) and number of a LID (`l:`). */
  identities: SharedCache<string>
  /** Devices of a user. */
  devices: SharedCache<DeviceList>
  /** Members of groups that are sent to; the limit is in people, about 100 bytes each. */
  groups: WeightedCache<SendingList>
  /** Which devices have our sender key of a group; the limit is in devices, about 100 bytes each. */
  keyHolders: WeightedCache<ReadonlySet<string>>
  /** Whether somebody who has left a group knows our key of it. */
  staleKeys: SharedCache<boolean>
  /** What groups and channels were last said to be called. */
  placeNames: SharedCache<string>
  /** Privacy tokens; null: known to be absent. */
  tokens: SharedCache<unknown>
  /** How often a message was asked for again. */
  retries: SharedCache<unknown>
  calls: SharedCache<unknown>
  /** Messages whose content was asked from the own phone. */
  placeholders: SharedCache<unknown>
  /** Ids of stanzas that could not be decrypted. */
  undecryptable: SharedCache<true>
}

export const createSharedCaches = (): SharedCaches => ({
  signal: new SharedCache(20_000),
  identities: new SharedCache(40_000),
  devices: new SharedCache(20_000),
  groups: new WeightedCache(200_000, weightOfList),
  keyHolders: new WeightedCache(200_000, weightOfHolders),
  placeNames: new SharedCache(20_000),
  staleKeys: new SharedCache(20_000),
  tokens: new SharedCache(20_000),
  retries: new SharedCache(10_000),
  calls: new SharedCache(2_000),
  placeholders: new SharedCache(2_000),
  undecryptable: new SharedCache(10_000),
})
