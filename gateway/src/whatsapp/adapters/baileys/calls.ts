/**
 * Calls as events, read from the stanza: Baileys' own event names the creator of a call where it should name who did something (our own
 * number when a call of ours is rejected), and leaves out why a call ended and which group it was for after it has been offered.
 */
import type { BinaryNode } from 'baileys'
import type { IncomingCall } from '../../engine.ts'
import { isLid, isUserJid } from '../../jid.ts'
import { addressFrom, isSame } from './addresses.ts'
import { childOf, childrenOf, timeOf } from './nodes.ts'

type Status = IncomingCall['status']

const statuses: Record<string, Status> = {
  offer: 'offer',
  offer_notice: 'offer',
  accept: 'accepted',
  reject: 'rejected',
  terminate: 'terminated',
  relaylatency: 'latency',
}

/** WhatsApp ends a call for the devices that did not decide; what was decided is what people want to know. */
const decidedElsewhere: Record<string, Status> = { accepted_elsewhere: 'accepted', rejected_elsewhere: 'rejected' }

/** Calls of one account that go on at the same time; what stands only in the offer of an older one is forgotten. */
const REMEMBERED = 32

type Offer = Pick<IncomingCall, 'from' | 'isVideo' | 'isGroup' | 'groupJid'>

export class Calls {
  readonly #offers = new Map<string, Offer>()

  /** Null for what is no call. */
  read(stanza: BinaryNode): IncomingCall | null {
    const action = childrenOf(stanza)[0]
    const id = action?.attrs['call-id']
    if (action === undefined || id === undefined) return null
    const status = statusOf(action)
    const offered = status === 'offer' ? this.#remember(id, offerOf(stanza, action)) : this.#offers.get(id)
    const from = callerOf(stanza, action)
    if (status === 'terminated') this.#offers.delete(id)
    return {
      id,
      from: offered !== undefined && isSame(offered.from, from) ? offered.from : from,
      status,
      isVideo: offered?.isVideo ?? false,
      isGroup: offered?.isGroup ?? false,
      groupJid: offered?.groupJid ?? null,
      timestamp: timeOf(stanza.attrs.t) ?? Date.now(),
    }
  }

  #remember(id: string, offer: Offer): Offer {
    this.#offers.delete(id)
    this.#offers.set(id, offer)
    if (this.#offers.size > REMEMBERED) {
      const [oldest] = this.#offers.keys()
      if (oldest !== undefined) this.#offers.delete(oldest)
    }
    return offer
  }
}

const statusOf = ({ tag, attrs }: BinaryNode): Status =>
  (tag === 'terminate' ? decidedElsewhere[attrs.reason ?? ''] : undefined) ?? statuses[tag] ?? 'notification'

const offerOf = (stanza: BinaryNode, action: BinaryNode): Offer => {
  const groupJid = action.attrs['group-jid'] ?? null
  return {
    from: callerOf(stanza, action),
    isVideo: childOf(action, 'video') !== undefined || action.attrs.media === 'video',
    isGroup: groupJid !== null || action.attrs.type === 'group',
    groupJid,
  }
}

/** Who does it. Notices of group calls may come from the group: then who began the call. */
const callerOf = ({ attrs: { from = '' } }: BinaryNode, { attrs }: BinaryNode) => {
  const person = [attrs.from ?? '', from].map((text) => addressFrom(text)).find(({ jid, lid }) => isUserJid(jid ?? '') || isLid(lid ?? ''))
  const address = person ?? addressFrom(attrs['call-creator'])
  return { jid: address.jid ?? addressFrom(attrs.caller_pn).jid, lid: address.lid ?? addressFrom(attrs.caller_lid).lid }
}
