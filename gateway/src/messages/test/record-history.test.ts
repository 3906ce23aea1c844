/** Parts of a phone's history on their way into the store. */
import { afterEach, expect, test } from 'vitest'
import { forEachDatabase } from '../../../testing/databases.ts'
import type { EngineEvent } from '../../whatsapp/engine.ts'
import type { HistoryMessage } from '../../whatsapp/history.ts'
import { INSTANCE, openStage, type Stage } from './stage.ts'

forEachDatabase((_name, open) => {
  let stage: Stage
  const begin = async () => {
    stage = await openStage(await open())
  }
  afterEach(() => stage.close())

  test('is stored and announced to nobody', async () => {
    await begin()
    const messages: HistoryMessage[] = Array.from({ length: 450 }, (_, n) => ({
      id: `OLD${n}`,
      chat: stage.ana.address,
      sender: n % 2 === 0 ? stage.ana.address : stage.shop.address,
      fromMe: n % 2 === 1,
      timestamp: n,
      pushName: null,
      message: { conversation: `old ${n}` },
      viewOnce: false,
      offline: true,
      status: null,
      starred: false,
    }))
    const part: EngineEvent = { type: 'history', messages, chats: [], names: [], progress: 100, inbox: null, stored: () => {} }
    await stage.messages.handle({ id: INSTANCE }, part)
    await stage.stored(450)
    await stage.messages.handle({ id: INSTANCE }, part)
    stage.ana.send(stage.shop, 'now', 'NEW')
    await stage.delivered('message.exchange', 1)
    expect((await stage.allDelivered()).map(({ data }) => data.id)).toEqual(['NEW'])
    expect(await stage.rows()).toHaveLength(451)
  })

  test('what it has before it is delivered is announced when it is, once', async () => {
    await begin()
    const old = (id: string): HistoryMessage => ({
      id,
      chat: stage.ana.address,
      sender: stage.ana.address,
      fromMe: false,
      timestamp: 5,
      pushName: null,
      message: { conversation: id },
      viewOnce: false,
      offline: true,
      status: null,
      starred: false,
    })
    const part: EngineEvent = {
      type: 'history',
      messages: [old('OLD'), old('JUST NOW')],
      chats: [],
      names: [],
      progress: 100,
      inbox: null,
      stored: () => {},
    }
    await stage.messages.handle({ id: INSTANCE }, part)
    await stage.stored(2)
    stage.ana.send(stage.shop, 'JUST NOW', 'JUST NOW')
    await stage.delivered('message.exchange', 1)
    const again: EngineEvent = { type: 'message', message: old('JUST NOW'), inbox: null }
    await stage.messages.handle({ id: INSTANCE }, again)
    stage.ana.send(stage.shop, 'LAST', 'LAST')
    await stage.delivered('message.exchange', 2)
    expect((await stage.allDelivered()).map(({ data }) => data.id)).toEqual(['JUST NOW', 'LAST'])
  })

  test('a part of it is stored with its names and ends its row, all together', async () => {
    await begin()
    const known = { jid: '34600000777@s.whatsapp.net', lid: '777@lid' }
    const fromLid = (id: string, chat: HistoryMessage['chat'], status: HistoryMessage['status'] = null): HistoryMessage => ({
      id,
      chat,
      sender: status === null ? chat : stage.shop.address,
      fromMe: status !== null,
      timestamp: 5,
      pushName: null,
      message: { conversation: id },
      viewOnce: false,
      offline: true,
      status,
      starred: false,
    })
    let done = 0
    const tell = (messages: HistoryMessage[], inbox: string | null): Promise<void> =>
      stage.messages.handle(
        { id: INSTANCE },
        {
          type: 'history',
          messages,
          chats: [],
          names: [{ address: known, pushName: 'Ana', savedName: 'Ana of the shop' }],
          progress: null,
          inbox,
          stored: () => {
            done += 1
          },
        },
      )
    await tell([fromLid('ONE', { jid: null, lid: known.lid })], null)
    await tell([fromLid('TWO', known, 'read'), fromLid('ONE', known)], 'H')
    expect(done).toBe(2)
    expect(await stage.rows()).toMatchObject([
      { message_id: 'ONE', chat: known.jid, sender: known.jid, status: 'delivered' },
      { message_id: 'TWO', chat: known.jid, status: 'read' },
    ])
    await stage.messages.handle({ id: INSTANCE }, { type: 'message', message: { ...fromLid('NEW', known), offline: false }, inbox: null })
    const [data] = await stage.delivered('message.exchange', 1)
    expect(data).toMatchObject({ sender: { name: 'Ana of the shop' } })
  })
})
