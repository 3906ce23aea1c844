/** A webhook with something waiting, as the workers see it (`delivery.ts`). */

export interface Channel {
  webhookId: string
  instanceId: string
  /** Lanes being worked on. */
  busy: Set<string>
  /** Those of them that were claimed once more. */
  claimedTwice: Set<string>
  /** How often what waits was changed by hand. */
  changes: number
  state: 'ready' | 'claiming' | 'asleep'
  /** Woken while claiming: what came in may have missed the claim. */
  again: boolean
  /** The last claim had no room for all that was due: look again when a lane is finished. */
  more: boolean
  /** Cancels the alarm that is to wake it. */
  cancelAlarm: (() => void) | null
  /** When that is. */
  wakesAt: number
  /** No claim before this: the pause between probes, or what the receiver asked for. */
  notBefore: number
  /** The instance is gone: nobody asks for its webhooks any more. */
  forgotten: boolean
}

export const newChannel = (webhookId: string, instanceId: string): Channel => ({
  webhookId,
  instanceId,
  busy: new Set(),
  claimedTwice: new Set(),
  changes: 0,
  state: 'asleep',
  again: false,
  more: false,
  cancelAlarm: null,
  wakesAt: 0,
  notBefore: 0,
  forgotten: false,
})
