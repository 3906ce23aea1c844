/**
 * A file on its way from a caller to WhatsApp's media host: long body, fetch, upload, keeping it; in a process of its own, so that its memory
 * is theirs. Prints a JSON line per way.
 *   <simulator> <number> <address of the file> <address of a JSON body with the file in base64>
 */
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { setTimeout as pause } from 'node:timers/promises'
import { takeOutLongStrings } from '../../gateway/src/http/long-strings.ts'
import { createSpool } from '../../gateway/src/http/spool.ts'
import { createMedia } from '../../gateway/src/media/create-media.ts'
import type { MediaSource } from '../../gateway/src/media/media.ts'
import { createAddressGuard } from '../../gateway/src/outbound/address-guard.ts'
import { createOutbound } from '../../gateway/src/outbound/outbound.ts'
import { systemClock } from '../../gateway/src/runtime/clock.ts'
import { createLogger } from '../../gateway/src/runtime/logging.ts'
import { openDatabase } from '../../gateway/src/storage/open.ts'
import { openVault } from '../../gateway/src/storage/vault.ts'
import { createBaileysEngine, parseNetwork } from '../../gateway/src/whatsapp/adapters/baileys/engine.ts'
import { MemoryIdentityStore } from '../../gateway/src/whatsapp/memory/identities.ts'
import { MemorySessionStore } from '../../gateway/src/whatsapp/memory/session-store.ts'
import { residentOf } from '../processes.ts'

const [simulator = '', number = '', fileUrl = '', jsonUrl = ''] = process.argv.slice(2)
const logger = createLogger('silent')
const guard = createAddressGuard({ allow: ['127.0.0.1'], logger })
const engine = createBaileysEngine({
  network: parseNetwork(await (await fetch(`${simulator}/network`)).json()),
  guard,
  historyFolder: tmpdir(),
})
const opened = Promise.withResolvers<void>()
const session = engine.open({
  instanceId: 'bench',
  store: new MemorySessionStore(),
  identities: new MemoryIdentityStore(),
  proxy: null,
  historyDays: null,
  keepOnline: false,
  storedMessage: async () => null,
  logger,
  async onEvent(event) {
    if (event.type === 'open') opened.resolve()
    if (event.type !== 'qr') return
    const body = JSON.stringify({ qr: event.text })
    await fetch(`${simulator}/phones/${number}/scan`, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
  },
})
session.start()
await opened.promise

const dataDir = await mkdtemp(join(tmpdir(), 'ryzeapi-bench-'))
const db = await openDatabase({ dataDir, logger })
const outbound = createOutbound({ allow: ['127.0.0.1'], logger })
const media = createMedia({
  db,
  vault: await openVault({ db, dataDir }),
  clock: systemClock,
  logger,
  outbound,
  settings: {
    dataDir,
    mediaLimitMib: 200,
    mediaRetentionDays: 1,
    mediaConcurrency: 4,
    conversionConcurrency: 2,
    conversionSeconds: 60,
    ffmpegPath: 'ffmpeg',
    programFolders: [],
  },
  sessionOf: () => session,
  bucketOf: async () => null,
  instanceName: () => 'bench',
})
await media.start()
const spool = createSpool(dataDir)
await spool.open()

const send = async (source: MediaSource): Promise<number> => {
  const attached = await media.attach(source, { as: 'document' }, { instanceId: 'bench', session })
  await media.keep('bench', attached)
  return attached.size
}

const fromJson = async (url: string): Promise<number> => {
  const { body } = await fetch(url)
  if (body === null) throw new Error('no body')
  const limits = { string: 64 * 1024, heldString: 512 * 1024, held: 1024 * 1024, total: 400 * 1024 * 1024 }
  const { values } = await takeOutLongStrings(body, spool, limits, randomUUID)
  const [base64] = values.values()
  if (base64 === undefined) throw new Error('nothing was long')
  try {
    return await send({ base64 })
  } finally {
    await base64.discard()
  }
}

const ways: Record<string, (size: number) => Promise<number>> = {
  url: (size) => send({ url: `${fileUrl}?size=${size}` }),
  base64: (size) => fromJson(`${jsonUrl}?size=${size}`),
}

for (const [way, run] of Object.entries(ways)) {
  // What V8 holds before it collects is there with any traffic; what a large file takes on top is the question.
  for (let time = 0; time < 3; time++) await run(8 * 1024 * 1024)
  await pause(500)
  const before = residentOf(process.pid)
  let most = before
  const watching = setInterval(() => {
    most = Math.max(most, residentOf(process.pid))
  }, 5)
  const began = performance.now()
  const size = await run(100 * 1024 * 1024)
  const seconds = (performance.now() - began) / 1000
  clearInterval(watching)
  process.stdout.write(`${JSON.stringify({ way, before, most, seconds, size })}\n`)
}

await media.stop()
await session.stop()
await outbound.close()
await db.close()
await rm(dataDir, { recursive: true })
process.exit(0)
