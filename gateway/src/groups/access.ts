/** The way to a group: the session of the instance, the group a caller means, and whether the account is in it. */
import { ApiError } from '../http/errors.ts'
import type { Address, EngineSession } from '../whatsapp/engine.ts'
import type { Group } from '../whatsapp/groups.ts'
import { parseGroupIdentifier } from './identifier.ts'
import { isForbidden, isMissing, notAMember, notConnected, type RefusalTexts, refusalOf } from './refusals.ts'

/** What this feature needs of instances/. */
export interface GroupInstances {
  /** Null when it is not connected. */
  openSession(instanceId: string): EngineSession | null
  self(instanceId: string): Address
}

export type GroupSession = Pick<EngineSession, 'groups' | 'lookUpNumbers' | 'profilePicture'>

export const sessionOf = (instances: GroupInstances, instanceId: string): EngineSession => {
  const session = instances.openSession(instanceId)
  if (session === null) throw notConnected()
  return session
}

/** The group an identifier means. Throws 404 when it can mean none, EngineError when WhatsApp cannot be asked. */
export const jidOf = async ({ groups }: GroupSession, identifier: string): Promise<string> => {
  const named = parseGroupIdentifier(identifier)
  if (named === null) throw notAMember()
  return named.kind === 'jid' ? named.jid : (await groups.preview(named.code)).jid
}

/** The group as a member sees it. Throws 404 when the account is not in it. */
export const readAsMember = async ({ groups }: GroupSession, jid: string): Promise<Group> => {
  try {
    return await groups.read(jid)
  } catch (error) {
    throw isForbidden(error) || isMissing(error) ? notAMember() : error
  }
}

/**
 * Does something in a group. WhatsApp refuses strangers with the same codes as members who may not do it: when it does, the group is looked at, so
 * that a stranger gets 404 and a member 403 with the route's text.
 */
export const inGroup = async <T>(session: GroupSession, jid: string, texts: RefusalTexts, act: () => Promise<T>): Promise<T> => {
  try {
    return await act()
  } catch (error) {
    if (!isForbidden(error)) throw refusalOf(error, texts)
    await orRefused(texts, () => readAsMember(session, jid))
    throw new ApiError(403, texts.forbidden)
  }
}

export const orRefused = async <T>(texts: RefusalTexts, act: () => Promise<T>): Promise<T> => {
  try {
    return await act()
  } catch (error) {
    throw refusalOf(error, texts)
  }
}
