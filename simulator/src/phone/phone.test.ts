import { type BinaryNode, encodeWAMessage, getBinaryNodeChild, getBinaryNodeChildren, proto } from 'baileys'
import { afterEach, expect, test } from 'vitest'
import { LoopNetwork } from '../../test/loop-network.ts'
import type { PhoneMessage, PhonePort } from '../ports.ts'
import { AddressBook } from './addresses.ts'
import { ContactsDirectory } from './contacts-directory.ts'
import { DeviceKeys } from './device-keys.ts'
import { Inbox, type Received } from './inbox.ts'
import { createPhone, type PhoneOptions } from './phone.ts'
import { Sessions } from './sessions.ts'

const ANA = '5511900000001'
const BIA = '5511900000002'

async function phoneOn(network: LoopNetwork, number: string, options: Partial<PhoneOptions> = {}): Promise<PhonePort> {
  const identity = network.identity(number)
  const fail = (error: unknown, doing: string) => {
    troubles.push(`${doing}: ${error}`)
  }
  const phone = network.attach(identity, (uplink) => createPhone({ identity, uplink, onTrouble: fail, ...options }))
  await phone.start()
  return phone
}

const troubles: string[] = []

afterEach(() => {
  expect(troubles.splice(0)).toEqual([])
})

async function pair(options: Partial<PhoneOptions> = {}) {
  const network = new LoopNetwork()
  return { network, ana: await phoneOn(network, ANA), bia: await phoneOn(network, BIA, options) }
}

async function next(phone: PhonePort, after = 0): Promise<PhoneMessage> {
  const { messages } = await phone.messages(after, 5_000)
  const [first] = messages
  if (!first) throw new Error('no message came')
  return first
}

/** How a message travelled: the type of its last encryption for this number. */
function sealing(network: LoopNetwork, number: string, id: string): string[] {
  const of = network.stanzas.filter((stanza) => stanza.tag === 'message' && stanza.attrs.id === id)
  const participants = of.flatMap((stanza) => getBinaryNodeChildren(getBinaryNodeChild(stanza, 'participants'), 'to'))
  return participants.filter(({ attrs }) => attrs.jid?.startsWith(number)).map((to) => getBinaryNodeChild(to, 'enc')?.attrs.type ?? '')
}

const say = (text: string) => ({ conversation: text })

test('the first message opens the session, the answer and what follows use it', async () => {
  const { network, ana, bia } = await pair()
  const first = await ana.sendMessage({ to: bia.identity.jid, message: say('oi') })
  const got = await next(bia)
  expect(got).toMatchObject({
    cursor: 1,
    id: first.id,
    chat: ana.identity.jid,
    from: ana.identity.jid,
    fromMe: false,
    type: 'conversation',
    text: 'oi',
    message: { conversation: 'oi' },
  })
  const answer = await bia.sendMessage({ to: ana.identity.jid, message: say('tudo bem?') })
  await next(ana, 1)
  const third = await ana.sendMessage({ to: bia.identity.jid, message: say('tudo') })
  expect((await next(bia, 2)).text).toBe('tudo')
  expect(sealing(network, BIA, first.id)).toEqual(['pkmsg'])
  expect(sealing(network, ANA, answer.id)).toEqual(['msg'])
  expect(sealing(network, BIA, third.id)).toEqual(['msg'])
})

test('both write first at the same moment, and everything arrives', async () => {
  const { ana, bia } = await pair()
  const numbers = Array.from({ length: 10 }, (_, i) => String(i))
  await Promise.all(
    numbers.flatMap((n) => [
      ana.sendMessage({ to: bia.identity.jid, message: say(`a${n}`) }),
      bia.sendMessage({ to: ana.identity.jid, message: say(`b${n}`) }),
    ]),
  )
  const incoming = async (phone: PhonePort) => {
    const texts: string[] = []
    for (let cursor = 0; texts.length < 10; ) {
      const page = await phone.messages(cursor, 5_000)
      if (page.messages.length === 0) throw new Error(`only ${texts.join()}`)
      texts.push(...page.messages.filter(({ fromMe }) => !fromMe).map(({ text }) => text))
      cursor = page.cursor
    }
    return texts
  }
  expect(await incoming(bia)).toEqual(numbers.map((n) => `a${n}`))
  expect(await incoming(ana)).toEqual(numbers.map((n) => `b${n}`))
})

