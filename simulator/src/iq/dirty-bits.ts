/** `urn:xmpp:whatsapp:dirty`: a client has re-read what the server had marked as changed. */
import type { IqHandler } from './iq-handler.ts'

export const dirtyBits: IqHandler = { xmlns: 'urn:xmpp:whatsapp:dirty', answer: () => undefined }
