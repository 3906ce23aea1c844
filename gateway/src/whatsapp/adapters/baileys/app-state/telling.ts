/**
 * Who hears of what stands in app state. Labels are told as events of the port; everything else goes the way the library tells it (names of
 * people, archived, pinned and muted chats, the own name), but only what stands there: a removed record is nobody's wish any more.
 */
import { type BaileysEventMap, processSyncAction, type WASocket } from 'baileys'
import type { Logger } from '../../../../runtime/logging.ts'
import type { EngineEvent } from '../../../engine.ts'
import type { PendingEvent } from '../../event-queue.ts'
import { LABELS, labelChangeOf } from './label-changes.ts'
import type { CollectionNews } from './reading.ts'
import type { Change } from './records.ts'

export interface TellingOptions {
  socket: Pick<WASocket, 'ev' | 'authState'>
  report(event: PendingEvent): void
  /** Resolves when everything reported so far has been taken. Rejects when nothing is taken any more. */
  taken(): Promise<void>
  /** Both forms of the address, as far as they are known. */
  completed(address: LabelAddress): Promise<LabelAddress>
  learn(pairs: { number: string; lid: string }[]): Promise<void>
  logger: Logger
}

type LabelsEvent = EngineEvent & { type: 'labels' }
type LabelAddress = (LabelsEvent['news']['changes'][number] & { kind: 'chat' })['chat']

/** Resolves when all of it has been taken; false when labels could not be stored. */
export const tellNews = async (news: readonly CollectionNews[], options: TellingOptions): Promise<boolean> => {
  let untaken = 0
  for (const { collection, version, whole, first, changes } of news) {
    const labels = collection === LABELS ? changes.flatMap((change) => labelChangeOf(change) ?? []) : []
    const others = collection === LABELS ? changes.filter(({ index }) => !index[0]?.startsWith('label_')) : changes
    await tellOthers(others, whole, options)
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
const tellOthers = async (changes: readonly Change[], whole: boolean, { socket, learn, logger }: TellingOptions): Promise<void> => {
  const { creds } = socket.authState
  const contacts: BaileysEventMap['contacts.upsert'] = []
  const chats: BaileysEventMap['chats.update'] = []
  const pairs: { number: string; lid: string }[] = []
  const others: (() => void)[] = []
  const gather = (event: keyof BaileysEventMap, data: unknown): boolean => {
    if (event === 'contacts.upsert') contacts.push(...(data as BaileysEventMap['contacts.upsert']))
    else if (event === 'chats.update') {
      // A condition is for a library that holds all chats in memory.
      for (const { conditional: _, ...chat } of data as BaileysEventMap['chats.update']) chats.push(chat)
    } else if (event === 'lid-mapping.update') {
      const { lid, pn } = data as BaileysEventMap['lid-mapping.update']
      pairs.push({ lid: userOf(lid), number: userOf(pn) })
    } else others.push(() => socket.ev.emit(event, data as never))
    return true
  }
  // From the beginning, deleted chats are long gone, and chats marked as read are nothing new.
  const start = whole ? { accountSettings: creds.accountSettings } : undefined
  for (const { operation, index, value } of changes) {
    if (operation === 'remove') continue
    try {
      processSyncAction({ syncAction: { value }, index: [...index] as never }, { ...socket.ev, emit: gather }, creds.me as never, start)
    } catch (error) {
      logger.debug({ kind: index[0], error: String(error) }, 'a setting says something the library does not understand')
    }
  }
  if (pairs.length > 0) await learn(pairs)
  for (const tell of others) tell()
  if (contacts.length > 0) socket.ev.emit('contacts.upsert', contacts)
  if (chats.length > 0) socket.ev.emit('chats.update', chats)
}

const userOf = (jid: string): string => jid.slice(0, jid.indexOf('@'))
