/** One clock for a whole request, joined with the caller's own signal. */

export interface Deadline {
  readonly signal: AbortSignal
  readonly timeoutMs: number
  /** It was the clock, not the caller. */
  expired(): boolean
  /** To be called at the end, else the caller's signal keeps a listener until then. */
  clear(): void
}

export function startDeadline(timeoutMs: number, outer?: AbortSignal): Deadline {
  const controller = new AbortController()
  let expired = false
  const abort = () => controller.abort()
  const timer = setTimeout(() => {
    expired = true
    abort()
  }, timeoutMs)
  if (outer?.aborted) abort()
  else outer?.addEventListener('abort', abort, { once: true })
  return {
    signal: controller.signal,
    timeoutMs,
    expired: () => expired,
    clear() {
      clearTimeout(timer)
      outer?.removeEventListener('abort', abort)
    },
  }
}

/** Undici heeds a signal only once the request has a connection; resolving and connecting must end with it too. */
export const untilAborted = <T>(promise: Promise<T>, signal: AbortSignal): Promise<T> =>
  new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason)
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort, { once: true })
    promise.then(resolve, reject)
  })
