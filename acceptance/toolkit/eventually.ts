/** Waits for something that can only be asked for, not listened to. */
import { setTimeout as pause } from 'node:timers/promises'

/** The first answer of `ask` that is neither undefined, null nor false; throws naming `what` when there is none in time. */
export const eventually = async <T>(what: string, ask: () => Promise<T | undefined | null | false>, waitMs = 30_000): Promise<T> => {
  const end = Date.now() + waitMs
  for (;;) {
    const answer = await ask()
    if (answer !== undefined && answer !== null && answer !== false) return answer
    if (Date.now() >= end) throw new Error(`waited ${waitMs} ms in vain: ${what}`)
    await pause(25)
  }
}
