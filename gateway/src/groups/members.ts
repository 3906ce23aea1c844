/** Who is in a group: participants, joining, the invite link, the queue of requests, leaving. */
import { createHash } from 'node:crypto'
import { ApiError } from '../http/errors.ts'
import type { Instance } from '../instances/instance.ts'
import { canonicalOf } from '../whatsapp/address.ts'
import type { Address } from '../whatsapp/engine.ts'
import type { Group, MemberAction, MemberOutcome } from '../whatsapp/groups.ts'
import { type GroupInstances, type GroupSession, inGroup, jidOf, orRefused, sessionOf } from './access.ts'
import { inviteLink, parseInviteCode } from './identifier.ts'
import { notRegistered, type Outcome, viewOutcome } from './outcomes.ts'
import { findParticipants } from './participants.ts'
import { hasCode, type RefusalTexts, refusalOf } from './refusals.ts'
import { viewRequest } from './views.ts'

/** A personal invite, on its way to whom it was made for; `seed` of an Idempotency-Key, one per person. Throws when it cannot be sent. */
export type SendInvite = (
  instance: Instance,
  to: Address,
  invite: { group: Pick<Group, 'jid' | 'name'>; code: string; expiresAt: number },
  seed: string | null,
) => Promise<void>

export const managing: RefusalTexts = {
  forbidden: 'Not authorized to manage participants of this group (must be admin)',
  failed: 'Failed to update participants',
}
export const joining: RefusalTexts = { forbidden: 'Not allowed to join this group', failed: 'Failed to join group' }
export const resetting: RefusalTexts = {
  forbidden: 'Not authorized to reset group invite link (must be admin)',
  failed: 'Failed to reset group invite link',
}
export const viewing: RefusalTexts = {
  forbidden: 'Not authorized to view group requests (must be admin)',
  failed: 'Failed to list group requests',
}
export const leaving: RefusalTexts = { forbidden: 'Not allowed to leave this group', failed: 'Failed to leave group' }

interface Change {
  identifier: string
  action: MemberAction
  participants: readonly string[]
  sendInvite: boolean
  /** Of an Idempotency-Key. */
  seed: string | null
}

export const createMembership = (instances: GroupInstances, sendInvite: SendInvite) => {
  /** What came of each invite that was to be sent, by its code. */
  const invited = async (
    instance: Instance,
    session: GroupSession,
    jid: string,
    outcomes: readonly MemberOutcome[],
    seed: string | null,
  ): Promise<Set<string>> => {
    const sent = new Set<string>()
    const open = outcomes.filter(({ invite }) => invite !== null)
    if (open.length === 0) return sent
    const name = await session.groups.read(jid).then(
      (group) => group.name,
      () => '',
    )
    for (const { address, invite } of open) {
      if (invite === null) continue
      const group = { jid, name }
      await sendInvite(instance, address, { group, ...invite }, seed === null ? null : seedFor(address, seed)).then(
        () => sent.add(invite.code),
        () => {},
      )
    }
    return sent
  }

  return {
    async change(instance: Instance, { identifier, action, participants, sendInvite: wantsInvites, seed }: Change) {
      const session = sessionOf(instances, instance.id)
      const [groupJid, people] = await orRefused(managing, () =>
        Promise.all([jidOf(session, identifier), findParticipants(session, participants)]),
      )
      const known = people.filter(({ registered }) => registered)
      const outcomes = await inGroup(session, groupJid, managing, () =>
        session.groups.changeMembers(
          groupJid,
          action,
          known.map(({ address }) => address),
        ),
      )
      const sent = wantsInvites ? await invited(instance, session, groupJid, outcomes, seed) : new Set<string>()
      let next = 0
      const results = people.map((person): Outcome => {
        const outcome = person.registered ? outcomes[next++] : undefined
        if (outcome === undefined) return notRegistered(person)
        return viewOutcome(action, outcome, outcome.invite !== null && sent.has(outcome.invite.code))
      })
      return { groupJid, participants: results }
    },

    async join({ id }: Instance, identifier: string) {
      const session = sessionOf(instances, id)
      const code = parseInviteCode(identifier)
      if (code === null) throw new ApiError(400, 'Invalid invite link or code')
      try {
        return await session.groups.join(code)
      } catch (error) {
        if (hasCode(error, 400, 406)) throw new ApiError(400, 'Invalid invite link or code')
        if (hasCode(error, 410)) throw new ApiError(400, 'Invite link has been revoked or expired')
        if (hasCode(error, 404)) throw new ApiError(404, 'Group not found')
        throw refusalOf(error, joining)
      }
    },

    async resetLink({ id }: Instance, identifier: string) {
      const session = sessionOf(instances, id)
      const groupJid = await orRefused(resetting, () => jidOf(session, identifier))
      const inviteCode = await inGroup(session, groupJid, resetting, () => session.groups.renewInviteCode(groupJid))
      return { groupJid, inviteCode, inviteLink: inviteLink(inviteCode) }
    },

    async requests({ id }: Instance, identifier: string) {
      const session = sessionOf(instances, id)
      const groupJid = await orRefused(viewing, () => jidOf(session, identifier))
      const requests = await inGroup(session, groupJid, viewing, () => session.groups.requests(groupJid))
      return { groupJid, requests: requests.map(viewRequest) }
    },

    async leave({ id }: Instance, identifier: string) {
      const session = sessionOf(instances, id)
      const groupJid = await orRefused(leaving, () => jidOf(session, identifier))
      await inGroup(session, groupJid, leaving, () => session.groups.leave(groupJid))
      return { groupJid }
    },
  }
}

/** Each person's invite is a message of its own. */
const seedFor = (person: Address, seed: string): string =>
  createHash('sha256')
    .update(`${seed} ${canonicalOf(person)}`)
    .digest('hex')
    .slice(0, seed.length)
    .toUpperCase()
