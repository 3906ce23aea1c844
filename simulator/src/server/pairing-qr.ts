/** The text inside a pairing QR (engine.md §3): `[https://wa.me/settings/linked_devices#]ref,noise,identity,adv secret[,platform]`. */
import { z } from 'zod'

export interface PairingQr {
  ref: string
  /** Noise static, identity and ADV secret: 32 bytes each. */
  noiseKey: Buffer
  identity: Buffer
  advSecret: Buffer
}

const key = z
  .string()
  .transform((text) => Buffer.from(text, 'base64'))
  .refine((bytes) => bytes.length === 32)

const fields = z.tuple([z.string().min(1), key, key, key]).rest(z.string())

/** Undefined when the text is not a pairing QR. */
export function parsePairingQr(text: string): PairingQr | undefined {
  const parsed = fields.safeParse(text.slice(text.indexOf('#') + 1).split(','))
  if (!parsed.success) return undefined
  const [ref, noiseKey, identity, advSecret] = parsed.data
  return { ref, noiseKey, identity, advSecret }
}
