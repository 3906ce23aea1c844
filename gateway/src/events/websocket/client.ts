/** One client on `/ws/:instance` as the hub and the replay see it. */
import type { WebSocket } from 'ws'

export interface Member {
  instanceId: string
  accountId: string
  /** Which kind of token opened the connection. */
  by: 'account' | 'instance'
}

export interface Client extends Member {
  socket: WebSocket
  /** Pings it has not answered. */
  missed: number
  /** False while it is read to from the log; it gets nothing else then. */
  live: boolean
  /** Aborted when it is no longer in the room. */
  left: AbortController
}

/** Close codes of decisions.md §3; 1011 is ours. */
export const closeCodes = {
  shutdown: { code: 1001, reason: 'Server is shutting down' },
  inDoubt: { code: 1011, reason: 'Events may have been missed' },
  tooSlow: { code: 1013, reason: 'Consumer too slow' },
  tokenRevoked: { code: 4001, reason: 'Token revoked' },
  instanceDeleted: { code: 4004, reason: 'Instance deleted' },
} as const
export type Farewell = (typeof closeCodes)[keyof typeof closeCodes]
