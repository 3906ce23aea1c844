/** Which WhatsApp to talk to, when it is not the real one: as the simulator describes itself (`GET /network`). */
import { z } from 'zod'

const networkSchema = z.object({
  whatsappUrl: z.url({ protocol: /^wss?$/ }),
  rootKey: z.base64().refine((text) => Buffer.from(text, 'base64').length === 32, 'must be 32 bytes in base64'),
  mediaUrl: z.url({ protocol: /^https$/ }),
  mediaCa: z.string().min(1),
})

export type WhatsAppNetwork = z.infer<typeof networkSchema>

/** Throws a ZodError when the answer of `GET /network` is no network. */
export const parseNetwork = (answer: unknown): WhatsAppNetwork => networkSchema.parse(answer)
