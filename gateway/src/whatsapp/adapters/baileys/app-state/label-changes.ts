/** Labels in app state: `['label_edit', id]`, `['label_jid', id, jid]` and `['label_message', id, jid, messageId, '0', '0']` (engine.md §8.2). */
import { proto } from 'baileys'
import type { LabelChange } from '../../../labels.ts'
import { addressFrom } from '../addresses.ts'
import type { Written } from './app-state.ts'
import type { Change } from './records.ts'

/** Where WhatsApp keeps them. */
export const LABELS = 'regular'
/** WhatsApp's own version of these actions. */
const VERSION = 3

const { ListType } = proto.SyncActionValue.LabelEditAction

/** Null: it is about something else. */
export const labelChangeOf = ({ operation, index, value }: Change): (LabelChange & { at: number }) | null => {
  const [kind, id = '', named = '', messageId = ''] = index
  const at = Number(value.timestamp ?? 0)
  if (id === '') return null
  if (kind === 'label_edit') {
    const { name, color, predefinedId, deleted } = value.labelEditAction ?? {}
    return {
      kind: 'edit',
      id,
      name: name ?? '',
      color: color ?? 0,
      type: typeOf(value.labelEditAction),
      predefined: predefinedId || null,
      deleted: operation === 'remove' || deleted === true,
      at,
    }
  }
  const chat = addressFrom(named)
  if (chat.jid === null && chat.lid === null) return null
  const labeled = operation === 'set' && value.labelAssociationAction?.labeled === true
  if (kind === 'label_jid') return { kind: 'chat', labelId: id, chat, named, labeled, at }
  if (kind === 'label_message' && messageId !== '') return { kind: 'message', labelId: id, chat, named, messageId, labeled, at }
  return null
}

export const labelActionOf = (change: LabelChange): Written => {
  if (change.kind === 'edit') {
    const { id, name, color, predefined, deleted } = change
    const labelEditAction = { name, color, deleted, ...(predefined === null ? {} : { predefinedId: predefined }) }
    return set(['label_edit', id], { labelEditAction })
  }
  const { labelId, named, labeled } = change
  const index = change.kind === 'chat' ? ['label_jid', labelId, named] : ['label_message', labelId, named, change.messageId, '0', '0']
  return set(index, { labelAssociationAction: { labeled } })
}

const set = (index: string[], value: proto.ISyncActionValue): Written => ({
  operation: 'set',
  index,
  value: { ...value, timestamp: Date.now() },
  version: VERSION,
})

/** Older clients write no type. */
const typeOf = (action: proto.SyncActionValue.ILabelEditAction | null | undefined): string => {
  const named = action?.type ? ListType[action.type] : undefined
  return named ?? (action?.predefinedId ? 'PREDEFINED' : 'CUSTOM')
}
