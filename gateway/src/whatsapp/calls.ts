/** Calls of our own. */
import type { Address } from './address.ts'

export interface Ringing {
  /** The call's id. */
  id: string
  /** Ends it; one that was answered or turned away has ended already. */
  hangUp(): Promise<void>
}

export interface CallSession {
  /** Rings a person's devices, without sound or picture. Resolves when WhatsApp has taken the offer. Throws {@link EngineError}. */
  ring(to: Address): Promise<Ringing>
}
