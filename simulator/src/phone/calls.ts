/** Ringing, rejecting, hanging up: the signalling of calls, no sound. A call key is encrypted for every device that rings. */
import { randomBytes } from 'node:crypto'
import { type BinaryNode, getAllBinaryNodeChildren } from 'baileys'
import type { PhoneIdentity, PhonePort } from '../ports.ts'
import { type AddressBook, mustParse, userJid } from './addresses.ts'
import { BoundedMap } from './bounded.ts'
import { Lane } from './lane.ts'
import type { Outbox } from './outbox.ts'
import { ack } from './receipts.ts'

const KEPT = 100

type Call = PhonePort['calls'][number]

interface KnownCall extends Call {
  /** How the other side is addressed, and the call is named, on the wire. */
  address: string
  creator: string
}

export class Calls {
  private readonly self: PhoneIdentity
  private readonly book: AddressBook
  private readonly outbox: Outbox
  private readonly transmit: (stanza: BinaryNode) => void
  private readonly known = new BoundedMap<string, KnownCall>(KEPT)
  private readonly lane = new Lane()

  constructor(parts: { self: PhoneIdentity; book: AddressBook; outbox: Outbox; transmit: (stanza: BinaryNode) => void }) {
    this.self = parts.self
    this.book = parts.book
    this.outbox = parts.outbox
    this.transmit = parts.transmit
  }

  list(): Call[] {
    return [...this.known.values()].map(({ callId, peer, direction, state }) => ({ callId, peer, direction, state }))
  }

  ring(to: string, video: boolean): Promise<string> {
    return this.lane.run(async () => {
      const address = userJid(to)
      const callId = randomBytes(16).toString('hex').toUpperCase()
      const creator = mustParse(to).server === 'lid' ? this.self.lid : this.self.jid
      const callKey = randomBytes(32)
      const destinations = await this.outbox.encryptForAll(address, () => ({ call: { callKey } }), {}, { companions: false })
      const media: BinaryNode[] = [{ tag: 'audio', attrs: { enc: 'opus', rate: '16000' } }]
      if (video) media.push({ tag: 'video', attrs: { enc: 'vp8', dec: 'vp8', orientation: '0' } })
      const content: BinaryNode[] = [
        ...media,
        { tag: 'net', attrs: { medium: '3' } },
        { tag: 'destination', attrs: {}, content: destinations },
      ]
      this.known.set(callId, { callId, peer: this.book.person(to), direction: 'out', state: 'ringing', address, creator })
      this.signal(address, { tag: 'offer', attrs: { 'call-id': callId, 'call-creator': creator }, content })
      return callId
    })
  }

  /** Picks up. */
  accept(callId: string): void {
    const call = this.known.get(callId)
    if (call?.state !== 'ringing' || call.direction === 'out') return
    this.known.set(callId, { ...call, state: 'accepted' })
    const content: BinaryNode[] = [
      { tag: 'audio', attrs: { enc: 'opus', rate: '16000' } },
      { tag: 'net', attrs: { medium: '3' } },
    ]
    this.signal(call.address, { tag: 'accept', attrs: { 'call-id': callId, 'call-creator': call.creator }, content })
  }

  /** Hangs up; a ringing call from somebody else is rejected. */
  end(callId: string): void {
    const call = this.known.get(callId)
    if (call?.state !== 'ringing' && call?.state !== 'accepted') return
    const rejected = call.direction === 'in' && call.state === 'ringing'
    this.known.set(callId, { ...call, state: rejected ? 'rejected' : 'terminated' })
    const attrs = { 'call-id': callId, 'call-creator': call.creator, count: '0' }
    this.signal(call.address, { tag: rejected ? 'reject' : 'terminate', attrs })
  }

  receive(stanza: BinaryNode): void {
    this.transmit(ack(stanza))
    const [event] = getAllBinaryNodeChildren(stanza)
    const callId = event?.attrs['call-id']
    const from = stanza.attrs.from
    if (!event || !callId || !from) return
    const call = this.known.get(callId)
    if (event.tag === 'offer' && !call) {
      const creator = event.attrs['call-creator'] ?? from
      const peer = this.book.person(from)
      this.known.set(callId, { callId, peer, direction: 'in', state: 'ringing', address: from, creator })
      // "It rings": a caller's phone shows it.
      this.transmit({
        tag: 'receipt',
        attrs: { id: stanza.attrs.id ?? callId, to: from },
        content: [{ tag: 'offer', attrs: { 'call-id': callId, 'call-creator': creator } }],
      })
    } else if (call && event.tag === 'accept') this.known.set(callId, { ...call, state: 'accepted' })
    else if (call && event.tag === 'reject') this.known.set(callId, { ...call, state: 'rejected' })
    else if (call && (event.tag === 'terminate' || event.tag === 'timeout')) this.known.set(callId, { ...call, state: 'terminated' })
  }

  private signal(to: string, event: BinaryNode): void {
    this.transmit({ tag: 'call', attrs: { to, id: randomBytes(8).toString('hex').toUpperCase() }, content: [event] })
  }
}
