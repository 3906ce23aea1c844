/** What became of each person, with WhatsApp's codes in words (groups-channels-integrations.md §2.5). */
import { z } from 'zod'
import { rfc3339 } from '../runtime/clock.ts'
import type { MemberAction, MemberOutcome } from '../whatsapp/groups.ts'
import type { Participant } from './participants.ts'

export const outcome = z.object({
  jid: z.string(),
  phoneNumber: z.string().nullable(),
  success: z.boolean(),
  error: z.string().optional(),
  invite: z.object({ code: z.string(), expiresAt: z.string(), sent: z.boolean() }).optional(),
})

export type Outcome = z.infer<typeof outcome>

export const viewOutcome = (action: MemberAction, { address, error, invite }: MemberOutcome, sent = false): Outcome => ({
  jid: address.lid ?? address.jid ?? '',
  phoneNumber: address.jid,
  success: error === null,
  ...(error === null ? {} : { error: reasonOf(action, error) }),
  ...(invite === null ? {} : { invite: { code: invite.code, expiresAt: rfc3339(invite.expiresAt), sent } }),
})

export const notRegistered = ({ address }: Participant): Outcome => ({
  jid: address.jid ?? '',
  phoneNumber: address.jid,
  success: false,
  error: 'Number is not registered on WhatsApp',
})

export const reasonOf = (action: MemberAction, code: number): string =>
  (action === 'add' ? adding : action === 'approve' || action === 'reject' ? deciding : changing).get(code) ??
  `WhatsApp refused with code ${code}`

const FULL = 'Group is full'

const adding = new Map([
  [401, 'Participant has blocked this account'],
  [403, 'Privacy settings of the participant do not allow adding; an invite is needed'],
  [404, 'Number is not registered on WhatsApp'],
  [408, 'Participant left the group recently; an invite is needed'],
  [409, 'Already a member of this group'],
  [419, FULL],
])

const changing = new Map([
  [404, 'Not a member of this group'],
  [405, 'Not allowed for this participant'],
  [406, 'Not allowed for this participant'],
])

const deciding = new Map([
  [404, 'No pending request of this participant'],
  [409, 'Already a member of this group'],
  [419, FULL],
])
