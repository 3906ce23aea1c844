/** Groups as they stand in stanzas. Answers carry the group's id without `@g.us` (engine.md §4). */
import type { Account } from '../accounts/account.ts'
import { type BinaryNode, node } from '../wire/nodes.ts'
import type { Group, Role } from './group.ts'

export function groupNode(group: Group, { participants = true, description = true } = {}): BinaryNode {
  const { subject, creator } = group
  return node(
    'group',
    {
      id: group.id,
      subject: subject.text,
      s_t: String(subject.at),
      ...named(group, subject.by, 's_o'),
      creation: String(group.createdAt),
      ...named(group, creator, 'creator'),
      size: String(group.members.size),
      addressing_mode: group.addressing,
      p_v_id: String(group.version),
    },
    [
      ...(participants ? [...group.members].map(([account, role]) => memberNode(group, account, role)) : []),
      ...(description ? descriptionNodes(group) : []),
      ...settingNodes(group),
    ],
  )
}

/** A member with both addresses; `error` says why something could not be done to them. */
export function memberNode(
  group: Group,
  account: Account,
  role: Role | undefined = undefined,
  error: number | undefined = undefined,
): BinaryNode {
  return node('participant', {
    jid: addressIn(group, account),
    [group.addressing === 'lid' ? 'phone_number' : 'lid']: otherAddressIn(group, account),
    display_name: group.isDefaultSubGroup ? maskedNumber(account) : undefined,
    type: role === 'member' ? undefined : role,
    error: error === undefined ? undefined : String(error),
  })
}

/** The address a person goes by in this group. */
export function addressIn(group: Group, account: Account): string {
  return account.address(group.server)
}

/** Whoever did something, in both ways of addressing: `<name>` and `<name>_pn` or `<name>_lid`. */
export function named(group: Group, account: Account, name: string): Record<string, string | undefined> {
  return { [name]: addressIn(group, account), [`${name}_${group.addressing === 'lid' ? 'pn' : 'lid'}`]: otherAddressIn(group, account) }
}

/** Those who meet in an announcement group need not know each other: nobody sees a number there. */
function otherAddressIn(group: Group, account: Account): string | undefined {
  return group.isDefaultSubGroup ? undefined : account.otherAddress(group.server)
}

/** What is shown in place of the number: how it begins and how it ends. */
function maskedNumber({ number }: Account): string {
  return `+${number.slice(0, 2)}${'∙'.repeat(number.length - 4)}${number.slice(-2)}`
}

export function descriptionNodes(group: Group): BinaryNode[] {
  const { description } = group
  if (description === undefined) return []
  const attrs = { id: description.id, ...named(group, description.by, 'participant'), t: String(description.at) }
  return [node('description', attrs, [node('body', {}, Buffer.from(description.text))])]
}

function settingNodes(group: Group): BinaryNode[] {
  const nodes = [node('member_add_mode', {}, Buffer.from(group.memberAddMode))]
  if (group.announcement) nodes.push(node('announcement'))
  if (group.locked) nodes.push(node('locked'))
  if (group.ephemeral > 0) nodes.push(node('ephemeral', { expiration: String(group.ephemeral) }))
  if (group.joinApproval) nodes.push(node('membership_approval_mode', {}, [node('group_join', { state: 'on' })]))
  if (group.community) {
    nodes.push(node('parent', { default_membership_approval_mode: group.community.requestsByDefault ? 'request_required' : undefined }))
    if (group.community.openToNewGroups) nodes.push(node('allow_non_admin_sub_group_creation'))
  }
  if (group.parent) nodes.push(node('linked_parent', { jid: group.parent.jid }))
  if (group.isDefaultSubGroup) nodes.push(node('default_sub_group'))
  return nodes
}
