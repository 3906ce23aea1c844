/** What every engine must do, told once and run against each adapter. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Capability, capabilities } from '../capabilities.ts'
import type { ChatChange } from '../chat-changes.ts'
import type { EngineSession } from '../engine.ts'
import type { WireMessage } from '../wire.ts'
import { chatStories } from './chat-stories.ts'
import type { ConformanceStage } from './conformance-stage.ts'
import { endingStories } from './ending-stories.ts'
import { historyStories } from './history-stories.ts'
import { labelStories } from './label-stories.ts'
import { both, link, newId, Observed, relink, text } from './linked-session.ts'
import { mediaStories } from './media-stories.ts'
import type { Person, World } from './world.ts'

export const describeEngine = (name: string, makeWorld: () => Promise<World>): void => {
  describe(name, () => {
    let world: World
    let shop: Person
    let bob: Person
    let engine: Observed

    beforeAll(async () => {
      world = await makeWorld()
      shop = await world.person('Shop')
      bob = await world.person('Bob')
      engine = await link(world, shop)
    }, 30_000)

    afterAll(async () => {
      await engine.session.stop()
      await world.close()
    }, 30_000)

    const shown = new Set<Capability>()
    const shows = (capabilities: readonly Capability[], title: string, story: () => Promise<void>): void => {
      for (const capability of capabilities) shown.add(capability)
      it(title, async () => {
        if (capabilities.every((capability) => world.engine.capabilities.has(capability))) await story()
        else await expect(story()).rejects.toMatchObject({ code: 'unsupported' })
      })
    }

    const stage: ConformanceStage = { world: () => world, shop: () => shop, bob: () => bob, engine: () => engine, shows }

    describe('linking', () => {
      it('by QR tells who we are, and then opens', async () => {
        expect(engine.events.map(({ type }) => type).slice(0, 3)).toEqual(['qr', 'paired', 'open'])
        expect(await engine.next('paired')).toMatchObject({ self: both(shop) })
        expect(await engine.next('open')).toMatchObject({ self: both(shop) })
        expect((await engine.next('qr')).expiresAt).toBeGreaterThan(Date.now())
      })

      shows(['pairing-code'], 'by pairing code', async () => {
        const person = await world.person('Coded')
        const other = new Observed(world.engine, world.store())
        other.session.start()
        await other.next('qr')
        const code = await other.session.requestPairingCode(person.number)
        expect(code).toMatch(/^[0-9A-Z]{8}$/)
        await person.typePairingCode(code)
        expect(await other.next('open')).toMatchObject({ self: both(person) })
        await other.session.stop()
      })

      it('gives no pairing code to a linked instance', async () => {
        await expect(engine.session.requestPairingCode(shop.number)).rejects.toMatchObject({ code: 'rejected' })
      })

      it('stores nothing while nobody has scanned', async () => {
        const other = new Observed(world.engine, world.store())
        other.session.start()
        await other.next('qr')
        await other.session.stop()
        expect(other.store.credentials).toBeNull()
        expect(await other.next('closed')).toMatchObject({ reason: 'stopped' })
      })

      it('survives a restart without a new QR', async () => {
        const person = await world.person('Restarted')
        const before = await link(world, person)
        await before.session.stop()
        const after = relink(world, before)
        await after.next('open')
        expect(after.count('qr')).toBe(0)
        await after.session.stop()
      })
    })

    describe('texts', () => {
      shows(['text'], 'we send are acknowledged, arrive, and are delivered and read', async () => {
        const id = newId()
        await engine.send(bob, text('hello'), { id })
        expect(await bob.received(id)).toMatchObject({ text: 'hello', fromMe: false })
        expect(await engine.next('server-ack', (ack) => ack.id === id)).toMatchObject({ to: both(bob), error: null })
        const delivered = await engine.next('receipt', ({ ids, status }) => ids.includes(id) && status === 'delivered')
        expect(delivered).toMatchObject({ chat: both(bob), sender: both(bob), fromMe: false })
        await bob.read(shop, id)
        await engine.next('receipt', ({ ids, status }) => ids.includes(id) && status === 'read')
      })

      it('we send stand on the own phone too', async () => {
        const id = newId()
        await engine.send(bob, text('for all my devices'), { id })
        expect(await shop.received(id)).toMatchObject({ text: 'for all my devices', fromMe: true })
      })

      it('from others arrive with both forms of the address', async () => {
        const id = await bob.send(shop, { conversation: 'good morning' })
        const { message, inbox } = await engine.message(id)
        expect(message).toMatchObject({
          id,
          chat: both(bob),
          sender: both(bob),
          fromMe: false,
          pushName: 'Bob',
          offline: false,
          viewOnce: false,
        })
        expect(message.message.conversation).toBe('good morning')
        expect(Math.abs(message.timestamp - Date.now())).toBeLessThan(60_000)
        expect(inbox).not.toBeNull()
      })

      it('typed on the own phone arrive as ours, in the chat they were written in', async () => {
        const id = await shop.send(bob, { conversation: 'from my phone' })
        const { message } = await engine.message(id)
        expect(message).toMatchObject({ fromMe: true, chat: both(bob), sender: both(shop) })
        expect(message.message.conversation).toBe('from my phone')
      })

      it('to oneself stand in the chat with oneself', async () => {
        const id = await shop.send(shop, { conversation: 'note to self' })
        expect((await engine.message(id)).message).toMatchObject({ fromMe: true, chat: both(shop), sender: both(shop) })
      })

      it('to a number nobody has are refused', async () => {
        const number = world.freeNumber()
        const sending = engine.session.send({ jid: `${number}@s.whatsapp.net`, lid: null }, text('?'), { id: newId() })
        await expect(sending).rejects.toMatchObject({ code: 'not-registered' })
      })

      it('can be addressed by LID alone', async () => {
        const id = newId()
        await engine.session.send({ jid: null, lid: bob.lid }, text('by lid'), { id })
        expect(await bob.received(id)).toMatchObject({ text: 'by lid' })
      })
    })

    describe('changes', () => {
      shows(['edit', 'revoke'], 'we make: an edit and a revocation', async () => {
        const id = newId()
        await engine.send(bob, text('frist'), { id })
        const key = { id, remoteJid: bob.jid, fromMe: true }
        const edit = newId()
        await engine.send(
          bob,
          { editedMessage: { message: { protocolMessage: { key, type: 14, editedMessage: text('first') } } } },
          { id: edit, edit: 'edit' },
        )
        expect((await bob.received(edit)).message).toBeTruthy()
        const revoke = newId()
        await engine.send(bob, { protocolMessage: { key, type: 0 } }, { id: revoke, edit: 'revoke' })
        expect((await bob.received(revoke)).message).toBeTruthy()
      })

      it('others make: an edit and a revocation', async () => {
        const first = await bob.send(shop, { conversation: 'frist' })
        const key = { id: first, remoteJid: shop.jid, fromMe: true }
        const edit = await bob.send(shop, { protocolMessage: { key, type: 14, editedMessage: { conversation: 'first' } } }, 'edit')
        expect((await engine.message(edit)).message.message.protocolMessage?.editedMessage?.conversation).toBe('first')
        const revoke = await bob.send(shop, { protocolMessage: { key, type: 0 } }, 'revoke')
        expect((await engine.message(revoke)).message.message.protocolMessage?.key?.id).toBe(first)
      })
    })

    describe('every kind of message', () => {
      const key = () => ({ remoteJid: bob.jid, fromMe: true, id: 'A' })
      const kinds: readonly [Capability, () => WireMessage, 'pin'?][] = [
        ['location', () => ({ locationMessage: { degreesLatitude: 1.5, degreesLongitude: 2.5 } })],
        ['contact', () => ({ contactMessage: { displayName: 'Ana', vcard: 'BEGIN:VCARD\nEND:VCARD' } })],
        ['reaction', () => ({ reactionMessage: { key: key(), text: '🔥' } })],
        ['poll', () => ({ pollCreationMessageV3: { name: 'Lunch?', options: [{ optionName: 'a' }, { optionName: 'b' }] } })],
        ['event', () => ({ eventMessage: { name: 'Party', startTime: 1_900_000_000 } })],
        ['interactive', () => ({ interactiveMessage: { body: { text: 'Sure?' } } })],
        ['message-pin', () => ({ pinInChatMessage: { key: key(), type: 1 } }), 'pin'],
      ]
      for (const [kind, messageOf, edit] of kinds) {
        shows([kind], kind, async () => {
          const id = newId()
          const message = messageOf()
          await engine.session.send(both(bob), message, edit === undefined ? { id } : { id, edit })
          const [field = ''] = Object.keys(message)
          expect(Object.keys((await bob.received(id)).message)).toContain(field)
        })
      }

      shows(['story'], 'a story, for whom the settings name', async () => {
        expect(await engine.session.storyPrivacy()).toMatchObject({ shownTo: 'contacts' })
        const id = newId()
        await engine.session.send({ jid: 'status@broadcast', lid: null }, text('open'), { id, audience: [both(bob)] })
        expect(await bob.received(id)).toMatchObject({ text: 'open' })
      })
    })

    describe('places', () => {
      shows(['groups'], 'a group is made, read and written to', async () => {
        const { group } = await engine.session.groups.create({ name: 'Team', participants: [both(bob)] })
        expect(await engine.session.groups.read(group.jid)).toMatchObject({ name: 'Team', memberCount: 2 })
        const id = newId()
        await engine.session.send({ jid: group.jid, lid: null }, text('all'), { id })
        expect(await bob.received(id)).toMatchObject({ text: 'all' })
      })

      shows(['communities'], 'a community takes in a group', async () => {
        const wanted = { name: 'Village', description: '', requestsByDefault: false }
        const community = await engine.session.communities.create(wanted)
        const { group } = await engine.session.groups.create({ name: 'Street', participants: [both(bob)] })
        await engine.session.communities.link(community.jid, group.jid)
        const linked = await engine.session.communities.linkedGroups(community.jid)
        expect(linked.map(({ jid }) => jid)).toContain(group.jid)
      })

      shows(['newsletters'], 'a channel is made, found and written to', async () => {
        const { jid } = await engine.session.newsletters.create({ name: 'News', description: '', picture: null })
        expect(await engine.session.newsletters.find({ jid })).toMatchObject({ name: 'News' })
        const id = newId()
        await engine.session.send({ jid, lid: null }, text('first'), { id })
        expect(await engine.next('server-ack', (ack) => ack.id === id)).toMatchObject({ error: null })
      })
    })

    describe('the inbox', () => {
      it('reads a row as the live event did', async () => {
        const id = await bob.send(shop, { conversation: 'read twice' })
        const event = await engine.message(id)
        const row = engine.store.inbox.get(event.inbox ?? '')
        const again = row === undefined ? null : world.engine.readInbox(row, both(shop))
        expect(again).toEqual(event.message)
      })

      it('holds what came while we were away, marked as such', async () => {
        const person = await world.person('Away')
        const before = await link(world, person)
        await before.session.stop()
        const id = await bob.send(person, { conversation: 'while you were out' })
        const after = relink(world, before)
        expect((await after.message(id)).message).toMatchObject({ offline: true, chat: both(bob) })
        await after.session.stop()
      })

      it('acknowledges nothing when the store fails: the session ends, and the message comes again', async () => {
        const person = await world.person('Full disk')
        const before = await link(world, person)
        await before.message(await bob.send(person, { conversation: 'set up' }))
        before.store.failure = new Error('disk full')
        const id = await bob.send(person, { conversation: 'not lost' })
        expect(await before.next('closed')).toMatchObject({ reason: 'storage' })
        before.store.failure = null
        const after = relink(world, before)
        const { message } = await after.message(id)
        expect(message.message.conversation).toBe('not lost')
        await after.session.stop()
      })
    })

    describe('people', () => {
      shows(['number-lookup'], 'are looked up in the order asked', async () => {
        const nobody = world.freeNumber()
        expect(await engine.session.lookUpNumbers([bob.number, nobody, shop.number])).toEqual([
          { number: bob.number, exists: true, address: both(bob) },
          { number: nobody, exists: false, address: null },
          { number: shop.number, exists: true, address: both(shop) },
        ])
        expect(await engine.session.lookUpNumbers([])).toEqual([])
      })

      shows(['profile'], 'see how we describe ourselves; who has no picture has none', async () => {
        await engine.session.profile.setAbout('at the counter')
        expect(await engine.session.profile.about(both(shop))).toBe('at the counter')
        expect(await engine.session.profilePicture(both(bob))).toBeNull()
        await engine.session.profile.setPicture(Buffer.from('a picture'))
        expect(await engine.session.profilePicture(both(shop))).not.toBeNull()
        await engine.session.profile.setPicture(null)
        expect(await engine.session.profilePicture(both(shop))).toBeNull()
        expect(await engine.session.profile.business(both(bob))).toBeNull()
      })

      shows(['privacy'], 'see of us what we let them see', async () => {
        await engine.session.profile.setPrivacy('last', 'contacts')
        expect(await engine.session.profile.privacy()).toMatchObject({ last: 'contacts' })
      })

      shows(['blocking'], 'are blocked, and heard again', async () => {
        const nuisance = await world.person('Nuisance')
        // Known under both names once they have written.
        await engine.message(await nuisance.send(shop, { conversation: 'buy!' }))
        expect(await engine.session.setBlocked(both(nuisance), true)).toBe(1)
        expect(engine.events.some((event) => event.type === 'chat' && event.changes.some(({ kind }) => kind === 'blocklist'))).toBe(true)
        expect(await engine.session.setBlocked(both(nuisance), false)).toBe(0)
        await shop.change({ kind: 'block', person: both(nuisance), blocked: true, at: 0 })
        await engine.next('chat', ({ changes }) =>
          changes.some((one) => (one.kind === 'block' && one.blocked && one.person.jid === nuisance.jid) || isListOf(one, nuisance)),
        )
        await shop.change({ kind: 'block', person: both(nuisance), blocked: false, at: 0 })
      })

      it('are told by the name they are saved under on the phone, until they are no longer', async () => {
        const saved = async (name: string | null) => {
          await shop.save(bob, name)
          const told = await engine.next('contact', ({ address, savedName }) => address.jid === bob.jid && savedName === (name ?? ''))
          expect(told).toMatchObject({ address: both(bob), pushName: null })
        }
        for (const name of ['Bob Jones', 'Bob', null, 'Bob again']) await saved(name)
      })

      shows(['presence', 'chat-state', 'read-receipts'], 'see us read, type and be online', async () => {
        const id = await bob.send(shop, { conversation: 'read me' })
        const { message } = await engine.message(id)
        await engine.session.markRead([message])
        await engine.session.setPresence('available')
        await engine.session.setChatState(both(bob), 'composing')
        await engine.session.setChatState(both(bob), 'paused')
      })

      shows(['call-reject'], 'call, and are rejected', async () => {
        const callId = await bob.call(shop)
        const { call } = await engine.next('call', (event) => event.call.id === callId && event.call.status === 'offer')
        expect(call).toMatchObject({ from: both(bob), isVideo: false, isGroup: false })
        await engine.session.rejectCall(call)
        expect(await bob.callState(callId)).toBe('rejected')
      })

      shows(['call'], 'are rung', async () => {
        const call = await engine.session.ring(both(bob))
        expect(await bob.callState(call.id)).not.toBe('')
        await call.hangUp()
      })
    })

    describe('history', () => historyStories(stage))

    describe('chats', () => {
      shown.add('chat-actions')
      chatStories(stage)
    })

    describe('labels', () => {
      shown.add('labels')
      labelStories(stage)
    })

    describe('media', () => mediaStories(stage))

    it('is asked here for every capability there is, claimed or not', () => {
      expect([...shown].sort()).toEqual([...capabilities].sort())
    })

    describe('the end', () => endingStories(stage))
  })
}

/** Where each part of a session is shown; null: every engine has it. A part that is new asks for its line here. */
export const capabilityOf = {
  start: null,
  stop: null,
  logout: null,
  requestPairingCode: 'pairing-code',
  send: 'text',
  markRead: 'read-receipts',
  setPresence: 'presence',
  setChatState: 'chat-state',
  rejectCall: 'call-reject',
  lookUpNumbers: 'number-lookup',
  requestHistory: 'history-request',
  requestOlder: 'history-request',
  profilePicture: 'profile',
  uploadMedia: 'media',
  downloadMedia: 'media',
  requestMediaAgain: 'media',
  groups: 'groups',
  communities: 'communities',
  ring: 'call',
  act: 'chat-actions',
  setFavorites: 'chat-actions',
  setBlocked: 'blocking',
  labels: 'labels',
  storyPrivacy: 'story',
  profile: 'profile',
  newsletters: 'newsletters',
} as const satisfies Record<keyof EngineSession, Capability | null>

/** Some engines learn of one who was blocked, some of the whole list. */
const isListOf = (change: ChatChange, { jid, lid }: Person): boolean =>
  change.kind === 'blocklist' && change.people.some((person) => person.jid === jid || person.lid === lid)