test('delivered is said once the message is read, read only by a phone that reads', async () => {
  const { network, ana, bia } = await pair({ autoRead: true })
  const { id } = await ana.sendMessage({ to: bia.identity.jid, message: say('oi') })
  await next(bia)
  const receipts = network.stanzas.filter(({ tag, attrs }) => tag === 'receipt' && attrs.id === id)
  expect(receipts.map(({ attrs }) => [attrs.to, attrs.type])).toEqual([
    [ana.identity.jid, undefined],
    [ana.identity.jid, 'read'],
  ])
  // Ana's phone acknowledges what it is told.
  await network.seen(({ tag, attrs }) => tag === 'ack' && attrs.class === 'receipt' && attrs.type === 'read')
})

test('a message that comes twice is shown once and confirmed twice', async () => {
  const { network, ana, bia } = await pair()
  let copy: BinaryNode | undefined
  network.tamper = (stanza, to) => {
    if (stanza.tag === 'message' && to.startsWith(BIA)) copy = stanza
    return stanza
  }
  await ana.sendMessage({ to: bia.identity.jid, message: say('oi') })
  await next(bia)
  if (copy) bia.receive(copy)
  await ana.sendMessage({ to: bia.identity.jid, message: say('depois') })
  expect((await next(bia, 1)).text).toBe('depois')
  expect(network.stanzas.filter(({ tag }) => tag === 'receipt')).toHaveLength(3)
})

test('a phone that lost its keys asks for a retry and gets the message in a new session', async () => {
  const { network, ana, bia } = await pair()
  await ana.sendMessage({ to: bia.identity.jid, message: say('um') })
  await next(bia)
  await bia.sendMessage({ to: ana.identity.jid, message: say('dois') })
  await next(ana, 1)
  // Bia reinstalls: the same account, everything else new, and nobody told Ana.
  const reborn = await phoneOn(network, BIA)
  const { id } = await ana.sendMessage({ to: bia.identity.jid, message: say('ainda me ouve?') })
  expect(await next(reborn)).toMatchObject({ id, text: 'ainda me ouve?' })
  expect(sealing(network, BIA, id)).toEqual(['msg'])
  const retry = await network.seen(({ tag, attrs }) => tag === 'receipt' && attrs.type === 'retry' && attrs.id === id)
  expect(getBinaryNodeChild(retry, 'retry')?.attrs).toMatchObject({ count: '1', id, v: '1' })
  expect(getBinaryNodeChild(retry, 'keys')).toBeUndefined()
  await ana.sendMessage({ to: bia.identity.jid, message: say('que bom') })
  expect((await next(reborn, 1)).text).toBe('que bom')
})

test('damaged on the way twice: the second retry brings its own keys', async () => {
  const { network, ana, bia } = await pair()
  let damages = 2
  network.tamper = (stanza) => {
    if (stanza.tag !== 'message' || damages === 0) return stanza
    damages -= 1
    return withEnc(stanza, (bytes) => bytes.with(bytes.length - 1, (bytes.at(-1) ?? 0) ^ 1))
  }
  const { id } = await ana.sendMessage({ to: bia.identity.jid, message: say('oi') })
  expect(await next(bia)).toMatchObject({ id, text: 'oi' })
  const retries = network.stanzas.filter(({ tag, attrs }) => tag === 'receipt' && attrs.type === 'retry')
  expect(retries.map((retry) => getBinaryNodeChild(retry, 'keys') !== undefined)).toEqual([false, true])
  // Damage done by others does not harm the session that is there.
  await bia.sendMessage({ to: ana.identity.jid, message: say('e aí') })
  expect((await next(ana, 1)).text).toBe('e aí')
})

