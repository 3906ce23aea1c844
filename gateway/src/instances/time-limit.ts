/** Waits for `work`, but not longer than `ms`. False: it had not ended by then; it goes on by itself. Rejects when it failed in time. */
export const endsWithin = async (ms: number, work: Promise<unknown>): Promise<boolean> => {
  let timer: NodeJS.Timeout | undefined
  const limit = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), ms)
  })
  const ended = work.then(() => true as const)
  // When time is up first, nobody looks at a later failure any more.
  ended.catch(() => undefined)
  try {
    return await Promise.race([ended, limit])
  } finally {
    clearTimeout(timer)
  }
}
