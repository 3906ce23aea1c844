/** Looking at groups: those the account is in, and one of them, or one it only has the link of. */
import type { Instance } from '../instances/instance.ts'
import { type GroupInstances, type GroupSession, orRefused, readAsMember, sessionOf } from './access.ts'
import { parseGroupIdentifier } from './identifier.ts'
import { isForbidden, isMissing, notAMember, type RefusalTexts } from './refusals.ts'
import { isAdmin, viewDetail, viewListed } from './views.ts'

const listing: RefusalTexts = { forbidden: 'Not authorized to list groups', failed: 'Failed to list groups' }
const looking: RefusalTexts = { forbidden: 'Not authorized to view this group', failed: 'Failed to get group info' }

export const createGroupReading = (instances: GroupInstances) => ({
  /** Members are asked for in any case: only they tell whether the account is an admin. */
  async list({ id }: Instance, includeMembers: boolean) {
    const session = sessionOf(instances, id)
    const self = instances.self(id)
    const groups = await orRefused(listing, () => session.groups.list({ members: true }))
    return groups.map((group) => viewListed(group, self, includeMembers))
  },

  async info({ id }: Instance, identifier: string, participants: boolean) {
    const session = sessionOf(instances, id)
    const { group, code } = await orRefused(looking, () => look(session, identifier))
    const image = await session.profilePicture({ jid: group.jid, lid: null }).catch(() => null)
    const ownCode =
      code ?? (isAdmin(group, instances.self(id)) ? await orRefused(looking, () => session.groups.inviteCode(group.jid)) : null)
    return viewDetail(group, { code: ownCode, image, participants })
  },
})

/** Behind a link: as a member sees it where the account is one, else what WhatsApp shows to strangers. */
const look = async (session: GroupSession, identifier: string) => {
  const named = parseGroupIdentifier(identifier)
  if (named === null) throw notAMember()
  if (named.kind === 'jid') return { group: await readAsMember(session, named.jid), code: null }
  const preview = await session.groups.preview(named.code)
  const group = await session.groups.read(preview.jid).catch((error: unknown) => {
    if (isForbidden(error) || isMissing(error)) return preview
    throw error
  })
  return { group, code: named.code }
}
