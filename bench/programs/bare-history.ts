/**
 * A phone's history as Baileys itself reads it: every chunk loaded, inflated and decoded whole, the messages counted and dropped.
 *   bare-history <simulator> <owner> <messages>   ends with `{"seconds","cpuMs","memory"}` of the decoding; `memory`: MiB more than before, at most
 */
import { once } from 'node:events'
import process from 'node:process'
import { setTimeout as pause } from 'node:timers/promises'
import { createInflate } from 'node:zlib'
import { downloadContentFromMessage, processHistoryMessage, proto } from 'baileys'
import { type Notification, notificationIn } from '../../gateway/src/whatsapp/adapters/baileys/history/notification.ts'
import { directRoutes } from '../../gateway/src/whatsapp/adapters/baileys/proxy.ts'
import type { StoreBatch } from '../../gateway/src/whatsapp/engine.ts'
import { MemoryIdentityStore } from '../../gateway/src/whatsapp/memory/identities.ts'
import { MemorySessionStore } from '../../gateway/src/whatsapp/memory/session-store.ts'
import { bareEngine } from './bare-engine.ts'

const [simulator = '', owner = '', wanted = ''] = process.argv.slice(2)
const { network, guard, link } = await bareEngine(simulator)
const { RECENT } = proto.HistorySync.HistorySyncType

/** Keeps what the phone tells of its history, whatever the adapter makes of it. */
class Notified extends MemorySessionStore {
  readonly notifications: Notification[] = []

  override async commit(batch: StoreBatch): Promise<void> {
    for (const row of batch.history ?? []) this.notifications.push(notificationIn(row) ?? {})
    return super.commit(batch)
  }

  get complete(): boolean {
    return this.notifications.some(({ syncType, progress }) => syncType === RECENT && progress === 100)
  }
}

const contentOf = async ({ initialHistBootstrapInlinePayload: inline, mediaKey, directPath }: Notification) => {
  const inflate = createInflate()
  if (inline?.length) {
    inflate.end(inline)
  } else {
    const options = { dispatcher: routes.download } as RequestInit
    const host = new URL(network.mediaUrl).host
    const stream = await downloadContentFromMessage({ mediaKey: mediaKey ?? null, directPath: directPath ?? null }, 'md-msg-hist', {
      options,
      host,
    })
    stream.pipe(inflate)
  }
  const pieces: Buffer[] = []
  inflate.on('data', (piece: Buffer) => pieces.push(piece))
  await once(inflate, 'end')
  return proto.HistorySync.decode(Buffer.concat(pieces))
}

const routes = directRoutes({ mediaCa: network.mediaCa, guard })
const store = new Notified()
const session = await link(owner, { store, identities: new MemoryIdentityStore() })
while (!store.complete) await pause(20)
await session.stop()
const before = { time: performance.now(), cpu: process.cpuUsage(), resident: process.memoryUsage.rss() }
let messages = 0
for (const notification of store.notifications) messages += processHistoryMessage(await contentOf(notification)).messages.length
const seconds = (performance.now() - before.time) / 1000
if (messages < Number(wanted)) throw new Error(`only ${messages} messages`)
const { user, system } = process.cpuUsage(before.cpu)
const memory = process.resourceUsage().maxRSS / 1024 - before.resident / 1024 / 1024
process.stdout.write(`${JSON.stringify({ seconds, cpuMs: (user + system) / 1000, memory })}\n`, () => process.exit(0))
