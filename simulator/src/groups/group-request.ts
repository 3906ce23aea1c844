/** What a `w:g2` request comes down to: a group, who asks, and what for. Rules throw {@link IqError} with WhatsApp's own codes. */
import type { Account } from '../accounts/account.ts'
import { IqError } from '../ports.ts'
import type { Services } from '../services.ts'
import { type BinaryNode, childrenNamed } from '../wire/nodes.ts'
import type { Group } from './group.ts'

export interface GroupRequest {
  readonly group: Group
  readonly account: Account
  /** What is asked for. */
  readonly child: BinaryNode
  readonly services: Services
}

/** Content of the answer; undefined for an empty one. */
export type GroupAnswer = BinaryNode[] | undefined

export const badRequest = () => new IqError(400, 'bad-request')
/** Not an admin. */
export const notAuthorized = () => new IqError(401, 'not-authorized')
/** Not in the group, or not the role it takes. */
export const forbidden = () => new IqError(403, 'forbidden')
export const notFound = () => new IqError(404, 'item-not-found')
export const notAcceptable = () => new IqError(406, 'not-acceptable')
export const conflict = () => new IqError(409, 'conflict')
export const resourceLimit = () => new IqError(419, 'resource-limit')
export const gone = () => new IqError(410, 'gone')

/** Addresses of `<participant jid>`, and who they mean: undefined for nobody on this network. */
export function askedPeople({
  child,
  services,
}: Pick<GroupRequest, 'child' | 'services'>): { jid: string; account: Account | undefined }[] {
  return childrenNamed(child, 'participant').map(({ attrs: { jid = '' } }) => ({
    jid,
    account: services.directory.resolve(jid)?.account,
  }))
}
