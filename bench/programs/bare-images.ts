/**
 * Pictures through the engine adapter without the gateway, its store in memory: encrypted, uploaded and sent with the preview that Baileys
 * makes, without which a phone shows a grey field; nothing else. In a process of its own; ends with one JSON line.
 *   <simulator> <owner> <numbers> <file> <messages> <in flight> <warm-up>
 */
import { copyFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import process from 'node:process'
import { extractImageThumb } from 'baileys'
import { createAddressGuard } from '../../gateway/src/outbound/address-guard.ts'
import { createLogger } from '../../gateway/src/runtime/logging.ts'
import { createBaileysEngine, parseNetwork } from '../../gateway/src/whatsapp/adapters/baileys/engine.ts'
import { MemoryIdentityStore } from '../../gateway/src/whatsapp/memory/identities.ts'
import { MemorySessionStore } from '../../gateway/src/whatsapp/memory/session-store.ts'

const [simulator = '', owner = '', list = '', path = '', messages = '0', inFlight = '1', warmUp = '0'] = process.argv.slice(2)
const numbers = list.split(',')
const logger = createLogger('silent')
const guard = createAddressGuard({ allow: ['127.0.0.1'], logger })
const engine = createBaileysEngine({
  network: parseNetwork(await (await fetch(`${simulator}/network`)).json()),
  guard,
  historyFolder: tmpdir(),
})

const opened = Promise.withResolvers<void>()
const session = engine.open({
  instanceId: owner,
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
    await fetch(`${simulator}/phones/${owner}/scan`, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
  },
})
session.start()
await opened.promise

/** The encrypted copy lies beside the file, so each of those in flight has one of its own. */
const files = Array.from({ length: Number(inFlight) }, (_, n) => `${path}.${n}`)
for (const file of files) await copyFile(path, file)

let sent = 0
const picture = async (file: string): Promise<void> => {
  const n = sent++
  const [upload, { buffer, original }] = await Promise.all([session.uploadMedia({ path: file, kind: 'image' }), extractImageThumb(file)])
  await session.send(
    { jid: `${numbers[n % numbers.length]}@s.whatsapp.net`, lid: null },
    { imageMessage: { ...upload, mimetype: 'image/jpeg', jpegThumbnail: buffer, ...known(original) } },
    { id: `3EB0${n.toString(16).toUpperCase().padStart(16, '0')}` },
  )
}

const known = ({ width, height }: { width?: number; height?: number }) => ({ width: width ?? null, height: height ?? null })

const pictures = async (amount: number): Promise<void> => {
  let left = amount
  const worker = async (file: string) => {
    while (left-- > 0) await picture(file)
  }
  await Promise.all(files.map(worker))
}

await pictures(numbers.length)
await pictures(Number(warmUp))
const began = performance.now()
await pictures(Number(messages))
const perSecond = Number(messages) / ((performance.now() - began) / 1000)
await session.stop()
process.stdout.write(`${JSON.stringify({ perSecond })}\n`, () => process.exit(0))
