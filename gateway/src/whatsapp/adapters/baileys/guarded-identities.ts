import type { IdentityStore } from '../../engine.ts'
import { guardedBy } from './guarding.ts'

/** Baileys answers a message whose names could not be looked up with a refusal, and WhatsApp would forget it: the socket is closed before that. */
export const guardedIdentities = (store: IdentityStore, onFailure: (error: unknown) => void): IdentityStore => {
  const guarded = guardedBy(onFailure)
  return {
    lidsOf: (numbers) => guarded(() => store.lidsOf(numbers)),
    numbersOf: (lids) => guarded(() => store.numbersOf(lids)),
    learn: (pairs) => guarded(() => store.learn(pairs)),
  }
}
