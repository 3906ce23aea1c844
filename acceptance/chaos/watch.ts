/** Follows the wire: the network remembers its last few thousand stanzas only, so they are read as they pass. */
import { setTimeout as pause } from 'node:timers/promises'
import { at, type Json, text } from '../toolkit/json.ts'
import type { Simulator } from '../toolkit/simulator.ts'
import type { Ledger, Passed } from './ledger.ts'

export interface Watch {
  /** Resolves when everything that has passed up to now is in the ledger. */
  catchUp(): Promise<void>
  stop(): Promise<void>
}

const EVERY_MS = 300

export const watchWire = (simulator: Simulator, ledger: Ledger): Watch => {
  let cursor: number | null = null
  let reading: Promise<void> = Promise.resolve()
  let stopped = false

  const read = async () => {
    cursor ??= await simulator.trafficCursor()
    const stanzas = await simulator.traffic({ after: cursor })
    for (const stanza of stanzas) {
      const here = Number(at(stanza, 'cursor'))
      if (here > cursor + 1) ledger.accidents.push(`${here - cursor - 1} stanzas passed unseen: too much traffic for this machine`)
      cursor = here
      const passed = passedOf(stanza)
      if (passed !== null) ledger.passed.push(passed)
    }
  }
  const catchUp = () => {
    reading = reading.then(read)
    return reading
  }

  const loop = (async () => {
    while (!stopped) {
      await catchUp()
      await pause(EVERY_MS)
    }
  })().catch((error: unknown) => void ledger.accidents.push(`the wire could not be watched: ${error}`))

  return {
    catchUp,
    async stop() {
      stopped = true
      await loop
    },
  }
}

/** Null for stanzas of phones and for what is neither message nor receipt. */
const passedOf = (entry: Json): Passed | null => {
  const tag = at(entry, 'stanza.tag')
  const device = at(entry, 'device')
  const line = at(entry, 'phone')
  if ((tag !== 'message' && tag !== 'receipt') || typeof device !== 'number' || device === 0 || typeof line !== 'string') return null
  // Between the own devices of an account.
  if (at(entry, 'stanza.attrs.category') === 'peer') return null
  return {
    line,
    direction: at(entry, 'direction') === 'in' ? 'in' : 'out',
    tag,
    type: String(at(entry, 'stanza.attrs.type') ?? ''),
    ids: [text(entry, 'stanza.attrs.id'), ...listedIds(at(entry, 'stanza.content'))],
  }
}

/** A receipt may speak of many messages: `<list><item id/>…`. */
const listedIds = (content: Json | undefined): string[] => {
  if (!Array.isArray(content)) return []
  const items = content.find((child) => at(child, 'tag') === 'list')
  const listed = at(items, 'content')
  return Array.isArray(listed) ? listed.flatMap((item) => (typeof at(item, 'attrs.id') === 'string' ? [text(item, 'attrs.id')] : [])) : []
}
