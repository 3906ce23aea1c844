/**
 * Who hears of what stands in app state. Labels, chats and messages are told as events of the port; everything else goes the way the library
 * tells it (names of people, the own name), but only what stands there: a removed record is nobody's wish any more. Who is removed from the
 * address book has no name there any more.
 */
import { type BaileysEventMap, processSyncAction, type WASocket } from 'baileys'
import type { Logger } from '../../../../runtime/logging.ts'
import type { Address } from '../../../address.ts'
import type { ChatChange } from '../../../chat-changes.ts'
import type { PendingEvent } from '../../event-queue.ts'
import { addressFrom } from '../addresses.ts'
import { chatChangeOf, isAboutChats } from './chat-changes.ts'
import { LABELS, labelChangeOf } from './label-changes.ts'
import type { CollectionNews } from './reading.ts'
import type { Change } from './records.ts'

export interface TellingOptions {
  socket: Pick<WASocket, 'ev' | 'authState'>
  report(event: PendingEvent): void
  /** Resolves when everything reported so far has been taken. Rejects when nothing is taken any more. */
  taken(): Promise<void>
  /** Both forms of the address, as far as they are known. */
  completed(address: Address): Promise<Address>
  learn(pairs: { number: string; lid: string }[]): Promise<void>
  logger: Logger
}

/** What was done with chats, in one event. */
const AT_ONCE = 500

/** Resolves when all of it has been taken; false when labels or chats could not be stored. */
export const tellNews = async (news: readonly CollectionNews[], options: TellingOptions): Promise<boolean> => {
  let untaken = 0
  for (const { collection, version, whole, first, changes } of news) {
    const labels = collection === LABELS ? changes.flatMap((change) => labelChangeOf(change) ?? []) : []
    const others = changes.filter((change) => !isAboutChats(change) && !(collection === LABELS && change.index[0]?.startsWith('label_')))
    await tellOthers(others, whole, options)
    const chats = changes.flatMap((change) => (isAboutChats(change) ? (chatChangeOf(change) ?? []) : []))
    for (let start = 0; start < chats.length; start += AT_ONCE) {
      untaken += 1
      options.report(async () => {
        const completed: ChatChange[] = []
        for (const change of chats.slice(start, start + AT_ONCE)) completed.push(await withBothForms(change, options))
        const stored = (): void => {
          untaken -= 1
        }
        return { type: 'chat', changes: completed, stored }
      })
    }
    // A whole list of labels says something even when it is empty.
    if (collection !== LABELS || (labels.length === 0 && !whole)) continue
    untaken += 1
    options.report(async () => {
      const completed = []
      for (const change of labels) {
        completed.push(change.kind === 'edit' ? change : { ...change, chat: await options.completed(change.chat) })
      }
      const stored = (): void => {
        untaken -= 1
      }
      return { type: 'labels', news: { version, whole, first, changes: completed }, stored }
    })
  }
  await options.taken()
  return untaken === 0
}

/** What the library makes of app state, gathered so that a thousand names are one event. */
const tellOthers = async (changes: readonly Change[], whole: boolean, options: TellingOptions): Promise<void> => {
  const { socket, learn, logger } = options
  const { creds } = socket.authState
  let contacts: BaileysEventMap['contacts.upsert'] = []
  const unsaved = new Set<string>()
  const pairs: { number: string; lid: string }[] = []
  const others: (() => void)[] = []
  const gather = (event: keyof BaileysEventMap, data: unknown): boolean => {
    if (event === 'contacts.upsert') {
      const saved = data as BaileysEventMap['contacts.upsert']
      contacts.push(...saved)
      for (const { id } of saved) unsaved.delete(id)
    } else if (event === 'lid-mapping.update') {
      const { lid, pn } = data as BaileysEventMap['lid-mapping.update']
      pairs.push({ lid: userOf(lid), number: userOf(pn) })
    } else others.push(() => socket.ev.emit(event, data as never))
    return true
  }
  const start = whole ? { accountSettings: creds.accountSettings } : undefined
  for (const { operation, index, value } of changes) {
    if (operation === 'remove') {
      const [kind, named = ''] = index
      if (kind !== 'contact') continue
      contacts = contacts.filter(({ id }) => id !== named)
      unsaved.add(named)
      continue
    }
    try {
      processSyncAction({ syncAction: { value }, index: [...index] as never }, { ...socket.ev, emit: gather }, creds.me as never, start)
    } catch (error) {
      logger.debug({ kind: index[0], error: String(error) }, 'a setting says something the library does not understand')
    }
  }
  if (pairs.length > 0) await learn(pairs)
  for (const tell of others) tell()
  if (contacts.length > 0) socket.ev.emit('contacts.upsert', contacts)
  for (const named of unsaved) {
    const address = addressFrom(named)
    if (address.jid === null && address.lid === null) continue
    options.report(async () => ({ type: 'contact', address: await options.completed(address), pushName: null, savedName: '' }))
  }
}

const withBothForms = async (change: ChatChange, { completed }: TellingOptions): Promise<ChatChange> => {
  switch (change.kind) {
    case 'favorites': {
      const chats: Address[] = []
      for (const chat of change.chats) chats.push(await completed(chat))
      return { ...change, chats }
    }
    case 'star':
    case 'delete-for-me':
      return { ...change, message: { ...change.message, chat: await completed(change.message.chat) } }
    case 'block':
    case 'blocklist':
      return change
    default:
      return { ...change, chat: await completed(change.chat) }
  }
}

const userOf = (jid: string): string => jid.slice(0, jid.indexOf('@'))
