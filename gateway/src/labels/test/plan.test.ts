import { describe, expect, it } from 'vitest'
import type { LabelChange } from '../../whatsapp/labels.ts'
import { type LabelState, planLabels } from '../label-plan.ts'
import type { Association, Label } from '../label-repository.ts'

const ANA = { jid: '34600111222@s.whatsapp.net', lid: '77001122334455@lid' }
const NOW = Date.UTC(2026, 0, 2)
const AT = Date.UTC(2026, 0, 1)

const label = (id: string, more: Partial<Label> = {}): Label => ({
  id,
  name: `Label ${id}`,
  color: 1,
  type: 'CUSTOM',
  predefined: null,
  deleted: false,
  ...more,
})
const edit = (id: string, more: Partial<Label> = {}) => ({ kind: 'edit' as const, ...label(id, more), at: AT })
const on = (labelId: string, labeled = true, chat: { jid: string | null; lid: string | null } = ANA, at = AT) => ({
  kind: 'chat' as const,
  labelId,
  chat,
  named: chat.jid ?? chat.lid ?? '',
  labeled,
  at,
})
const carried = (labelId: string, chat = ANA.jid, messageId = ''): Association => ({ chat, labelId, messageId, named: chat })

const plan = (before: Partial<LabelState>, changes: readonly (LabelChange & { at: number })[], whole = false) =>
  planLabels({ labels: [], associations: [], ...before }, { version: 1, whole, first: false, changes }, NOW)

const told = ({ events }: ReturnType<typeof plan>) => events.map(({ type, labelId, action }) => `${type} ${labelId} ${action}`)

describe('single changes', () => {
  it('are told with what they say', () => {
    expect(plan({}, [edit('1', { name: 'Paid', color: 3 })]).events).toEqual([
      { type: 'edit', labelId: '1', action: 'updated', name: 'Paid', color: 3, deleted: false, timestamp: '2026-01-01T00:00:00.000Z' },
    ])
    expect(plan({ labels: [label('1')] }, [on('1')]).events).toEqual([
      {
        type: 'chat',
        labelId: '1',
        action: 'add',
        chatJid: ANA.jid,
        chatLid: ANA.lid,
        labeled: true,
        timestamp: '2026-01-01T00:00:00.000Z',
      },
    ])
    const { kind: _, ...about } = on('1')
    expect(plan({}, [{ kind: 'message', ...about, messageId: '3EB0' }]).events).toMatchObject([{ type: 'message', messageId: '3EB0' }])
  })

  it('that change nothing are not told', () => {
    const before = { labels: [label('1'), label('2', { deleted: true })], associations: [carried('1')] }
    const nothing = plan(before, [edit('1'), edit('2', { deleted: true }), on('1'), on('3', false), edit('4', { deleted: true })])
    expect(nothing).toMatchObject({ labels: [label('4', { deleted: true })], put: [], remove: [], events: [] })
  })

  it('of a deleted label take it off everything, in one event; nothing sticks to it afterwards', () => {
    const gone = plan({ labels: [label('1')], associations: [carried('1')] }, [edit('1', { deleted: true }), on('1')])
    expect(told(gone)).toEqual(['edit 1 deleted'])
    expect(gone).toMatchObject({ gone: ['1'], put: [], remove: [] })
    expect(told(plan({ labels: [label('1', { deleted: true })] }, [on('1')]))).toEqual([])
    expect(told(plan({ labels: [label('1', { deleted: true })] }, [edit('1')]))).toEqual(['edit 1 updated'])
  })

  it('find the chat under its other name, and move it', () => {
    const before = { labels: [label('1')], associations: [carried('1', ANA.lid)] }
    const again = plan(before, [on('1')])
    expect(again).toMatchObject({ put: [carried('1')], remove: [carried('1', ANA.lid)], events: [] })
    const off = plan(before, [on('1', false)])
    expect(off).toMatchObject({ put: [], remove: [carried('1', ANA.lid)] })
    expect(told(off)).toEqual(['chat 1 remove'])
  })
})

describe('a whole list', () => {
  const before = {
    labels: [label('1'), label('2'), label('3', { deleted: true })],
    associations: [carried('1'), carried('2'), carried('1', ANA.jid, '3EB0')],
  }

  it('that says what is known says nothing new', () => {
    const { kind: _, ...about } = on('1')
    const same = [
      on('2'),
      on('1'),
      { kind: 'message' as const, ...about, messageId: '3EB0' },
      edit('2'),
      edit('1'),
      edit('3', { deleted: true }),
    ]
    expect(plan(before, same, true)).toEqual({ labels: [], put: [], remove: [], gone: [], events: [] })
  })

  it('is compared: what is not in it is gone', () => {
    const after = plan(before, [on('4'), edit('4'), edit('1', { name: 'Other' })], true)
    expect(told(after)).toEqual(['edit 4 updated', 'edit 1 updated', 'edit 2 deleted', 'chat 1 remove', 'message 1 remove', 'chat 4 add'])
    expect(after).toMatchObject({ gone: ['2'], put: [carried('4')], remove: [carried('1'), carried('1', ANA.jid, '3EB0')] })
  })

  it('that names a chat twice means what was said last', () => {
    const lid = { jid: ANA.jid, lid: ANA.lid }
    const off = { ...on('1', false, lid, AT + 1), named: ANA.lid }
    expect(told(plan({ labels: [label('1')] }, [off, on('1'), edit('1')], true))).toEqual([])
    expect(told(plan({ labels: [label('1')] }, [{ ...off, at: AT - 1 }, on('1'), edit('1')], true))).toEqual(['chat 1 add'])
  })
})
