/** An instance as the rest of the gateway sees it: who it is, not what it is doing. */
import type { InstanceState } from '../storage/schema.ts'

export interface Instance {
  /** Internal id; never the name. */
  id: string
  accountId: string
  name: string
  /** State when it was read; the life cycle knows the present one. */
  state: InstanceState
  numberJid: string | null
  lid: string | null
  /** Milliseconds. */
  createdAt: number
  updatedAt: number
}
