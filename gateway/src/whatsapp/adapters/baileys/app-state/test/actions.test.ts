import { describe, expect, it } from 'vitest'
import type { LabelChange } from '../../../../labels.ts'
import { actionOf } from '../actions.ts'
import { labelActionOf, labelChangeOf } from '../label-changes.ts'

const chat = { jid: '34600111222@s.whatsapp.net', lid: '900@lid' }
const group = { jid: '120363000000000001@g.us', lid: null }
const message = { id: '3EB0', chat: group, sender: chat, fromMe: false }

describe('actions', () => {
  it.each([
    [{ kind: 'pin', chat, pinned: true } as const, 'regular_low', ['pin_v1', chat.jid]],
    [
      { kind: 'archive', chat: group, archived: true, last: { key: message, timestamp: 5_000 } } as const,
      'regular_low',
      ['archive', group.jid],
    ],
    [{ kind: 'mute', chat, muted: true, until: null } as const, 'regular_high', ['mute', chat.jid]],
    [{ kind: 'mark-read', chat, read: false, last: null } as const, 'regular_low', ['markChatAsRead', chat.jid]],
    [{ kind: 'star', message, starred: true } as const, 'regular_high', ['star', group.jid, '3EB0', '0', chat.jid]],
    [
      { kind: 'star', message: { ...message, fromMe: true }, starred: true } as const,
      'regular_high',
      ['star', group.jid, '3EB0', '1', '0'],
    ],
    [
      { kind: 'delete-for-me', message, timestamp: 5_000 } as const,
      'regular_high',
      ['deleteMessageForMe', group.jid, '3EB0', '0', chat.jid],
    ],
    [{ kind: 'delete-chat', chat, last: null } as const, 'regular_high', ['deleteChat', chat.jid, '1']],
    [{ kind: 'name', name: 'Shop' } as const, 'critical_block', ['setting_pushName']],
  ])('%o', (action, collection, index) => {
    expect(actionOf(action)).toMatchObject({ collection, change: { operation: 'set', index } })
  })

  it('name the last message with its author in a group, in seconds', () => {
    const { change } = actionOf({ kind: 'archive', chat: group, archived: true, last: { key: message, timestamp: 5_999 } })
    expect(change.value.archiveChatAction?.messageRange).toEqual({
      lastMessageTimestamp: 5,
      messages: [{ key: { remoteJid: group.jid, id: '3EB0', fromMe: false, participant: chat.jid }, timestamp: 5 }],
    })
  })
})

describe('labels', () => {
  const label = { kind: 'edit', id: '4', name: 'Paid', color: 3, type: 'CUSTOM', predefined: null, deleted: false } as const
  const place = { chat: { jid: group.jid, lid: null }, named: group.jid }

  it.each<[LabelChange, string[]]>([
    [label, ['label_edit', '4']],
    [{ ...label, deleted: true, predefined: 2, type: 'PREDEFINED' }, ['label_edit', '4']],
    [{ kind: 'chat', labelId: '4', labeled: true, chat: { jid: null, lid: '900@lid' }, named: '900@lid' }, ['label_jid', '4', '900@lid']],
    [{ kind: 'chat', labelId: '4', labeled: false, ...place }, ['label_jid', '4', group.jid]],
    [{ kind: 'message', labelId: '4', labeled: true, messageId: '3EB0', ...place }, ['label_message', '4', group.jid, '3EB0', '0', '0']],
  ])('are read as they are written: %o', (change, index) => {
    const written = labelActionOf(change)
    expect(written.index).toEqual(index)
    expect(labelChangeOf(written)).toEqual({ ...change, at: Number(written.value.timestamp) })
  })

  it('a record that is taken away is a label deleted, or taken off', () => {
    const removed = { operation: 'remove', value: { labelEditAction: { name: 'Paid' } } } as const
    expect(labelChangeOf({ ...removed, index: ['label_edit', '4'] })).toMatchObject({ id: '4', name: 'Paid', deleted: true })
    expect(labelChangeOf({ ...removed, index: ['label_jid', '4', chat.jid] })).toMatchObject({ labeled: false })
  })

  it('are of the type WhatsApp says', () => {
    const typeOf = (labelEditAction: object) => labelChangeOf({ operation: 'set', index: ['label_edit', '1'], value: { labelEditAction } })
    expect(typeOf({ type: 3 })).toMatchObject({ type: 'FAVORITES' })
    expect(typeOf({ predefinedId: 1 })).toMatchObject({ type: 'PREDEFINED', predefined: 1 })
    expect(typeOf({ type: 0 })).toMatchObject({ type: 'CUSTOM' })
    expect(typeOf({ type: 4711 })).toMatchObject({ type: 'CUSTOM' })
  })

  it.each([[['label_edit']], [['label_jid', '4', 'nobody']], [['label_message', '4', 'x@g.us']], [['archive', chat.jid]], [[]]])(
    '%j is none',
    (index) => {
      expect(labelChangeOf({ operation: 'set', index, value: {} })).toBeNull()
    },
  )
})
