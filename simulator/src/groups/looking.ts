/** Looking at groups: one's own list, one group from inside. */
import type { Account } from '../accounts/account.ts'
import type { Services } from '../services.ts'
import { type BinaryNode, childOf, node } from '../wire/nodes.ts'
import { groupNode } from './group-nodes.ts'
import type { GroupAnswer, GroupRequest } from './group-request.ts'

/** `query request=interactive` of a member. */
export function describe({ group }: GroupRequest): GroupAnswer {
  return [groupNode(group)]
}

/** `participating`: every group of the account, with members and descriptions only if asked for. */
export function list(account: Account, asked: BinaryNode, { groups }: Services): GroupAnswer {
  const wanted = { participants: childOf(asked, 'participants') !== undefined, description: childOf(asked, 'description') !== undefined }
  return [
    node(
      'groups',
      {},
      groups.of(account).map((group) => groupNode(group, wanted)),
    ),
  ]
}
