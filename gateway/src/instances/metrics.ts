/** Message counts of one or several instances (core.md §3.13). */
import { z } from 'zod'
import { errors } from '../http/errors.ts'
import { type Operation, operation, type Scope } from '../http/operation.ts'
import { type Clock, rfc3339 } from '../runtime/clock.ts'
import type { InstanceCounts, MessageGroup, MetricsRepository } from './metrics-repository.ts'
import type { Registry } from './registry.ts'

/** Counters are added up, also those of different things (a chat that two instances share counts twice); times are the outermost. */
export const sumUp = (instance: string, counts: readonly InstanceCounts[]): z.infer<typeof metrics> => {
  const groups = counts.flatMap((each) => each.groups)
  const total = (of: (each: InstanceCounts) => number) => counts.reduce((sum, each) => sum + of(each), 0)
  const times = (of: (each: InstanceCounts) => number | null) => counts.map(of).filter((time) => time !== null)
  const first = times((each) => each.totals.firstAt)
  const last = times((each) => each.totals.lastAt)
  return {
    instance,
    totalMessages: countOf(groups),
    messagesReceived: countOf(groups, (group) => !group.fromMe),
    messagesSent: countOf(groups, (group) => group.fromMe),
    messagesByType: countBy(groups, (group) => group.type),
    groupMessages: countOf(groups, (group) => group.inGroup),
    individualMessages: countOf(groups, (group) => !group.inGroup),
    messagesWithMedia: countOf(groups, (group) => group.mediaType !== null),
    mediaByType: countBy(groups, (group) => group.mediaType),
    messagesByStatus: { ...noStatus, ...countBy(groups, (group) => group.status) },
    uniqueChats: total((each) => each.totals.uniqueChats),
    uniqueGroups: total((each) => each.totals.uniqueGroups),
    uniqueContacts: total((each) => each.totals.uniqueContacts),
    messagesLast7Days: total((each) => each.totals.last7Days),
    messagesLast30Days: total((each) => each.totals.last30Days),
    firstMessageAt: first.length === 0 ? null : rfc3339(Math.min(...first)),
    lastMessageAt: last.length === 0 ? null : rfc3339(Math.max(...last)),
  }
}

interface Collaborators {
  registry: Registry
  repository: MetricsRepository
  clock: Clock
}

export const metricsOperation = ({ registry, repository, clock }: Collaborators): Operation =>
  operation({
    id: 'instance.metrics',
    method: 'GET',
    path: '/api/instance/metrics/:instance',
    instanceList: true,
    token: 'any',
    rateLimit: 'global',
    tag: 'Instances',
    summary: 'Count the messages of one or several instances',
    description: 'Several names, separated by commas, give one object with added counters. A TokenInstance may only name its own instance.',
    answers: { 200: z.object({ success: z.literal(true), message: z.string(), metrics }) },
    errors: [
      { status: 400, message: errors.instanceNameRequired().message },
      { status: 404, message: errors.instanceNotFound().message },
    ],
    handle: async ({ scope, params }) => {
      const list = params.instance ?? ''
      const ids = idsIn(registry, scope, list)
      const counts: InstanceCounts[] = []
      // One after the other: each is heavy, and nobody else should wait for all of them at once.
      for (const id of ids) counts.push(await repository.count(id, clock.now()))
      return { status: 200, body: { success: true, message: 'Metrics retrieved successfully', metrics: sumUp(list, counts) } }
    },
  })

/** Every name must exist; each counts once. */
const idsIn = (registry: Registry, scope: Scope, list: string): Set<string> => {
  const names = list
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '')
  if (names.length === 0) throw errors.instanceNameRequired()
  return new Set(
    names.map((name) => {
      if (scope.by === 'instance' && scope.instance?.name !== name) throw errors.foreignInstance()
      const instance = registry.byName(scope.account.id, name)
      if (instance === null) throw errors.instanceNotFound()
      return instance.id
    }),
  )
}

const countOf = (groups: readonly MessageGroup[], fits: (group: MessageGroup) => boolean = () => true): number =>
  groups.reduce((sum, group) => (fits(group) ? sum + group.count : sum), 0)

const countBy = (groups: readonly MessageGroup[], key: (group: MessageGroup) => string | null): Record<string, number> => {
  const counts = new Map<string, number>()
  for (const group of groups) {
    const name = key(group)
    if (name !== null) counts.set(name, (counts.get(name) ?? 0) + group.count)
  }
  return Object.fromEntries(counts)
}

const noStatus = { pending: 0, sent: 0, delivered: 0, read: 0, played: 0, failed: 0 }

const counter = z.record(z.string(), z.number())

const metrics = z.object({
  instance: z.string().meta({ example: 'shop' }),
  totalMessages: z.number(),
  messagesReceived: z.number(),
  messagesSent: z.number(),
  messagesByType: counter.meta({ example: { text: 120, image: 4 } }),
  groupMessages: z.number(),
  individualMessages: z.number(),
  messagesWithMedia: z.number(),
  mediaByType: counter.meta({ example: { image: 4 } }),
  messagesByStatus: counter.meta({ example: noStatus }),
  uniqueChats: z.number(),
  uniqueGroups: z.number(),
  uniqueContacts: z.number(),
  messagesLast7Days: z.number(),
  messagesLast30Days: z.number(),
  firstMessageAt: z.string().nullable(),
  lastMessageAt: z.string().nullable(),
})
