/** A group as answers show it once something was done to it. */
import type { z } from 'zod'
import type { Address } from '../whatsapp/engine.ts'
import type { Group } from '../whatsapp/groups.ts'
import type { GroupSession } from './access.ts'
import { type groupInfo, isAdmin, viewInfo } from './views.ts'

/** As it stands now; as it was, when that cannot be asked: it must not look as if nothing had been done. */
export const presentGroup = async ({ groups }: GroupSession, group: Group, self: Address): Promise<z.infer<typeof groupInfo>> => {
  const now = await groups.read(group.jid).catch(() => group)
  const code = isAdmin(now, self) ? await groups.inviteCode(now.jid).catch(() => null) : null
  return viewInfo(now, code)
}
