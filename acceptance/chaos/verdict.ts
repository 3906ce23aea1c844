/**
 * Judges a run. Pure. The rules, for every text:
 *
 * 1. Accepted by the API: on the receiver's phone exactly once, or at most once and announced as failed; announced exactly once itself.
 * 2. Refused by the API: on nobody's phone. Without an answer: at most once.
 * 3. Sent to an instance, by a phone or by another instance, or by the instance's own phone: announced exactly once. Excused only when the
 *    gateway could not read it and never told the sender's side that it was delivered.
 * 4. Every event reaches its webhook as one event id; a second time only when the gateway ended between the receiver's 2xx and its own note.
 * 5. What the network handed over in order is announced in order, per chat.
 */
import type { Attempt, Evidence, Measurement, Said } from './ledger.ts'

export interface Verdict {
  /** What is missing; time may still close it. One line each. */
  gaps: string[]
  /** What no time can mend. */
  wrongs: string[]
  /** Counts for the report. */
  counts: Record<string, number>
}

/** Ends the gap of a text WhatsApp has not answered for: the gateway calls it failed after a while, or when it starts. */
export const NOT_YET_FAILED = 'accepted, never arrived, never called failed'

export const judge = (evidence: Evidence): Verdict => {
  const traces = gather(evidence)
  const verdict: Verdict = { gaps: [], wrongs: [...judgeRepetition(evidence), ...judgeOrder(evidence, traces)], counts: {} }
  for (const said of evidence.said) {
    const about = (what: string) => `${said.words} (${said.via} ${said.from} → ${said.to}, ${said.id ?? 'no id'}): ${what}`
    judgeText(said, traces, {
      gap: (what) => verdict.gaps.push(about(what)),
      wrong: (what) => verdict.wrongs.push(about(what)),
      count(what) {
        verdict.counts[what] = (verdict.counts[what] ?? 0) + 1
      },
    })
  }
  return verdict
}

/** How much more a process may hold after a round of fire than before: pools and caches fill, and V8 takes what it is given. */
export const growth = { descriptors: 12, residentFactor: 1.5, residentMib: 64 }

/** Compares the first and the last calm moment of each process. */
export const judgeGrowth = (measurements: readonly Measurement[]): string[] =>
  [...Map.groupBy(measurements, ({ run }) => run)].flatMap(([run, ofRun]) => {
    const [first, last] = [ofRun[0], ofRun.at(-1)]
    if (first === undefined || last === undefined || first === last) return []
    const complaints: string[] = []
    if (last.descriptors > first.descriptors + growth.descriptors)
      complaints.push(`run ${run} of the gateway leaks handles: ${first.descriptors} open before, ${last.descriptors} after`)
    if (last.residentMib > first.residentMib * growth.residentFactor + growth.residentMib)
      complaints.push(
        `run ${run} of the gateway keeps memory: ${Math.round(first.residentMib)} MiB before, ${Math.round(last.residentMib)} after`,
      )
    return complaints
  })

// ── the evidence by message ──────────────────────────────────────────────────────────────────────────────────────────

interface Traces {
  lines: ReadonlySet<string>
  /** Ids under which a phone shows these words, by `phone words`; own copies apart. */
  shown: Map<string, string[]>
  own: Map<string, string[]>
  /** Event ids that were accepted, by `line message id`. */
  announced: Map<string, Set<string>>
  /** Words and type of what was announced, by the same. */
  contents: Map<string, Pick<Attempt, 'words' | 'type' | 'direction'>>
  /** `line message id` of messages announced as failed. */
  failed: Set<string>
  /** By `line message id`: how often the stanza came to the instance's device, and what the gateway said about it. */
  handedOver: Map<string, number>
  receipted: Set<string>
  askedAgain: Set<string>
  /** Stanzas of this message the gateway itself sent. */
  sent: Map<string, number>
}

const gather = ({ lines, shown, attempts, passed }: Evidence): Traces => {
  const traces: Traces = {
    lines: new Set(lines),
    shown: new Map(),
    own: new Map(),
    announced: new Map(),
    contents: new Map(),
    failed: new Set(),
    handedOver: new Map(),
    receipted: new Set(),
    askedAgain: new Set(),
    sent: new Map(),
  }
  for (const { phone, words, id, fromMe } of shown) {
    const where = fromMe ? traces.own : traces.shown
    where.set(key(phone, words), [...(where.get(key(phone, words)) ?? []), id])
  }
  for (const { line, event, eventId, messageIds, accepted, words, type, direction } of attempts) {
    if (!accepted) continue
    for (const id of messageIds) {
      const at = key(line, id)
      if (event === 'message.exchange') {
        traces.announced.set(at, (traces.announced.get(at) ?? new Set()).add(eventId))
        traces.contents.set(at, { words, type, direction })
      } else if (event === 'message.status' && type === 'server_error') traces.failed.add(at)
    }
  }
  for (const { line, direction, tag, type, ids } of passed) {
    for (const id of ids) {
      const at = key(line, id)
      if (tag === 'message') {
        const times = direction === 'out' ? traces.handedOver : traces.sent
        times.set(at, (times.get(at) ?? 0) + 1)
      } else if (direction === 'in') (type === 'retry' ? traces.askedAgain : traces.receipted).add(at)
    }
  }
  return traces
}

