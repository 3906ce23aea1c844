/**
 * One run: link everybody, then rounds of fire, each followed by peace in which the world has to come to rest. At the end the evidence is
 * judged.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { eventually } from '../toolkit/eventually.ts'
import { type Faults, openFaults } from './faults.ts'
import { makePlan, type Plan, type Scale } from './plan.ts'
import { openTalk, type Talk } from './talk.ts'
import { judge, judgeGrowth, NOT_YET_FAILED } from './verdict.ts'
import { missing, openWorld, type World } from './world.ts'

export interface RunOptions {
  seed: number
  scale: Scale
  databaseUrl?: string | undefined
  /** How long the world may take to come to rest after a round, ms. */
  restMs: number
  say(line: string): void
}

export interface Outcome {
  /** One line each; empty when all is well. */
  complaints: string[]
  /** What became of the texts, for the report. */
  counts: Record<string, number>
}

export const runChaos = async ({ seed, scale, databaseUrl, restMs, say }: RunOptions): Promise<Outcome> => {
  say(`chaos with seed ${seed}: ${scale.lines} instances, ${scale.friends} friends, ${scale.rounds.length} rounds`)
  const plan = makePlan(seed, scale)
  const began = Date.now()
  const tell = (line: string) => say(`${((Date.now() - began) / 1000).toFixed(1).padStart(7)} s  ${line}`)
  const world = await openWorld({ plan, scale, databaseUrl })
  const unrested: string[] = []
  try {
    tell('everybody is linked')
    const talk = openTalk(world)
    const course: Course = { world, talk, restMs, unrested, tell }
    await calmRound(world, talk)
    await rest(course)
    await measure(world, tell)
    for (const [index, round] of plan.rounds.entries()) {
      const faults = openFaults(world)
      await fire(world, talk, faults, round)
      tell(`round ${index + 1}: the fire is over`)
      await recover(course, faults)
      tell('everybody is connected again')
      await rest(course)
      await calmRound(world, talk)
      await rest(course)
      await measure(world, tell)
    }
    // What WhatsApp never answered for counts as failed from the next start on, and every event still has to come through.
    await world.endGateway('SIGTERM')
    await everybodyBack(course)
    await rest(course, { final: true })
    for (const request of await world.simulator.unanswered()) unrested.push(`the network did not understand ${JSON.stringify(request)}`)
  } catch (error) {
    unrested.push(`the run broke off: ${error instanceof Error ? error.message : String(error)}`)
  } finally {
    await world.close()
  }
  const { gaps, wrongs, counts } = judge(world.ledger)
  tell('judged')
  return { counts, complaints: [...unrested, ...world.ledger.accidents, ...judgeGrowth(world.ledger.measurements), ...wrongs, ...gaps] }
}

interface Course {
  world: World
  talk: Talk
  restMs: number
  unrested: string[]
  tell(line: string): void
}

/** The steps of a round, each at its time. */
const fire = async (world: World, talk: Talk, faults: Faults, { ms, steps }: Plan['rounds'][number]): Promise<void> => {
  const began = Date.now()
  let ending: Promise<void> = Promise.resolve()
  for (const step of steps) {
    await pause(Math.max(0, began + step.at - Date.now()))
    if (step.kind === 'say') talk.say(step.from, step.to)
    else if (step.kind === 'misfortune') faults.strike(step.what)
    else ending = ending.then(() => world.endGateway(step.how))
  }
  await pause(Math.max(0, began + ms - Date.now()))
  await ending
  await faults.lift()
}

/**
 * After the fire everybody has to come back without help, except those whose line was taken over, whom their owner reconnects. Then every
 * connection ends once more: a network that lost a stanza has lost the connection too, and what got no answer comes again at the next.
 */
const recover = async (course: Course, { takenOver }: Faults): Promise<void> => {
  const { world } = course
  const statuses = await world.statuses()
  for (const index of takenOver) {
    const line = world.lines[index]
    if (line !== undefined && statuses.get(line.name) === 'disconnected') await line.api.post(`/api/instance/reconnect/${line.name}`)
  }
  await everybodyBack(course)
  await (await world.simulator.fault({ action: 'close', match: {}, times: 1 }))()
  await everybodyBack(course)
}

const everybodyBack = async ({ world, restMs, unrested }: Course): Promise<void> => {
  const ask = async () => (await missing(world)).length === 0
  const back = await eventually('everybody to be connected', ask, restMs).catch(() => false)
  if (!back) unrested.push(`stuck: ${(await missing(world)).join('; ')}`)
}

/** Waits until the evidence has no hole any more; what still has one at the end of the run is a complaint. */
const rest = async ({ world, talk, restMs, unrested, tell }: Course, { final = false } = {}): Promise<void> => {
  const answered = await Promise.race([talk.answered().then(() => true), pause(restMs, false)])
  if (!answered) unrested.push('requests without an answer')
  let toldAt = Date.now()
  await eventually(
    'the world to come to rest',
    async () => {
      await world.look()
      const open = judge(world.ledger).gaps.filter((gap) => final || !gap.endsWith(NOT_YET_FAILED))
      if (open.length > 0 && Date.now() - toldAt > TELL_EVERY_MS) {
        toldAt = Date.now()
        tell(`still open: ${open.length}, such as ${open[0]}`)
      }
      return open.length === 0
    },
    restMs,
  ).catch(() => {})
}

const TELL_EVERY_MS = 20_000

/** Everybody says and hears something, so that sessions, pools and caches are as they usually are. */
const calmRound = async (world: World, talk: Talk): Promise<void> => {
  for (const [index] of world.lines.entries()) {
    talk.say({ kind: 'line', index }, { kind: 'line', index: (index + 1) % world.lines.length })
    talk.say({ kind: 'friend', index: index % world.friends.length }, { kind: 'line', index })
  }
  await talk.answered()
}

/** Idle connections of clients and receivers are kept for a while. */
const IDLE_MS = 20_000

const measure = async (world: World, tell: (line: string) => void): Promise<void> => {
  const { measurements } = world.ledger
  const now = await world.measure()
  const before = measurements.find(({ run }) => run === now.run)
  const level = before === undefined ? now : before
  const settled = await eventually(
    'idle connections to be closed',
    async () => {
      const again = await world.measure()
      return judgeGrowth([level, again]).length === 0 && again
    },
    IDLE_MS,
  ).catch(() => world.measure())
  measurements.push(settled)
  tell(`run ${settled.run} of the gateway: ${settled.descriptors} handles, ${Math.round(settled.residentMib)} MiB resident`)
}
