/**
 * Which WhatsApp to talk to. Without a description it is the real one; with one (the simulator's `GET /network`) its root key replaces
 * WhatsApp's. Baileys keeps that key process-wide, so one process never does both.
 */
import { WA_CERT_DETAILS } from 'baileys'
import { z } from 'zod'

const networkSchema = z.object({
  whatsappUrl: z.url({ protocol: /^wss?$/ }),
  rootKey: z.base64().refine((text) => Buffer.from(text, 'base64').length === 32, 'must be 32 bytes in base64'),
  mediaUrl: z.url({ protocol: /^https$/ }),
  mediaCa: z.string().min(1),
})

/** As the simulator describes itself. */
export type WhatsAppNetwork = z.infer<typeof networkSchema>

/** Throws a ZodError when the answer of `GET /network` is no network. */
export const parseNetwork = (answer: unknown): WhatsAppNetwork => networkSchema.parse(answer)

const realRoot = Buffer.from(WA_CERT_DETAILS.PUBLIC_KEY)
let trusted: Buffer | null = null

/** Makes the process trust this network's root, null: WhatsApp's. Throws when another one was chosen before. */
export const trustNetwork = (network: WhatsAppNetwork | null): void => {
  const root = network === null ? realRoot : Buffer.from(network.rootKey, 'base64')
  if (trusted !== null && !trusted.equals(root)) throw new Error('this process already trusts another WhatsApp network')
  trusted = root
  WA_CERT_DETAILS.PUBLIC_KEY = root
}
