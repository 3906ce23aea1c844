/**
 * Answers about many, of which WhatsApp refuses or lacks a part. Baileys takes an error for one of them for the whole answer, and stumbles over a
 * device that has run out of one-time keys: one person, and a message reaches nobody in the group. (Devices without any keys: `absent-devices.ts`.)
 */
import type { BinaryNode } from 'baileys'
import { childOf, childrenNamed, childrenOf } from './nodes.ts'

/** To be called before whoever has asked is given the answer, which it changes. Every other stanza stays as it is. */
export const mendPartialAnswer = (stanza: BinaryNode | Uint8Array): void => {
  if (stanza instanceof Uint8Array || stanza.tag !== 'iq' || stanza.attrs.type !== 'result') return
  dropUsedUpKeys(childrenNamed(childOf(stanza, 'list'), 'user'))
  dropRefusedDevices(childrenNamed(childOf(childOf(stanza, 'usync'), 'list'), 'user'))
}

/** A session can be opened without a one-time key, but not with half of one. */
const dropUsedUpKeys = (users: readonly BinaryNode[]): void => {
  const isUsedUp = (part: BinaryNode): boolean =>
    part.tag === 'key' && (childOf(part, 'id') === undefined || childOf(part, 'value') === undefined)
  for (const user of users) if (childrenOf(user).some(isUsedUp)) user.content = childrenOf(user).filter((part) => !isUsedUp(part))
}

/** What is refused for everybody is an error, and no answer without anybody. */
const dropRefusedDevices = (users: readonly BinaryNode[]): void => {
  const isRefused = (part: BinaryNode): boolean => part.tag === 'devices' && childOf(part, 'error') !== undefined
  const refused = users.filter((user) => childrenOf(user).some(isRefused))
  if (refused.length === users.length) return
  for (const user of refused) user.content = childrenOf(user).filter((part) => !isRefused(part))
}
