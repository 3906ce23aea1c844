/** What a handler of one xmlns is. One file per xmlns; `catalogue.ts` lists them. */
import type { Account, Device } from '../accounts/account.ts'
import type { Services } from '../services.ts'
import type { BinaryNode } from '../wire/nodes.ts'

export interface IqRequest {
  /** `get` or `set`. */
  readonly type: string
  readonly stanza: BinaryNode
  /** First child: what is asked for. */
  readonly child: BinaryNode | undefined
  readonly device: Device
  readonly account: Account
  readonly services: Services
}

export interface IqHandler {
  readonly xmlns: string
  /**
   * The content of `type=result`; undefined for an empty one. Throws `IqError` for an answer `type=error`,
   * {@link NotImplemented} for what WhatsApp knows and we don't.
   */
  answer(request: IqRequest): BinaryNode[] | undefined
}

/** Answered 501 and written down in `GET /unanswered`. */
export class NotImplemented extends Error {}
