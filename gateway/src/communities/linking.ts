/**
 * Linking groups to a community and unlinking them: one after the other, with a pause between them, and each may fail without the others
 * (groups-channels-integrations.md §3.2, §3.3).
 */
import { setTimeout as pause } from 'node:timers/promises'
import { type RefusalTexts, refusalOf } from '../groups/refusals.ts'
import { EngineError, type EngineSession } from '../whatsapp/engine.ts'
import { parseCommunityJid } from './community-jid.ts'

export type LinkAction = 'link' | 'unlink'

export interface Linking {
  /** JIDs of the groups it was done to. */
  linked: string[]
  /** The others, as the caller wrote them. */
  failed: string[]
  /** Why, for each of `failed`. */
  errors: Record<string, string>
}

/** What WhatsApp's own apps leave between two. */
const PAUSE_MS = 1_000

const texts: Record<LinkAction, RefusalTexts> = {
  link: { forbidden: 'Not authorized (must be admin of the community and of the group)', failed: 'Failed to link groups' },
  unlink: { forbidden: 'Not authorized (must be admin of the community)', failed: 'Failed to unlink groups' },
}

/**
 * In the order given; what is named twice counts once. Throws ApiError when WhatsApp cannot be asked before anything was done; later that
 * is the reason of all that are left, for what was done must not look as if it had not been.
 */
export const linkGroups = async (
  { communities }: Pick<EngineSession, 'communities'>,
  community: string,
  action: LinkAction,
  groups: readonly string[],
): Promise<Linking> => {
  const result: Linking = { linked: [], failed: [], errors: {} }
  const fail = (group: string, reason: string): void => {
    result.failed.push(group)
    result.errors[group] = reason
  }
  let asked = 0
  let given: EngineError | null = null
  for (const group of new Set(groups.map((text) => text.trim()))) {
    const jid = parseCommunityJid(group)
    if (jid === null) fail(group, 'Invalid group JID')
    else if (given !== null) fail(group, refusalOf(given, texts[action]).message)
    else {
      if (asked > 0) await pause(PAUSE_MS)
      asked += 1
      try {
        await communities[action](community, jid)
        result.linked.push(jid)
      } catch (error) {
        if (error instanceof EngineError && isAboutAll(error)) {
          if (asked === 1) throw refusalOf(error, texts[action])
          given = error
        }
        fail(group, reasonOf(action, error))
      }
    }
  }
  return result
}

/** The next one would fare no better. */
const isAboutAll = ({ code }: EngineError): boolean => code === 'not-connected' || code === 'logged-out' || code === 'rate-limited'

const reasonOf = (action: LinkAction, error: unknown): string =>
  (error instanceof EngineError && error.serverCode !== null ? reasons[action].get(error.serverCode) : undefined) ??
  refusalOf(error, texts[action]).message

const reasons: Record<LinkAction, Map<number, string>> = {
  link: new Map([
    [404, 'Group not found'],
    [406, 'This group cannot be linked'],
    [409, 'Already in a community'],
    [419, 'The community is full'],
  ]),
  unlink: new Map([
    [404, 'Not a group of this community'],
    [406, 'The announcement group cannot be unlinked'],
  ]),
}