test('what stays unreadable is asked for five times and then refused', async () => {
  const { network, ana, bia } = await pair()
  network.tamper = (stanza) => (stanza.tag === 'message' ? withEnc(stanza, () => Uint8Array.of(0x33, 1, 2, 3)) : stanza)
  const { id } = await ana.sendMessage({ to: bia.identity.jid, message: say('oi') })
  await network.seen(({ tag, attrs }) => tag === 'ack' && attrs.id === id && attrs.error === '500')
  expect(network.stanzas.filter(({ tag, attrs }) => tag === 'receipt' && attrs.type === 'retry')).toHaveLength(5)
  expect((await bia.messages(0, 0)).messages).toEqual([])
})

test('nobody gets a message by asking for it who was not meant to read it', async () => {
  const { network, ana, bia } = await pair()
  const carla = await phoneOn(network, '5511900000003')
  const { id } = await ana.sendMessage({ to: bia.identity.jid, message: say('só para a Bia') })
  await next(bia)
  const retry: BinaryNode = { tag: 'retry', attrs: { count: '1', id, t: '1', v: '1' } }
  ana.receive({ tag: 'receipt', attrs: { id, from: carla.identity.jid, type: 'retry' }, content: [retry] })
  await ana.sendMessage({ to: carla.identity.jid, message: say('oi Carla') })
  expect((await next(carla)).text).toBe('oi Carla')
})

test('a changed identity is accepted from a first message, and old sessions are gone', async () => {
  const { network, ana, bia } = await pair()
  await ana.sendMessage({ to: bia.identity.jid, message: say('um') })
  await next(bia)
  const reborn = await phoneOn(network, ANA)
  await reborn.sendMessage({ to: bia.identity.jid, message: say('telefone novo') })
  expect((await next(bia, 1)).text).toBe('telefone novo')
  await bia.sendMessage({ to: ana.identity.jid, message: say('parabéns') })
  expect((await next(reborn, 1)).text).toBe('parabéns')
})

test('after an identity notification the next message opens a session with the new keys', async () => {
  const { network, ana, bia } = await pair()
  await ana.sendMessage({ to: bia.identity.jid, message: say('um') })
  await next(bia)
  const reborn = await phoneOn(network, BIA)
  ana.receive({
    tag: 'notification',
    attrs: { id: 'N1', type: 'encrypt', from: bia.identity.jid },
    content: [{ tag: 'identity', attrs: {} }],
  })
  await network.seen(({ tag, attrs }) => tag === 'ack' && attrs.class === 'notification' && attrs.id === 'N1')
  const { id } = await ana.sendMessage({ to: bia.identity.jid, message: say('dois') })
  expect((await next(reborn)).text).toBe('dois')
  expect(sealing(network, BIA, id)).toEqual(['pkmsg'])
})

test('companions of both sides get their copies, and a companion can ask again', async () => {
  const { network, ana, bia } = await pair()
  const ofAna = companion(network, ana)
  const ofBia = companion(network, bia)
  const { id } = await ana.sendMessage({ to: bia.identity.jid, message: say('oi a todos') })
  const own = await ofAna.next()
  expect(own.envelope).toMatchObject({ id, own: true, chat: bia.identity.jid })
  expect(own.message).toMatchObject({ conversation: 'oi a todos' })
  const other = await ofBia.next()
  expect(other.envelope).toMatchObject({ id, own: false, chat: ana.identity.jid })

  ofAna.loseSessions()
  const second = await ana.sendMessage({ to: bia.identity.jid, message: say('de novo') })
  const again = await ofAna.next()
  expect(again.envelope).toMatchObject({ id: second.id, own: true, chat: bia.identity.jid })
  expect(again.message).toMatchObject({ conversation: 'de novo' })
})

