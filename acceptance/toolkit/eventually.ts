/** Waits for something that can only be asked for, not listened to. */
import { setTimeout as pause } from 'node:timers/promises'

/** The first answer of `ask` that is neither undefined, null nor false; throws naming `what` when there is none in time. */
export const eventually = async <T>(what: string, ask: () => Promise<T | undefined | null | false>, waitMs = 60_000): Promise<T> => {
  const began = Date.now()
  for (;;) {
    const answer = await ask()
    if (answer !== undefined && answer !== null && answer !== false) return answer
    const waited = Date.now() - began
    if (waited >= waitMs) throw new Error(`waited ${waitMs} ms in vain: ${what}`)
    // Whoever has waited long can wait a tenth of that longer: asking costs those who are asked.
    await pause(Math.min(Math.max(25, waited / 10), 100))
  }
}
