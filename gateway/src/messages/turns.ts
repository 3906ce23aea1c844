/** Sends to one chat happen one after the other, in the order they came; sends to different chats never wait for each other. */
import { ApiError } from '../http/errors.ts'

export interface Turns {
  /** Runs `work` after everything taken before for this chat. Throws 429 when too much waits already. */
  take<T>(instanceId: string, chat: string, work: () => Promise<T>): Promise<T>
}

export interface TurnLimits {
  perChat: number
  perInstance: number
}

export const usualTurnLimits: TurnLimits = { perChat: 500, perInstance: 2_000 }

export const createTurns = (limits: TurnLimits = usualTurnLimits): Turns => {
  const chats = new Map<string, { last: Promise<unknown>; waiting: number }>()
  const instances = new Map<string, number>()

  return {
    async take(instanceId, chat, work) {
      const key = `${instanceId} ${chat}`
      const queue = chats.get(key) ?? { last: Promise.resolve(), waiting: 0 }
      const ofInstance = instances.get(instanceId) ?? 0
      if (queue.waiting >= limits.perChat || ofInstance >= limits.perInstance) {
        throw new ApiError(429, 'Too many messages are waiting to be sent. Try again later.', { 'retry-after': '1' })
      }
      chats.set(key, queue)
      queue.waiting++
      instances.set(instanceId, ofInstance + 1)
      const turn = queue.last.then(work)
      queue.last = turn.catch(() => undefined)
      try {
        return await turn
      } finally {
        queue.waiting--
        if (queue.waiting === 0) chats.delete(key)
        const left = (instances.get(instanceId) ?? 1) - 1
        if (left === 0) instances.delete(instanceId)
        else instances.set(instanceId, left)
      }
    },
  }
}
