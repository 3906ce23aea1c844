/** Saying things: over the API of an instance, or by hand on a phone. Nobody here waits for anybody else's answer. */
import { at } from '../toolkit/json.ts'
import type { Said } from './ledger.ts'
import type { Speaker } from './plan.ts'
import type { World } from './world.ts'

export interface Talk {
  /** Begins to say something new; the outcome goes into the ledger. */
  say(from: Speaker, to: Speaker): void
  /** Resolves when every answer is there. */
  answered(): Promise<void>
}

export const openTalk = (world: World): Talk => {
  const { ledger, lines } = world
  const underWay = new Set<Promise<void>>()

  const overApi = async (said: Said, index: number): Promise<Partial<Said>> => {
    const answer = await lines[index]?.text(said.to, said.words)
    if (answer === undefined) throw new Error(`there is no line ${index}`)
    const id = at(answer.body, 'data.messageId')
    if (answer.status === 200 && typeof id === 'string') return { outcome: 'accepted', id }
    return { outcome: 'refused', detail: `${answer.status} ${JSON.stringify(at(answer.body, 'error.message') ?? answer.body)}` }
  }

  const begin = async (from: Speaker, to: Speaker) => {
    const [sender, receiver] = [world.phoneOf(from), world.phoneOf(to)]
    const said: Said = {
      words: `text ${ledger.said.length}`,
      via: from.kind === 'line' ? 'api' : 'phone',
      from: sender.number,
      to: receiver.number,
      outcome: 'under way',
      id: null,
      detail: '',
    }
    ledger.said.push(said)
    try {
      const became =
        from.kind === 'line'
          ? await overApi(said, from.index)
          : ({ outcome: 'accepted', id: await sender.send(receiver.number, said.words) } as const)
      Object.assign(said, became)
    } catch (error) {
      // The gateway is down or went down meanwhile; the phone is offline.
      said.outcome = 'unknown'
      said.detail = error instanceof Error ? error.message : String(error)
    }
  }

  return {
    say(from, to) {
      const work: Promise<void> = begin(from, to).finally(() => underWay.delete(work))
      underWay.add(work)
    },
    async answered() {
      while (underWay.size > 0) await Promise.all(underWay)
    },
  }
}
