/** Commands on one instance, one after the other. Instances have a queue each, so that they never wait for each other. */
export interface CommandQueue {
  /** Runs `command` when those before it have ended, however they ended. */
  run<T>(command: () => Promise<T>): Promise<T>
}

export const createCommandQueue = (): CommandQueue => {
  let last: Promise<unknown> = Promise.resolve()
  return {
    run(command) {
      const result = last.then(command)
      last = result.catch(() => undefined)
      return result
    },
  }
}
