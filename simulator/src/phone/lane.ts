/** One thing after the other: a queue of asynchronous steps, alone or one per key. A failing step does not stop the next. */

export class Lane {
  private tail: Promise<unknown> = Promise.resolve()

  run<T>(step: () => Promise<T> | T): Promise<T> {
    const done = this.tail.then(step)
    this.tail = done.catch(() => undefined)
    return done
  }

  /** Resolves when everything that was queued before this call is over. */
  idle(): Promise<void> {
    return this.run(() => undefined)
  }
}

/** Lanes that exist only while something runs in them. */
export class KeyedLanes {
  private readonly tails = new Map<string, Promise<unknown>>()

  async run<T>(key: string, step: () => Promise<T>): Promise<T> {
    const before = this.tails.get(key) ?? Promise.resolve()
    const done = before.then(step)
    const tail = done.catch(() => undefined)
    this.tails.set(key, tail)
    try {
      return await done
    } finally {
      if (this.tails.get(key) === tail) this.tails.delete(key)
    }
  }
}
