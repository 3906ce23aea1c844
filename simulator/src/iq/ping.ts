/** `w:p`: signs of life. */
import type { IqHandler } from './iq-handler.ts'

export const ping: IqHandler = { xmlns: 'w:p', answer: () => undefined }
