/** Time as a collaborator, so that rules about minutes and hours are tested in milliseconds. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number
}

export const systemClock: Clock = { now: () => Date.now() }

/** RFC 3339 in UTC, the form of every timestamp in answers and events. */
export const rfc3339 = (milliseconds: number): string => new Date(milliseconds).toISOString()

/** ISO 8601; without a zone it is UTC. Milliseconds, null for anything else. */
export const parseMoment = (text: string): number | null => {
  const iso = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d+)?)?)(Z|[+-]\d\d:?\d\d)?)?$/i.exec(text.trim())
  const milliseconds = iso === null ? Number.NaN : Date.parse(`${iso[1]}T${iso[2] ?? '00:00'}${iso[3] ?? 'Z'}`)
  return Number.isNaN(milliseconds) ? null : milliseconds
}
