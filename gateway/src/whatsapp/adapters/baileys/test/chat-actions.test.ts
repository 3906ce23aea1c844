import { type BinaryNode, type LTHashState, proto, type WASocket } from 'baileys'
import { describe, expect, it } from 'vitest'
import { createChatActions, patchOf } from '../chat-actions.ts'

const chat = { jid: '34600111222@s.whatsapp.net', lid: '900@lid' }
const group = { jid: '120363000000000001@g.us', lid: null }
const message = { id: '3EB0', chat: group, sender: chat, fromMe: false }

describe('patches', () => {
  it.each([
    [{ kind: 'pin', chat, pinned: true } as const, 'regular_low', ['pin_v1', chat.jid]],
    [
      { kind: 'archive', chat: group, archived: true, last: { key: message, timestamp: 5_000 } } as const,
      'regular_low',
      ['archive', group.jid],
    ],
    [{ kind: 'mute', chat, muted: true, until: null } as const, 'regular_high', ['mute', chat.jid]],
    [{ kind: 'mark-read', chat, read: false, last: null } as const, 'regular_low', ['markChatAsRead', chat.jid]],
    [{ kind: 'star', message, starred: true } as const, 'regular_low', ['star', group.jid, '3EB0', '0', chat.jid]],
    [{ kind: 'star', message: { ...message, fromMe: true }, starred: true } as const, 'regular_low', ['star', group.jid, '3EB0', '1', '0']],
    [
      { kind: 'delete-for-me', message, timestamp: 5_000 } as const,
      'regular_high',
      ['deleteMessageForMe', group.jid, '3EB0', '0', chat.jid],
    ],
    [{ kind: 'delete-chat', chat, last: null } as const, 'regular_high', ['deleteChat', chat.jid, '1']],
    [{ kind: 'name', name: 'Shop' } as const, 'critical_block', ['setting_pushName']],
  ])('%o', (action, collection, index) => {
    expect(patchOf(action)).toMatchObject({ type: collection, index })
  })

  it('name the last message with its author in a group, in seconds', () => {
    const { syncAction } = patchOf({ kind: 'archive', chat: group, archived: true, last: { key: message, timestamp: 5_999 } })
    expect(syncAction.archiveChatAction?.messageRange).toEqual({
      lastMessageTimestamp: 5,
      messages: [{ key: { remoteJid: group.jid, id: '3EB0', fromMe: false, participant: chat.jid }, timestamp: 5 }],
    })
  })
})

/** A server that finds somebody was faster so many times. */
const play = ({ clashes, keyId = 'AAAA' }: { clashes: number; keyId?: string | undefined }) => {
  const versions: number[] = []
  let stored: LTHashState | undefined
  let resyncs = 0
  const keys = {
    get: async (type: string, ids: string[]) => {
      const [id = ''] = ids
      if (type === 'app-state-sync-key') return { [id]: proto.Message.AppStateSyncKeyData.fromObject({ keyData: Buffer.alloc(32, 7) }) }
      return stored === undefined ? {} : { [id]: stored }
    },
    set: async (data: { 'app-state-sync-version'?: Record<string, LTHashState> }) => {
      stored = data['app-state-sync-version']?.['regular_low']
    },
  }
  const socket = {
    authState: { creds: { myAppStateKeyId: keyId }, keys },
    resyncAppState: async () => {
      resyncs += 1
    },
  } as unknown as WASocket
  const request = async (node: BinaryNode): Promise<BinaryNode> => {
    const collection = JSON.parse(JSON.stringify(node)).content[0].content[0] as BinaryNode
    versions.push(Number(collection.attrs.version))
    const clash = versions.length <= clashes
    const content: BinaryNode[] = clash ? [{ tag: 'error', attrs: { code: '409' } }] : []
    const attrs: BinaryNode['attrs'] = clash ? { name: 'regular_low', type: 'error' } : { name: 'regular_low' }
    const answer = { tag: 'collection', attrs, content }
    return { tag: 'iq', attrs: { type: 'result' }, content: [{ tag: 'sync', attrs: {}, content: [answer] }] }
  }
  const actions = createChatActions({ socket: () => socket, ask: (call) => call(), request })
  return { actions, versions, resyncs: () => resyncs, version: () => stored?.version }
}

describe('writing', () => {
  const pin = { kind: 'pin', chat, pinned: true } as const

  it('reads again when another device was faster, and keeps the version it wrote', async () => {
    const { actions, versions, resyncs, version } = play({ clashes: 2 })
    await actions.act(pin)
    expect(versions).toEqual([0, 0, 0])
    expect(resyncs()).toBe(3)
    expect(version()).toBe(1)
  })

  it('one after the other, each on the version of the one before', async () => {
    const { actions, versions } = play({ clashes: 0 })
    await Promise.all([actions.act(pin), actions.act(pin), actions.act(pin)])
    expect(versions).toEqual([0, 1, 2])
  })

  it('gives up when others are always faster; the next is tried all the same', async () => {
    const { actions, versions } = play({ clashes: 5 })
    await expect(actions.act(pin)).rejects.toMatchObject({ code: 'rejected', serverCode: 409 })
    await actions.act(pin)
    expect(versions).toHaveLength(6)
  })

  it('waits for the key of the phone', async () => {
    const { actions, versions } = play({ clashes: 0, keyId: '' })
    await expect(actions.act(pin)).rejects.toMatchObject({ code: 'not-ready' })
    expect(versions).toEqual([])
  })
})
