/** What only shows on the wire: receipts, retries, crashes, broken frames, load. */
import { tmpdir } from 'node:os'
import { setTimeout as pause } from 'node:timers/promises'
import { WA_CERT_DETAILS } from 'baileys'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { StoreBatch } from '../../../engine.ts'
import { MemoryIdentityStore } from '../../../memory/identities.ts'
import { MemorySessionStore } from '../../../memory/session-store.ts'
import { link, newId, Observed, relink, text } from '../../../test/linked-session.ts'
import { loopbackGuard, type Simulator, simulatedWorld } from '../../../test/simulator.ts'
import type { Person, World } from '../../../test/world.ts'

describe('on the wire', () => {
  let world: World & { simulator: Simulator }
  let simulator: Simulator
  let bob: Person
  const printed = vi.spyOn(console, 'log').mockImplementation(() => {})
  const printers = [
    printed,
    ...(['info', 'warn', 'error', 'debug'] as const).map((name) => vi.spyOn(console, name).mockImplementation(() => {})),
  ]

  beforeAll(async () => {
    world = await simulatedWorld()
    simulator = world.simulator
    bob = await world.person('Bob')
  }, 30_000)

  afterAll(async () => {
    await world.close()
    for (const printer of printers) expect(printer).not.toHaveBeenCalled()
    vi.restoreAllMocks()
  }, 30_000)

  const fault = async (body: object): Promise<() => Promise<void>> => {
    const { id } = (await simulator.call('POST', '/faults', body)) as { id: string }
    return async () => void (await simulator.call('DELETE', `/faults/${id}`).catch(() => null))
  }
  const receiptsOf = async (person: Person, type?: string): Promise<string[]> => {
    const stanzas = await simulator.traffic(`phone=${person.number}&tag=receipt&direction=in`)
    return stanzas.filter(({ stanza, device }) => device !== 0 && stanza.attrs.type === type).map(({ stanza }) => stanza.attrs.id ?? '')
  }

  it('no receipt leaves for a message that could not be stored', async () => {
    const person = await world.person('Careful')
    const before = await link(world, person, { keepOnline: true })
    await before.message(await bob.send(person, { conversation: 'set up' }))
    const gate = Promise.withResolvers<void>()
    const asked = Promise.withResolvers<void>()
    before.store.commit = async () => {
      asked.resolve()
      await gate.promise
    }
    const id = await bob.send(person, { conversation: 'wait for me' })
    await asked.promise
    // Baileys has written its receipt by now, as far as it knows.
    await before.session.setChatState({ jid: bob.jid, lid: bob.lid }, 'composing')
    gate.reject(new Error('disk full'))
    expect(await before.next('closed')).toMatchObject({ reason: 'storage' })
    const all = async (): Promise<string[]> => [...(await receiptsOf(person)), ...(await receiptsOf(person, 'inactive'))]
    expect(await all()).not.toContain(id)
    expect(before.events.some((event) => event.type === 'message' && event.message.id === id)).toBe(false)
    Reflect.deleteProperty(before.store, 'commit')
    const after = relink(world, before)
    await after.message(id)
    await after.session.stop()
    expect(await all()).toContain(id)
  })

  it('a message whose receipt got lost comes again and is answered from the inbox, without a retry', async () => {
    const person = await world.person('Crashed')
    const before = await link(world, person)
    await before.message(await bob.send(person, { conversation: 'set up' }))
    const heal = await fault({ action: 'drop', match: { phone: person.number, tag: 'receipt', direction: 'in' } })
    const id = await bob.send(person, { conversation: 'once' })
    const first = await before.message(id)
    await world.cut(person)
    await before.next('closed')
    await heal()
    const after = relink(world, before)
    const again = await after.message(id)
    expect(again.inbox).toBe(first.inbox)
    expect(again.message.message).toEqual(first.message.message)
    await after.next('open')
    await after.session.lookUpNumbers([bob.number])
    expect(await receiptsOf(person, 'retry')).toEqual([])
    await after.session.stop()
    const third = relink(world, after)
    await third.next('open')
    await third.session.lookUpNumbers([bob.number])
    expect(third.count('message')).toBe(0)
    await third.session.stop()
  })

  it('what we can not decrypt is asked for again at once, and arrives', async () => {
    const person = await world.person('Forgetful')
    const before = await link(world, person)
    await before.message(await bob.send(person, { conversation: 'set up' }))
    await before.send(bob, text('so that plain messages follow'), { id: newId() })
    await before.next('receipt', ({ status }) => status === 'delivered')
    await before.session.stop()
    const { records } = before.store as MemorySessionStore
    for (const key of records.keys()) if (key.startsWith('session/')) records.delete(key)
    const after = relink(world, before)
    await after.next('open')
    const since = Date.now()
    const id = await bob.send(person, { conversation: 'repeat please' })
    expect((await after.message(id)).message.message.conversation).toBe('repeat please')
    // The phone is asked after five seconds.
    expect(Date.now() - since).toBeLessThan(4_500)
    expect(await receiptsOf(person, 'retry')).toContain(id)
    await after.session.stop()
  })

  it('what the other phone can not decrypt is sent again from the stored message', async () => {
    const person = await world.person('Repeater')
    const observed = await link(world, person)
    const heal = await fault({ action: 'corrupt', match: { phone: person.number, tag: 'message', direction: 'in' }, times: 1 })
    const id = newId()
    await observed.send(bob, text('garbled'), { id })
    await observed.next('receipt', ({ ids, status }) => ids.includes(id) && status === 'retry')
    expect(await bob.received(id)).toMatchObject({ text: 'garbled' })
    await heal()
    await observed.session.stop()
  })

  it('an edit the other phone can not decrypt stays an edit when it is sent again', async () => {
    const person = await world.person('Editor')
    const observed = await link(world, person)
    const id = newId()
    await observed.send(bob, text('frist'), { id })
    await bob.received(id)
    const heal = await fault({ action: 'corrupt', match: { phone: person.number, tag: 'message', direction: 'in' }, times: 1 })
    const edit = newId()
    const key = { id, remoteJid: bob.jid, fromMe: true }
    const change = { protocolMessage: { key, type: 14, editedMessage: { conversation: 'first' } } }
    await observed.send(bob, change, { id: edit, edit: 'edit' })
    expect((await bob.received(edit)).message.protocolMessage?.editedMessage?.conversation).toBe('first')
    // Bob's phone asked for it again, and maybe our own.
    const sent = (await simulator.traffic(`phone=${person.number}&tag=message&direction=in`)).filter(
      ({ stanza }) => stanza.attrs.id === edit,
    )
    expect(sent.length).toBeGreaterThan(1)
    expect(sent.filter(({ stanza }) => stanza.attrs.edit !== '1')).toEqual([])
    await heal()
    await observed.session.stop()
  })

  it('buttons the other phone can not decrypt have their biz node when they are sent again, in private and in a group', async () => {
    const person = await world.person('Seller')
    const observed = await link(world, person)
    await observed.send(bob, text('hello'), { id: newId() })
    const group = (await simulator.call('POST', '/groups', { by: bob.number, subject: 'Sale', participants: [person.number] })) as {
      id: string
    }
    for (const to of [bob, { ...bob, jid: group.id, lid: group.id }]) {
      const id = newId()
      const heal = await fault({ action: 'corrupt', match: { phone: person.number, tag: 'message', direction: 'in' }, times: 1 })
      const buttons = [{ name: 'quick_reply', buttonParamsJson: '{"display_text":"Yes","id":"yes"}' }]
      await observed.send(
        to,
        { interactiveMessage: { body: { text: 'Sure?' }, nativeFlowMessage: { buttons, messageVersion: 1 } } },
        { id },
      )
      expect((await bob.received(id)).message.interactiveMessage?.body?.text).toBe('Sure?')
      const sent = (await simulator.traffic(`phone=${person.number}&tag=message&direction=in`)).filter(
        ({ stanza }) => stanza.attrs.id === id,
      )
      expect(sent.length).toBeGreaterThan(1)
      expect(sent.filter(({ stanza }) => !JSON.stringify(stanza).includes('"native_flow"'))).toEqual([])
      await heal()
    }
    await observed.session.stop()
  })

  it('what another companion can not decrypt is sent again to that one device', async () => {
    const [one, two] = await Promise.all([world.person('Sender'), world.person('Receiver')])
    const from = await link(world, one)
    const to = await link(world, two)
    const first = newId()
    await from.send(two, text('set up'), { id: first })
    await to.message(first)
    const heal = await fault({ action: 'corrupt', match: { phone: two.number, device: 1, tag: 'message', direction: 'out' }, times: 1 })
    const id = newId()
    await from.send(two, text('garbled'), { id })
    expect((await to.message(id)).message.message.extendedTextMessage?.text).toBe('garbled')
    expect(to.events.filter((event) => event.type === 'message' && event.message.id === id)).toHaveLength(1)
    await heal()
    await Promise.all([from.session.stop(), to.session.stop()])
  })

  it('uploads its prekeys in one commit and keeps none of them', async () => {
    const person = await world.person('Fresh')
    const store = new MemorySessionStore()
    const sizes: number[] = []
    const commit = store.commit.bind(store)
    store.commit = (batch: StoreBatch) => {
      sizes.push(batch.put.filter(({ kind }) => kind === 'pre-key').length)
      return commit(batch)
    }
    const observed = new Observed(world.engine, store)
    observed.session.start()
    await person.scan((await observed.next('qr')).text)
    await observed.next('open')
    expect(sizes.filter((size) => size > 0)).toEqual([812])
    await observed.session.stop()
  })

  it('a frame nobody can open ends this session only', async () => {
    const rejections: unknown[] = []
    const note = (error: unknown): void => void rejections.push(error)
    process.on('unhandledRejection', note)
    const person = await world.person('Broken line')
    const observed = await link(world, person)
    const heal = await fault({ action: 'corrupt', match: { phone: person.number, direction: 'out', contains: 'usync' }, times: 1 })
    // Not any answer: one that brings patches of app state would have those damaged, and the frame stay whole.
    await observed.session.lookUpNumbers([bob.number]).catch(() => null)
    expect(await observed.next('closed')).toMatchObject({ reason: 'lost' })
    await heal()
    process.off('unhandledRejection', note)
    expect(rejections).toEqual([])
  })

  it('WhatsApp silent: a question is a timeout error or the end of the session, never an empty answer', async () => {
    const person = await world.person('Ignored')
    const observed = await link(world, person)
    const heal = await fault({ action: 'drop', match: { phone: person.number, direction: 'in', tag: 'iq' } })
    const asking = observed.session.lookUpNumbers([bob.number])
    const stopped = observed.session.stop()
    await expect(asking).rejects.toMatchObject({ code: 'not-connected' })
    await stopped
    await heal()
  })

  it('a message WhatsApp refuses is told with its code', async () => {
    const person = await world.person('Refused')
    const observed = await link(world, person)
    const heal = await fault({ action: 'ack-error', code: 479, match: { phone: person.number, tag: 'message' }, times: 1 })
    const id = newId()
    await observed.send(bob, text('no'), { id })
    expect(await observed.next('server-ack', (ack) => ack.id === id)).toMatchObject({ error: 479 })
    await heal()
    await observed.session.stop()
  })

  it.each([
    [403, 'banned'],
    [405, 'outdated'],
    [503, 'lost'],
    [401, 'logged-out'],
  ])('stream error %s ends as %s', async (code, reason) => {
    const person = await world.person(`Code ${code}`)
    const observed = await link(world, person)
    await fault({ action: 'stream-error', code, match: { phone: person.number }, times: 1 })
    expect(await observed.next('closed')).toMatchObject({ reason })
  })

  it('the first messages of a new contact keep their order, however long it takes to note who that is', async () => {
    const person = await world.person('Patient')
    const identities = new MemoryIdentityStore()
    const learn = identities.learn.bind(identities)
    const linked = await link(world, person, { identities })
    let slow = 300
    identities.learn = async (pairs) => {
      const wait = slow
      slow = 0
      await pause(wait)
      return learn(pairs)
    }
    const stranger = await world.person('New')
    const ids: string[] = []
    for (const words of ['one', 'two', 'three']) ids.push(await stranger.send(person, { conversation: words }))
    for (const id of ids) await linked.message(id)
    const order = linked.events.flatMap((event) => (event.type === 'message' ? [event.message.id] : []))
    expect(order).toEqual(ids)
    await linked.session.stop()
  })

  it('what waited while the instance was away is not overtaken by what comes next', async () => {
    const person = await world.person('Away')
    const friends = await Promise.all(['Ann', 'Ben', 'Cid', 'Dan'].map((name) => world.person(name)))
    const before = await link(world, person)
    for (const friend of friends) await before.message(await friend.send(person, { conversation: 'set up' }))
    await before.session.stop()
    const ids: string[] = []
    for (const friend of friends) ids.push(await friend.send(person, { conversation: 'while you were away' }))
    const after = relink(world, before)
    // Every session has to be loaded again, so that the first ones are still being read when the next one comes.
    Object.assign(after.store, { latencyMs: 100 })
    await after.next('open')
    for (const friend of friends) ids.push(await friend.send(person, { conversation: 'there you are' }))
    for (const id of ids) await after.message(id)
    expect(after.events.flatMap((event) => (event.type === 'message' ? [event.message.id] : []))).toEqual(ids)
    await after.session.stop()
  })

  it('gives the person it writes to a privacy token once, not with every message', async () => {
    const person = await world.person('Trusting')
    const linked = await link(world, person)
    for (const words of ['one', 'two', 'three']) await linked.session.send({ jid: bob.jid, lid: bob.lid }, text(words), { id: newId() })
    const tokens = async () => {
      const iqs = await simulator.traffic(`phone=${person.number}&tag=iq&direction=in`)
      return iqs.filter(({ stanza }) => stanza.attrs.xmlns === 'privacy' && stanza.attrs.type === 'set').length
    }
    await vi.waitFor(async () => expect(await tokens()).toBe(1))
    await linked.session.stop()
    const again = relink(world, linked)
    await again.next('open')
    await again.session.send({ jid: bob.jid, lid: bob.lid }, text('four'), { id: newId() })
    await again.session.stop()
    expect(await tokens()).toBe(1)
  })

  it('asks the phone for history again', async () => {
    const person = await world.person('Historian')
    const observed = await link(world, person)
    await observed.session.requestHistory(30)
    const sent = await simulator.traffic(`phone=${person.number}&tag=message&direction=in`)
    expect(sent.some(({ stanza }) => stanza.attrs.category === 'peer')).toBe(true)
    await observed.session.stop()
  })

  it('two instances exchange 600 messages, 20 in flight, on a store that takes its time: none lost, doubled or out of order', async () => {
    const [one, two] = await Promise.all([world.person('One'), world.person('Two')])
    const a = await link(world, one, {})
    const b = await link(world, two, {})
    Object.assign(a.store, { latencyMs: 4 })
    Object.assign(b.store, { latencyMs: 4 })
    await a.send(two, text('set up'), { id: newId() })
    await b.next('message')
    await b.send(one, text('set up'), { id: newId() })
    await a.next('message', ({ message }) => !message.fromMe)
    const run = async (from: Observed, to: Person): Promise<string[]> => {
      const ids = Array.from({ length: 300 }, newId)
      const queue = [...ids]
      const lane = async (): Promise<void> => {
        for (let id = queue.shift(); id !== undefined; id = queue.shift()) await from.send(to, text(id), { id })
      }
      await Promise.all(Array.from({ length: 20 }, lane))
      return ids
    }
    const [toTwo, toOne] = await Promise.all([run(a, two), run(b, one)])
    const got = async (observed: Observed, ids: string[]): Promise<string[]> => {
      await Promise.all(ids.map((id) => observed.message(id)))
      return observed.events.flatMap((event) => (event.type === 'message' && !event.message.fromMe ? [event.message.id] : [])).slice(1)
    }
    expect(await got(b, toTwo)).toEqual(toTwo)
    expect(await got(a, toOne)).toEqual(toOne)
    for (const person of [one, two]) expect(await receiptsOf(person, 'retry')).toEqual([])
    await Promise.all([a.session.stop(), b.session.stop()])
  }, 60_000)

  it('a network with another root is refused, and one process talks to one network', async () => {
    const network = (await simulator.call('GET', '/network')) as { rootKey: string }
    const { createBaileysEngine, parseNetwork } = await import('../engine.ts')
    expect(() => createBaileysEngine({ network: null, guard: loopbackGuard, historyFolder: tmpdir() })).toThrow('another WhatsApp network')
    const rootKey = Buffer.alloc(32, 9).toString('base64')
    expect(() =>
      createBaileysEngine({ network: parseNetwork({ ...network, rootKey }), guard: loopbackGuard, historyFolder: tmpdir() }),
    ).toThrow('another WhatsApp network')
    const trusted = WA_CERT_DETAILS.PUBLIC_KEY
    WA_CERT_DETAILS.PUBLIC_KEY = Buffer.from(rootKey, 'base64')
    try {
      const observed = new Observed(world.engine, world.store())
      observed.session.start()
      await expect(observed.next('qr')).rejects.toThrow('certificate signature invalid')
    } finally {
      WA_CERT_DETAILS.PUBLIC_KEY = trusted
    }
  })
})
