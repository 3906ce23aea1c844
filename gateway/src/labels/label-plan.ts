/** What news of labels changes in the store, and what is told of it: only what was different before. Pure. */
import { rfc3339 } from '../runtime/clock.ts'
import { canonicalOf } from '../whatsapp/address.ts'
import type { LabelNews } from '../whatsapp/labels.ts'
import type { Association, Label } from './label-repository.ts'

export interface LabelState {
  labels: readonly Label[]
  /** Of the chats the news is about, or all of them when it is a whole list. */
  associations: readonly Association[]
}

export interface LabelPlan {
  labels: Label[]
  put: Association[]
  remove: Association[]
  /** Labels that are gone, and with them whatever carried them. */
  gone: string[]
  /** `data` of `label.update`, core.md §7.7. */
  events: Record<string, unknown>[]
}

interface Carried extends Association {
  chatLid: string | null
  at: number
}

export const planLabels = (before: LabelState, { whole, changes }: LabelNews, now: number): LabelPlan => {
  /** Chats that were only known by LID, under the name they have now. */
  const names = new Map<string, string>()
  for (const change of changes) {
    if (change.kind !== 'edit' && change.chat.lid !== null) names.set(change.chat.lid, canonicalOf(change.chat))
  }
  const known = new Map(before.labels.map((label) => [label.id, label]))
  const carriedBefore = new Map(before.associations.map((one) => [keyOf({ ...one, chat: names.get(one.chat) ?? one.chat }), one]))

  const labels = new Map<string, { label: Label; at: number }>()
  const carried = new Map<string, Carried>()
  if (!whole)
    for (const [key, one] of carriedBefore) carried.set(key, { ...one, chat: names.get(one.chat) ?? one.chat, chatLid: null, at: now })
  /** Taken off in so many words, which also says when. */
  const takenOff = new Map<string, Carried>()

  // A snapshot has no order: labels come before what carries them, and of two records of one chat the later one counts.
  const ordered = whole ? changes.toSorted((a, b) => Number(a.kind !== 'edit') - Number(b.kind !== 'edit') || a.at - b.at) : changes
  for (const change of ordered) {
    if (change.kind === 'edit') {
      const { kind: _, at, ...label } = change
      labels.set(label.id, { label, at })
      continue
    }
    const { labelId, named, labeled, at, chat } = change
    const messageId = change.kind === 'message' ? change.messageId : ''
    const one = { chat: canonicalOf(chat), labelId, messageId, named, chatLid: chat.lid, at }
    const key = keyOf(one)
    // Nothing sticks to a label that is gone: WhatsApp keeps such records, and its apps show none of them.
    if (labeled && !(labels.get(labelId)?.label.deleted ?? known.get(labelId)?.deleted ?? false)) {
      carried.set(key, one)
      takenOff.delete(key)
    } else {
      carried.delete(key)
      takenOff.set(key, one)
    }
  }
  if (whole) {
    for (const label of before.labels) {
      if (!label.deleted && !labels.has(label.id)) labels.set(label.id, { label: { ...label, deleted: true }, at: now })
    }
  }

  const plan: LabelPlan = { labels: [], put: [], remove: [], gone: [], events: [] }
  for (const { label, at } of labels.values()) {
    const former = known.get(label.id)
    if (former !== undefined && isSame(former, label)) continue
    plan.labels.push(label)
    if (label.deleted) plan.gone.push(label.id)
    // That one was deleted nobody ever heard of is no news.
    if (former !== undefined || !label.deleted) plan.events.push(editEvent(label, at))
  }
  const isGone = (labelId: string): boolean => plan.gone.includes(labelId)
  for (const [key, one] of carriedBefore) {
    const after = carried.get(key)
    // It goes with its label, in one step.
    if (isGone(one.labelId)) continue
    if (after === undefined) {
      plan.remove.push(one)
      plan.events.push(carriedEvent(takenOff.get(key) ?? { ...one, chatLid: null, at: now }, false))
    } else if (after.chat !== one.chat || after.named !== one.named) {
      if (after.chat !== one.chat) plan.remove.push(one)
      plan.put.push(toAssociation(after))
    }
  }
  for (const [key, one] of carried) {
    if (carriedBefore.has(key) || isGone(one.labelId)) continue
    plan.put.push(toAssociation(one))
    plan.events.push(carriedEvent(one, true))
  }
  return plan
}

const keyOf = ({ chat, labelId, messageId }: Pick<Association, 'chat' | 'labelId' | 'messageId'>): string =>
  JSON.stringify([chat, labelId, messageId])

const isSame = (one: Label, other: Label): boolean =>
  one.name === other.name &&
  one.color === other.color &&
  one.type === other.type &&
  one.predefined === other.predefined &&
  one.deleted === other.deleted

const toAssociation = ({ chat, labelId, messageId, named }: Carried): Association => ({ chat, labelId, messageId, named })

const editEvent = ({ id, name, color, deleted }: Label, at: number): Record<string, unknown> => ({
  type: 'edit',
  labelId: id,
  action: deleted ? 'deleted' : 'updated',
  name,
  color,
  deleted,
  timestamp: rfc3339(at),
})

const carriedEvent = ({ chat, chatLid, labelId, messageId, at }: Carried, labeled: boolean): Record<string, unknown> => ({
  type: messageId === '' ? 'chat' : 'message',
  labelId,
  action: labeled ? 'add' : 'remove',
  chatJid: chat,
  chatLid: chatLid ?? (chat.endsWith('@lid') ? chat : null),
  labeled,
  ...(messageId === '' ? {} : { messageId }),
  timestamp: rfc3339(at),
})
