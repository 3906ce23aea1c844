/** What every engine must do about chats and messages that the account does something with: part of the conformance suite. */
import { isDeepStrictEqual } from 'node:util'
import { expect, it } from 'vitest'
import type { Address } from '../address.ts'
import type { ChatAction } from '../chat-actions.ts'
import type { ChatChange } from '../chat-changes.ts'
import { link, type Observed, relink } from './linked-session.ts'
import type { Person, World } from './world.ts'

export const chatStories = (stage: { world(): World; bob(): Person }): void => {
  const told = (session: Observed): ChatChange[] => session.events.flatMap((event) => (event.type === 'chat' ? event.changes : []))
  /** Waits for such a change; whether the other name of somebody is known depends on what else was heard of them. */
  const change = async (session: Observed, wanted: ChatChange): Promise<ChatChange> => {
    const { changes } = await session.next('chat', (event) => event.changes.some((one) => isSame(one, wanted)))
    const found = changes.find((one) => isSame(one, wanted))
    if (found === undefined) throw new Error('no such change')
    return found
  }
  const at = Date.now()

  it('done on the phone are told one by one', async () => {
    const person = await stage.world().person('Doing')
    const session = await link(stage.world(), person)
    const bob: Address = { jid: stage.bob().jid, lid: null }
    const group: Address = { jid: '120363000000000001@g.us', lid: null }
    const [message, own] = [
      { id: '3EB0AA', chat: group, sender: bob, fromMe: false },
      { id: '3EB0BB', chat: bob, sender: bob, fromMe: true },
    ]
    const done: ChatChange[] = [
      { kind: 'archive', chat: bob, archived: true, lastMessageAt: 5_999, at },
      { kind: 'archive', chat: bob, archived: false, lastMessageAt: null, at },
      { kind: 'pin', chat: group, pinned: true, at },
      { kind: 'pin', chat: group, pinned: false, at },
      { kind: 'mute', chat: bob, muted: true, until: 4_102_444_800_000, at },
      { kind: 'mute', chat: bob, muted: true, until: null, at },
      { kind: 'mark-read', chat: bob, read: false, lastMessageAt: 7_999, at },
      { kind: 'mark-read', chat: bob, read: true, lastMessageAt: 7_999, at },
      { kind: 'star', message, starred: true, at },
      { kind: 'star', message: own, starred: true, at },
      { kind: 'delete-for-me', message, at },
      { kind: 'favorites', chats: [group, bob], at },
      { kind: 'clear-chat', chat: bob, starredToo: false, lastMessageAt: 8_999, at },
      { kind: 'delete-chat', chat: bob, lastMessageAt: 9_999, at },
      { kind: 'favorites', chats: [], at },
    ]
    for (const one of done) {
      await person.change(one)
      expect(Math.abs((await change(session, one)).at - Date.now())).toBeLessThan(60_000)
    }
    expect(told(session)).toHaveLength(done.length + blocklists(session))
    await session.session.stop()
  })

  it('done before the link, or while we were away, are told afterwards', async () => {
    const person = await stage.world().person('Done')
    const bob: Address = { jid: stage.bob().jid, lid: null }
    const before: ChatChange = { kind: 'pin', chat: bob, pinned: true, at }
    await person.change(before)
    const session = await link(stage.world(), person)
    await change(session, before)
    await session.session.stop()
    const meanwhile: ChatChange = { kind: 'archive', chat: bob, archived: true, lastMessageAt: null, at }
    await person.change(meanwhile)
    const again = relink(stage.world(), session)
    await change(again, meanwhile)
    await again.session.stop()
  })

  it('that could not be stored are told again', async () => {
    const person = await stage.world().person('Forgetful')
    const bob: Address = { jid: stage.bob().jid, lid: null }
    const forgetful = await link(stage.world(), person)
    forgetful.keepsNothing = true
    const pin: ChatChange = { kind: 'pin', chat: bob, pinned: true, at }
    await person.change(pin)
    await change(forgetful, pin)
    await forgetful.session.stop()
    const again = relink(stage.world(), forgetful)
    await change(again, pin)
    await again.session.stop()
  })

  it('done by us are told to us before it is over, and to the other devices', async () => {
    const person = await stage.world().person('Both')
    const [one, other] = [await link(stage.world(), person), await link(stage.world(), person)]
    const bob: Address = { jid: stage.bob().jid, lid: null }
    const act = (action: ChatAction) => one.session.act(action)
    // The phone shares the key of its settings a moment after the link.
    await expect.poll(() => act({ kind: 'pin', chat: bob, pinned: true }).then(() => 'done', String), { timeout: 15_000 }).toBe('done')
    const key = { id: '3EB0AA', chat: bob, sender: bob, fromMe: false }
    const actions: [ChatAction, ChatChange][] = [
      [
        { kind: 'archive', chat: bob, archived: true, last: { key, timestamp: 5_999 } },
        { kind: 'archive', chat: bob, archived: true, lastMessageAt: 5_999, at },
      ],
      [
        { kind: 'mute', chat: bob, muted: false, until: null },
        { kind: 'mute', chat: bob, muted: false, until: null, at },
      ],
      [
        { kind: 'mark-read', chat: bob, read: true, last: { key, timestamp: 6_999 } },
        { kind: 'mark-read', chat: bob, read: true, lastMessageAt: 6_999, at },
      ],
      [
        { kind: 'star', message: key, starred: true },
        { kind: 'star', message: key, starred: true, at },
      ],
      [
        { kind: 'delete-for-me', message: key, timestamp: 5_000 },
        { kind: 'delete-for-me', message: key, at },
      ],
      [
        { kind: 'delete-chat', chat: bob, last: { key, timestamp: 6_999 } },
        { kind: 'delete-chat', chat: bob, lastMessageAt: 6_999, at },
      ],
    ]
    for (const [action, wanted] of actions) {
      await act(action)
      expect(
        told(one).some((found) => isSame(found, wanted)),
        action.kind,
      ).toBe(true)
      await change(other, wanted)
    }
    await one.session.setFavorites(async () => [bob])
    expect(told(one).some((found) => isSame(found, { kind: 'favorites', chats: [bob], at }))).toBe(true)
    await change(other, { kind: 'favorites', chats: [bob], at })
    await Promise.all([one.session.stop(), other.session.stop()])
  })
}

/** Of those who were blocked all along, told at the link. */
const blocklists = (session: Observed): number =>
  session.events.flatMap((event) => (event.type === 'chat' ? event.changes.filter(({ kind }) => kind === 'blocklist') : [])).length

const isSame = (one: ChatChange, other: ChatChange): boolean => isDeepStrictEqual(bare(one), bare(other))

const bare = (change: ChatChange): unknown =>
  JSON.parse(JSON.stringify({ ...change, at: 0 }), (name, value: unknown) => (name === 'lid' ? null : value))