test('what a companion sent is in the phone’s log as its own', async () => {
  const { network, ana, bia } = await pair()
  const helper = companion(network, ana)
  const message = { deviceSentMessage: { destinationJid: bia.identity.jid, message: say('do computador') } }
  const stanza = await helper.sealFor(ana, message)
  ana.receive({ ...stanza, attrs: { ...stanza.attrs, recipient: bia.identity.jid, peer_recipient_lid: bia.identity.lid } })
  expect(await next(ana)).toMatchObject({ chat: bia.identity.jid, from: ana.identity.jid, fromMe: true, text: 'do computador' })
  await network.seen(({ tag, attrs }) => tag === 'receipt' && attrs.type === 'sender' && attrs.recipient === bia.identity.jid)
  // A stranger cannot put words into somebody's mouth that way.
  const forged = await companion(network, bia).sealFor(ana, message)
  ana.receive({ ...forged, attrs: { ...forged.attrs, recipient: 'x@s.whatsapp.net' } })
  expect(await next(ana, 1)).toMatchObject({ chat: bia.identity.jid, fromMe: false, type: 'deviceSentMessage' })
})

test('an echo answers texts, never an echo', async () => {
  const { network, ana, bia } = await pair({ echo: true })
  ana.configure({ echo: true })
  await ana.sendMessage({ to: bia.identity.jid, message: say('eco?') })
  expect((await next(ana, 1)).text).toBe('echo: eco?')
  await ana.sendMessage({ to: bia.identity.jid, message: { reactionMessage: { key: { id: 'X' }, text: '👍' } } })
  await ana.sendMessage({ to: bia.identity.jid, message: say('fim') })
  expect((await next(ana, 3)).text).toBe('fim')
  expect((await next(ana, 4)).text).toBe('echo: fim')
  expect(network.stanzas.filter(({ tag }) => tag === 'message')).toHaveLength(5)
})

test('prekeys that run low are refilled', async () => {
  const { network, ana } = await pair()
  const uploads = () => network.stanzas.filter(({ attrs }) => attrs.xmlns === 'encrypt' && attrs.type === 'set').length
  const before = uploads()
  const notify = (value: string): BinaryNode => ({
    tag: 'notification',
    attrs: { id: `N${value}`, type: 'encrypt', from: 's.whatsapp.net' },
    content: [{ tag: 'count', attrs: { value } }],
  })
  ana.receive(notify('40'))
  ana.receive(notify('4'))
  await network.seen(({ tag, attrs }) => tag === 'ack' && attrs.id === 'N4')
  expect(uploads()).toBe(before + 1)
})

test('edits, revokes and reactions are logged by their kind and marked on the stanza', async () => {
  const { network, ana, bia } = await pair()
  const to = bia.identity.jid
  const { id } = await ana.sendMessage({ to, message: say('errado') })
  const key = { remoteJid: to, fromMe: true, id }
  const Type = proto.Message.ProtocolMessage.Type
  await ana.sendMessage({ to, message: { protocolMessage: { key, type: Type.MESSAGE_EDIT, editedMessage: say('certo') } }, id: 'EDIT' })
  await ana.sendMessage({ to, message: { reactionMessage: { key, text: '❤️' } }, id: 'REACTION' })
  await ana.sendMessage({ to, message: { protocolMessage: { key, type: Type.REVOKE } }, id: 'REVOKE' })
  await next(bia, 3)
  const { messages } = await bia.messages(1, 0)
  expect(messages.map(({ type, text }) => [type, text])).toEqual([
    ['protocolMessage', 'certo'],
    ['reactionMessage', '❤️'],
    ['protocolMessage', ''],
  ])
  const stanza = (wanted: string) => network.stanzas.find(({ tag, attrs }) => tag === 'message' && attrs.id === wanted)?.attrs
  expect([stanza('EDIT')?.edit, stanza('REVOKE')?.edit, stanza('REACTION')?.type]).toEqual(['1', '7', 'reaction'])
})

test('somebody who is not on the network cannot be written to', async () => {
  const { ana } = await pair()
  await expect(ana.sendMessage({ to: '5511999999999@s.whatsapp.net', message: say('oi') })).rejects.toThrow('not on WhatsApp')
  expect((await ana.messages(0, 0)).messages).toEqual([])
})

