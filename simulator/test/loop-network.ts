/**
 * A network in a few lines for the phones' own tests: routes stanzas between phones and answers the iqs a phone sends. Every stanza is
 * delivered asynchronously and in order. It is no model of the server: the real one is everything else in simulator/.
 */
import { type BinaryNode, getBinaryNodeChild, getBinaryNodeChildren } from 'baileys'
import { formatJid, parseJid } from '../src/jid.ts'
import { IqError, type PhoneIdentity, type PhonePort, type Uplink } from '../src/ports.ts'

interface Device {
  number: string
  device: number
  registration?: BinaryNode
  identity?: BinaryNode
  skey?: BinaryNode
  preKeys: BinaryNode[]
  receive: (stanza: BinaryNode) => void
}

export class LoopNetwork {
  readonly stanzas: BinaryNode[] = []
  /** Changes or swallows (undefined) a stanza on its way to a device. */
  tamper: (stanza: BinaryNode, to: string) => BinaryNode | undefined = (stanza) => stanza
  private readonly accounts = new Map<string, PhoneIdentity>()
  private readonly devices: Device[] = []
  private readonly watchers = new Set<() => void>()

  identity(number: string, name = `Phone ${number}`): PhoneIdentity {
    const identity = { number, jid: `${number}@s.whatsapp.net`, lid: `9${number}@lid`, name, business: false }
    this.accounts.set(number, identity)
    return identity
  }

  /** The uplink of a device; `deliver` is where its stanzas go. */
  connect(number: string, device: number, deliver: (stanza: BinaryNode) => void): Uplink {
    this.devices.splice(0, this.devices.length, ...this.devices.filter((d) => d.number !== number || d.device !== device))
    const entry: Device = { number, device, preKeys: [], receive: deliver }
    this.devices.push(entry)
    return {
      send: (stanza) => this.route(entry, stanza),
      query: async (iq) => this.answer(entry, iq),
    }
  }

  attach(identity: PhoneIdentity, make: (uplink: Uplink) => PhonePort): PhonePort {
    let phone: PhonePort | undefined
    const made = make(this.connect(identity.number, 0, (stanza) => phone?.receive(stanza)))
    phone = made
    return made
  }

  /** Resolves with the first stanza, past or to come, that fits. */
  async seen(fits: (stanza: BinaryNode) => boolean): Promise<BinaryNode> {
    for (;;) {
      const found = this.stanzas.find(fits)
      if (found) return found
      await new Promise<void>((resolve) => {
        const wake = () => {
          this.watchers.delete(wake)
          resolve()
        }
        this.watchers.add(wake)
      })
    }
  }

  private route(from: Device, stanza: BinaryNode): void {
    this.stanzas.push(stanza)
    for (const wake of this.watchers) wake()
    const { to } = stanza.attrs
    const target = this.user(to)
    if (stanza.tag === 'ack' || !to || !target) return
    const author = this.jidOf(from, to.endsWith('@lid'))
    const attrs = { ...stanza.attrs, from: author, t: '1700000000' } as BinaryNode['attrs']
    delete attrs.to
    const participants = getBinaryNodeChildren(getBinaryNodeChild(stanza, 'participants'), 'to')
    if (participants.length > 0) {
      for (const { attrs: toDevice, content } of participants) {
        const own = this.user(toDevice.jid)?.number === from.number
        const extra: Record<string, string> = own ? { recipient: to } : { sender_lid: this.lidOf(from) }
        this.deliver(toDevice.jid ?? '', { tag: stanza.tag, attrs: { ...attrs, ...extra }, content })
      }
    } else if (stanza.tag === 'message' || parseJid(to)?.device !== undefined) this.deliver(to, { ...stanza, attrs })
    else
      for (const { device } of this.devices.filter((d) => d.number === target.number))
        this.deliver(withDevice(to, device), { ...stanza, attrs })
  }

  private deliver(to: string, stanza: BinaryNode): void {
    const number = this.user(to)?.number
    const device = parseJid(to)?.device ?? 0
    const changed = this.tamper(stanza, to)
    const target = this.devices.find((d) => d.number === number && d.device === device)
    if (changed && target) queueMicrotask(() => target.receive(changed))
  }

  private answer(from: Device, iq: BinaryNode): BinaryNode {
    this.stanzas.push(iq)
    if (iq.attrs.xmlns === 'encrypt' && iq.attrs.type === 'set') {
      from.registration = getBinaryNodeChild(iq, 'registration')
      from.identity = getBinaryNodeChild(iq, 'identity')
      from.skey = getBinaryNodeChild(iq, 'skey')
      from.preKeys.push(...getBinaryNodeChildren(getBinaryNodeChild(iq, 'list'), 'key'))
      return result([])
    }
    if (iq.attrs.xmlns === 'encrypt') {
      const users = getBinaryNodeChildren(getBinaryNodeChild(iq, 'key'), 'user')
      return result([{ tag: 'list', attrs: {}, content: users.map(({ attrs }) => this.bundle(attrs.jid ?? '')) }])
    }
    if (iq.attrs.xmlns === 'usync') {
      const list = getBinaryNodeChild(getBinaryNodeChild(iq, 'usync'), 'list')
      const users = getBinaryNodeChildren(list, 'user').map(({ attrs }) => this.devicesOf(attrs.jid ?? ''))
      return result([{ tag: 'usync', attrs: {}, content: [{ tag: 'list', attrs: {}, content: users }] }])
    }
    throw new IqError(501, 'not in the loop')
  }

  private bundle(jid: string): BinaryNode {
    const number = this.user(jid)?.number
    const found = this.devices.find((d) => d.number === number && d.device === (parseJid(jid)?.device ?? 0))
    if (!found?.registration || !found.identity || !found.skey)
      return { tag: 'user', attrs: { jid }, content: [{ tag: 'error', attrs: {} }] }
    const preKey = found.preKeys.shift()
    const content = [found.registration, found.identity, found.skey, ...(preKey ? [preKey] : [])]
    return { tag: 'user', attrs: { jid }, content }
  }

  private devicesOf(jid: string): BinaryNode {
    const account = this.user(jid)
    if (!account) return { tag: 'user', attrs: { jid } }
    const content = this.devices
      .filter((d) => d.number === account.number)
      .map(({ device }): BinaryNode => ({ tag: 'device', attrs: { id: String(device), 'key-index': String(device) } }))
    const devices: BinaryNode = { tag: 'devices', attrs: {}, content: [{ tag: 'device-list', attrs: {}, content }] }
    return { tag: 'user', attrs: { jid }, content: [devices, { tag: 'lid', attrs: { val: account.lid } }] }
  }

  private user(jid: string | undefined): PhoneIdentity | undefined {
    const user = parseJid(jid)?.user
    return [...this.accounts.values()].find(({ number, lid }) => number === user || parseJid(lid)?.user === user)
  }

  private lidOf({ number }: Device): string {
    return this.accounts.get(number)?.lid ?? ''
  }

  private jidOf(from: Device, asLid: boolean): string {
    return withDevice(asLid ? this.lidOf(from) : `${from.number}@s.whatsapp.net`, from.device)
  }
}

const result = (content: BinaryNode[]): BinaryNode => ({ tag: 'iq', attrs: { type: 'result' }, content })

function withDevice(jid: string, device: number): string {
  const parsed = parseJid(jid)
  return parsed ? formatJid(parsed.user, parsed.server, device) : jid
}
