/**
 * An exchange whose answer is held whole, up to a limit. It listens to undici's dispatcher itself: the stream that `request` makes for an
 * answer, and reading it to its end, cost half as much as everything else about a small POST.
 */
import type { Dispatcher } from 'undici'

export interface ShortAnswer {
  status: number
  headers: Record<string, string | string[] | undefined>
  body: Buffer
  /** There was more. */
  truncated: boolean
}

interface Limits {
  bytes: number
  /** Milliseconds the body may take; what came until then is the answer. Undefined: the signal alone ends it, and that is a failure. */
  bodyMs: number | undefined
  signal: AbortSignal
  /** An answer nobody wants the body of. */
  isEnough(status: number, headers: ShortAnswer['headers']): boolean
}

export type Exchange = Pick<Dispatcher.DispatchOptions, 'origin' | 'path' | 'method' | 'headers' | 'body'>

/** Rejects with what undici says, or the signal's reason. What is cut off before its end closes its connection. */
export const shortAnswer = (
  dispatcher: Dispatcher,
  exchange: Exchange,
  { bytes, bodyMs, signal, isEnough }: Limits,
): Promise<ShortAnswer> =>
  new Promise((resolve, reject) => {
    let controller: Dispatcher.DispatchController | null = null
    let answer: Pick<ShortAnswer, 'status' | 'headers'> | null = null
    let timer: NodeJS.Timeout | undefined
    const chunks: Buffer[] = []
    let length = 0
    let over = false

    const end = (): void => {
      over = true
      clearTimeout(timer)
      signal.removeEventListener('abort', abort)
    }
    const fail = (error: unknown): void => {
      if (answer !== null && bodyMs !== undefined) succeed(true)
      if (over) return
      end()
      reject(error)
    }
    const succeed = (truncated: boolean): void => {
      if (over || answer === null) return
      end()
      resolve({ ...answer, body: Buffer.concat(chunks, Math.min(length, bytes)), truncated })
      if (truncated) controller?.abort(new Error('cut off'))
    }
    // Before there is a connection undici knows nothing of the signal.
    const abort = (): void => {
      fail(signal.reason)
      controller?.abort(new Error('aborted'))
    }

    if (signal.aborted) return reject(signal.reason)
    signal.addEventListener('abort', abort)
    dispatcher.dispatch(exchange, {
      onRequestStart(started) {
        controller = started
        if (over) started.abort(new Error('aborted'))
      },
      onResponseStart(_controller, status, headers) {
        // 1xx: the answer is still to come.
        if (status < 200) return
        answer = { status, headers }
        if (isEnough(status, headers)) succeed(true)
        else if (bodyMs !== undefined) timer = setTimeout(() => succeed(true), bodyMs)
      },
      onResponseData(_controller, chunk) {
        chunks.push(chunk)
        length += chunk.length
        if (length > bytes) succeed(true)
      },
      onResponseEnd: () => succeed(false),
      onResponseError: (_controller, error) => fail(error),
    })
  })
