/** Time as a collaborator, so that rules about minutes and hours are tested in milliseconds. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number
}

export const systemClock: Clock = { now: () => Date.now() }

/** RFC 3339 in UTC, the form of every timestamp in answers and events. */
export const rfc3339 = (milliseconds: number): string => new Date(milliseconds).toISOString()
