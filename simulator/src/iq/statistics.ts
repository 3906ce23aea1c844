/** `w:stats`: telemetry, taken and forgotten. */
import type { IqHandler } from './iq-handler.ts'

export const statistics: IqHandler = { xmlns: 'w:stats', answer: () => undefined }
