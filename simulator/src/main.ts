/** Command line of the simulator: starts the network, says where it is, ends it on a signal. */
import { parseArgs } from 'node:util'
import { z } from 'zod'
import { startNetwork } from './network.ts'
import { createPhone } from './phone/phone.ts'

const USAGE = 'usage: simulator [--port <0-65535>] [--seed <text>] [--quiet]'

const settings = z.object({ port: z.coerce.number().int().min(0).max(65_535), seed: z.string().optional(), quiet: z.boolean() })

function readSettings(): z.infer<typeof settings> {
  try {
    const { values } = parseArgs({
      options: {
        port: { type: 'string', default: '8790' },
        seed: { type: 'string' },
        /** No word on stderr. */
        quiet: { type: 'boolean', default: false },
      },
    })
    return settings.parse(values)
  } catch (error) {
    process.stderr.write(`${error instanceof z.ZodError ? z.prettifyError(error) : String(error)}\n${USAGE}\n`)
    process.exit(2)
  }
}

const { port, seed, quiet } = readSettings()
const note = (words: string) => {
  if (!quiet) process.stderr.write(`${words}\n`)
}
const network = await startNetwork({ port, seed, createPhone, trouble: note }).catch((error: unknown) => {
  process.stderr.write(`the simulator cannot start: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exit(1)
})
process.stdout.write(`${JSON.stringify({ ready: true, ...network.info })}\n`)
if (!quiet)
  process.stderr.write(`WhatsApp simulator at ${network.info.api}. Point the gateway at it with WHATSAPP_NETWORK=${network.info.api}\n`)

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.once(signal, () => {
    network.close().then(
      () => process.exit(0),
      () => process.exit(1),
    )
  })
}
