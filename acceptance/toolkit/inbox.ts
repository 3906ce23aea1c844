/** What somebody received and a story has not looked at yet; the same `next` for webhooks, sockets and phones. */
import { type Json, matches, type Pattern } from './json.ts'

export interface Inbox<T extends Json> {
  put(item: T): void
  /** The first item that looks like this and was not given out before; waits for it. */
  next(pattern: Pattern, waitMs?: number): Promise<T>
  /** Everything received so far, given out or not. */
  all(): readonly T[]
}

interface Waiter<T> {
  pattern: Pattern
  give(item: T): void
}

export const createInbox = <T extends Json>(owner: string): Inbox<T> => {
  const received: T[] = []
  const fresh: T[] = []
  const waiters = new Set<Waiter<T>>()

  return {
    put(item) {
      received.push(item)
      const waiter = [...waiters].find(({ pattern }) => matches(item, pattern))
      if (waiter === undefined) fresh.push(item)
      else waiter.give(item)
    },
    next(pattern, waitMs = 60_000) {
      const index = fresh.findIndex((item) => matches(item, pattern))
      if (index >= 0) return Promise.resolve(fresh.splice(index, 1)[0] as T)
      return new Promise((resolve, reject) => {
        const waiter: Waiter<T> = {
          pattern,
          give(item) {
            clearTimeout(timer)
            waiters.delete(waiter)
            resolve(item)
          },
        }
        const timer = setTimeout(() => {
          waiters.delete(waiter)
          const seen = fresh.slice(-5).map((item) => JSON.stringify(item).slice(0, 600))
          reject(
            new Error(
              `${owner} got nothing like ${describe(pattern)} in ${waitMs} ms; last of ${fresh.length} unread:\n${seen.join('\n')}`,
            ),
          )
        }, waitMs)
        waiters.add(waiter)
      })
    },
    all: () => received,
  }
}

const describe = (pattern: Pattern): string =>
  JSON.stringify(pattern, (_, value: unknown) => (value instanceof RegExp || typeof value === 'function' ? String(value) : value))