test('media goes through the media host encrypted and comes back as it was', async () => {
  const host = new Map<string, Uint8Array>()
  const media: PhoneOptions['media'] = {
    upload: async ({ bytes, kind }) => {
      host.set(`/${kind}/1`, bytes)
      return { url: `https://host/${kind}/1`, directPath: `/${kind}/1` }
    },
    download: async ({ directPath }) => host.get(directPath ?? '') ?? Promise.reject(new Error('404')),
  }
  const network = new LoopNetwork()
  const ana = await phoneOn(network, ANA, { media })
  const bia = await phoneOn(network, BIA, { media })
  const bytes = Buffer.from('this would be a picture')
  await ana.sendMessage({ to: bia.identity.jid, message: { imageMessage: { caption: 'olha' } }, media: { bytes, mimetype: 'image/png' } })
  expect(await next(bia)).toMatchObject({ type: 'imageMessage', text: 'olha', message: { imageMessage: { directPath: '/image/1' } } })
  const opened = await bia.media(1)
  expect(opened.mimetype).toBe('image/png')
  expect(Buffer.from(opened.bytes)).toEqual(bytes)
  expect(Buffer.from(host.get('/image/1') ?? []).includes('picture')).toBe(false)
})

test('a call rings, and either side ends it', async () => {
  const { network, ana, bia } = await pair()
  const { callId } = await ana.call({ to: bia.identity.jid })
  await network.seen(({ tag, attrs }) => tag === 'ack' && attrs.class === 'call')
  expect(bia.calls).toEqual([{ callId, peer: ana.identity.jid, direction: 'in', state: 'ringing' }])
  bia.endCall(callId)
  await network.seen(({ tag, content }) => tag === 'call' && Array.isArray(content) && content[0]?.tag === 'reject')
  await network.seen(({ tag, attrs }) => tag === 'ack' && attrs.class === 'call' && attrs.to === bia.identity.jid)
  expect([ana.calls[0]?.state, bia.calls[0]?.state]).toEqual(['rejected', 'rejected'])
})

/** A linked device made of the phone's own parts. */
function companion(network: LoopNetwork, phone: PhonePort) {
  const self = phone.identity
  const jid = `${self.number}:2@s.whatsapp.net`
  const keys = new DeviceKeys()
  const book = new AddressBook()
  book.learn(self.jid, self.lid)
  const fresh = () => new Sessions(keys, book)
  let sessions = fresh()
  const received: Received[] = []
  const readers: ((message: Received) => void)[] = []
  const inboxOf = () => new Inbox({ self, keys, book, sessions, transmit: (stanza) => uplink.send(stanza) })
  let inbox = inboxOf()
  const uplink = network.connect(self.number, 2, async (stanza) => {
    if (stanza.tag !== 'message') return
    const message = await inbox.accept(stanza)
    if (!message) return
    const reader = readers.shift()
    if (reader) reader(message)
    else received.push(message)
  })
  void uplink.query(keys.uploadIq())
  phone.deviceUnlinked(jid)
  return {
    next: () => {
      const message = received.shift()
      return message ? Promise.resolve(message) : new Promise<Received>((resolve) => readers.push(resolve))
    },
    loseSessions() {
      sessions = fresh()
      inbox = inboxOf()
    },
    /** A message from this device for a phone, as the network would deliver it. */
    async sealFor(target: PhonePort, message: proto.IMessage): Promise<BinaryNode> {
      const directory = new ContactsDirectory({ query: (iq) => uplink.query(iq), book, sessions })
      await directory.devicesOf([target.identity.jid])
      await directory.withSessions([target.identity.jid])
      const { type, ciphertext } = await sessions.encrypt(target.identity.jid, encodeWAMessage(proto.Message.fromObject(message)))
      const attrs = { id: `C${self.number}`, from: jid, t: '1700000000' }
      return { tag: 'message', attrs, content: [{ tag: 'enc', attrs: { v: '2', type }, content: ciphertext }] }
    },
  }
}

function withEnc(stanza: BinaryNode, change: (bytes: Uint8Array) => Uint8Array): BinaryNode {
  if (!Array.isArray(stanza.content)) return stanza
  return {
    ...stanza,
    content: stanza.content.map((node) =>
      node.tag === 'enc' && node.content instanceof Uint8Array ? { ...node, content: change(Uint8Array.from(node.content)) } : node,
    ),
  }
}
