/** Who said what, and every trace of it: on phones, on the wire, at the webhooks. Written while things happen; `verdict.ts` judges it. */

/** A text somebody tried to send. Its words are unique in a run. */
export interface Said {
  words: string
  via: 'api' | 'phone'
  /** Numbers. */
  from: string
  to: string
  /** `refused`: the API said no. `unknown`: there was no answer, so it may have left or not. */
  outcome: 'under way' | 'accepted' | 'refused' | 'unknown'
  /** Message id, of accepted ones. */
  id: string | null
  detail: string
}

/** A message as a phone shows it. */
export interface Shown {
  phone: string
  id: string
  words: string
  fromMe: boolean
}

/** One request at a webhook. */
export interface Attempt {
  /** Number of the instance. */
  line: string
  eventId: string
  event: string
  /** What the event is about: one id of `message.exchange`, several of `message.status`. */
  messageIds: readonly string[]
  direction: 'incoming' | 'outgoing' | null
  words: string
  /** `type` of the message, or the status. */
  type: string
  /** Which run of the gateway sent it, counted from 0. */
  run: number
  /** The receiver answered 2xx and the answer got through. */
  accepted: boolean
}

/** A stanza on the line of an instance's own device. */
export interface Passed {
  /** Number of the instance. */
  line: string
  /** `in`: from the gateway. Recorded before a fault strikes; `out` only when it was really sent. */
  direction: 'in' | 'out'
  tag: 'message' | 'receipt'
  type: string
  ids: readonly string[]
}

/** A process of the gateway, looked at in a calm moment. */
export interface Measurement {
  run: number
  descriptors: number
  residentMib: number
}

export interface Evidence {
  said: readonly Said[]
  shown: readonly Shown[]
  /** In the order they were answered. */
  attempts: readonly Attempt[]
  passed: readonly Passed[]
  /** Numbers of the instances. */
  lines: readonly string[]
}

export interface Ledger extends Evidence {
  readonly said: Said[]
  readonly shown: Shown[]
  readonly attempts: Attempt[]
  readonly passed: Passed[]
  readonly lines: string[]
  readonly measurements: Measurement[]
  /** What happened that must never happen, whatever the evidence says. */
  readonly accidents: string[]
}

export const openLedger = (): Ledger => ({
  said: [],
  shown: [],
  attempts: [],
  passed: [],
  lines: [],
  measurements: [],
  accidents: [],
})