const key = (line: string, what: string): string => `${line} ${what}`

// ── the rules ────────────────────────────────────────────────────────────────────────────────────────────────────────

interface Notes {
  gap(what: string): void
  wrong(what: string): void
  count(what: string): void
}

const judgeText = (said: Said, traces: Traces, notes: Notes): void => {
  const arrived = traces.shown.get(key(said.to, said.words)) ?? []
  const ownCopies = traces.own.get(key(said.from, said.words)) ?? []
  notes.count(`${said.via}: ${said.outcome}${said.outcome === 'refused' ? ` (${said.detail})` : ''}`)

  if (arrived.length > 1) notes.wrong(`its receiver's phone shows it ${arrived.length} times`)
  if (ownCopies.length > 1) notes.wrong(`its sender's phone shows it ${ownCopies.length} times`)
  if (said.outcome === 'under way') notes.gap('the request has neither been answered nor failed')
  if (said.outcome === 'refused' && arrived.length > 0) notes.wrong(`arrived although the API refused it (${said.detail})`)

  if (said.via === 'api' && said.outcome === 'accepted') judgeAccepted(said, arrived, traces, notes)
  const id = said.id ?? arrived[0]
  if (id === undefined || (arrived.length === 0 && !(said.via === 'phone' && said.outcome === 'accepted'))) return
  // Its receiver may be an instance, and its sender's phone may belong to one.
  judgeReceived({ ...said, id }, said.to, 'incoming', traces, notes)
  if (said.via === 'phone') judgeReceived({ ...said, id }, said.from, 'outgoing', traces, notes)
}

const judgeAccepted = (said: Said, arrived: readonly string[], traces: Traces, { gap, wrong, count }: Notes): void => {
  const at = key(said.from, said.id ?? '')
  const events = traces.announced.get(at)?.size ?? 0
  if (events === 0) gap('never announced by its sender')
  if (events > 1) wrong(`announced as ${events} outgoing events`)
  if (arrived.length === 1 && arrived[0] !== said.id) wrong(`arrived under another id, ${arrived[0]}`)
  if (arrived.length > 0) return
  if (traces.failed.has(at)) count('failed and said so')
  // The receiver asked for it again, it went out again, and the network lost that: nobody is told by the protocol.
  else if ((traces.sent.get(at) ?? 0) > 1) count('lost by the network when sent again')
  else gap(NOT_YET_FAILED)
}

const judgeReceived = (
  said: Said & { id: string },
  line: string,
  direction: 'incoming' | 'outgoing',
  traces: Traces,
  { gap, wrong, count }: Notes,
): void => {
  const at = key(line, said.id)
  if (!traces.lines.has(line)) return
  const events = traces.announced.get(at)?.size ?? 0
  const content = traces.contents.get(at)
  if (events > 1) wrong(`announced by ${line} as ${events} events`)
  if (content === undefined) {
    if (traces.receipted.has(at)) gap(`receipted by ${line} and never announced`)
    else if (traces.askedAgain.has(at)) count('never readable')
    else gap(`never announced by ${line}; handed over ${traces.handedOver.get(at) ?? 0} times`)
  } else if (content.type === 'unknown') count('announced as unreadable')
  else if (content.words !== said.words || content.direction !== direction)
    wrong(`announced by ${line} as ${content.direction} ${content.type} "${content.words}"`)
}

/** An event is accepted once, or once by each run of the gateway. */
const judgeRepetition = ({ attempts }: Evidence): string[] => {
  const runs = new Map<string, number[]>()
  for (const { line, eventId, run, accepted } of attempts) {
    if (accepted) runs.set(key(line, eventId), [...(runs.get(key(line, eventId)) ?? []), run])
  }
  return [...runs].flatMap(([event, of]) =>
    new Set(of).size === of.length ? [] : [`event ${event} was taken ${of.length} times, by runs ${of.join(', ')} of the gateway`],
  )
}

/** Only messages that came once and could be read: what comes again has lost its place. */
const judgeOrder = ({ said, attempts, passed }: Evidence, traces: Traces): string[] => {
  const chats = new Map(said.flatMap(({ id, from, to }) => (id === null ? [] : [[id, `${from} → ${to}`] as const])))
  const places = new Map<string, number>()
  for (const [index, { line, event, messageIds, accepted }] of attempts.entries()) {
    const at = key(line, messageIds[0] ?? '')
    if (accepted && event === 'message.exchange' && !places.has(at)) places.set(at, index)
  }
  const last = new Map<string, { id: string; place: number }>()
  const complaints: string[] = []
  for (const { line, direction, tag, ids } of passed) {
    const id = ids[0] ?? ''
    const at = key(line, id)
    const place = places.get(at)
    const chat = chats.get(id)
    if (direction !== 'out' || tag !== 'message' || place === undefined || chat === undefined) continue
    if (traces.handedOver.get(at) !== 1 || traces.askedAgain.has(at)) continue
    const before = last.get(`${line} ${chat}`)
    if (before !== undefined && before.place > place) complaints.push(`${id} of ${chat} overtook ${before.id} on its way through ${line}`)
    last.set(`${line} ${chat}`, { id, place })
  }
  return complaints
}
