/** A tenant as the rest of the gateway sees it. */
export interface Account {
  id: string
  name: string
  /** Null = no limit. */
  instanceQuota: number | null
  requestsPerMinute: number
  createsPerMinute: number
  allowedOrigins: readonly string[]
  suspended: boolean
  /** Milliseconds. */
  createdAt: number
}
