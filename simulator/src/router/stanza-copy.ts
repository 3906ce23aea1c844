/** What all ways of fanning out messages agree on. */

/** Attributes that mean the same to the receiver as to the sender. */
export const CARRIED = ['id', 'type', 'edit', 'category'] as const
/** For the server only. */
export const CONSUMED: ReadonlySet<string> = new Set(['participants', 'enc', 'tctoken'])

/** What the sender's ack says; empty when all is well. */
export interface Verdict {
  error?: string | undefined
  phash?: string | undefined
  /** The number a newsletter gives a post. */
  server_id?: string | undefined
}
