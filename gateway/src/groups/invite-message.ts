/** The message that carries a personal invite: whoever may not be added is asked in, as WhatsApp's own apps do. */
import type { Group } from '../whatsapp/groups.ts'
import type { WireMessage } from '../whatsapp/wire.ts'

export const inviteMessage = (invite: { group: Pick<Group, 'jid' | 'name'>; code: string; expiresAt: number }): WireMessage => ({
  groupInviteMessage: {
    groupJid: invite.group.jid,
    groupName: invite.group.name,
    inviteCode: invite.code,
    inviteExpiration: Math.floor(invite.expiresAt / 1000),
  },
})
