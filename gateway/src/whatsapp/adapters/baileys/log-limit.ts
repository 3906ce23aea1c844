/**
 * What strangers can make happen as often as they like is not written down as often: a few lines per subject and a few more in all, and when the
 * minute is over the next line says how many were left out.
 */
import { createBoundedMap } from '../../../runtime/bounded-map.ts'

export interface LogLimits {
  /** Lines per minute about one subject, e.g. one peer. */
  perSubject: number
  /** Lines per minute about all of them. */
  inAll: number
}

/** Subjects counted at a time; with more than these, the bound on all of them holds. */
const SUBJECTS = 200
const MINUTE_MS = 60_000

export class LogLimit {
  readonly #limits: LogLimits
  readonly #now: () => number
  #subjects = createBoundedMap<string, number>(SUBJECTS)
  #written = 0
  #leftOut = 0
  #minute = 0

  constructor(limits: LogLimits, now: () => number = Date.now) {
    this.#limits = limits
    this.#now = now
  }

  /** Null: say nothing. Else how many lines have been left out since the last one. */
  admit(subject: string): { leftOut: number } | null {
    const minute = Math.floor(this.#now() / MINUTE_MS)
    if (minute !== this.#minute) {
      this.#minute = minute
      this.#written = 0
      this.#subjects = createBoundedMap(SUBJECTS)
    }
    const times = this.#subjects.get(subject) ?? 0
    if (times >= this.#limits.perSubject || this.#written >= this.#limits.inAll) {
      this.#leftOut += 1
      return null
    }
    this.#subjects.set(subject, times + 1)
    this.#written += 1
    const leftOut = this.#leftOut
    this.#leftOut = 0
    return { leftOut }
  }
}
