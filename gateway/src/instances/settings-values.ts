/** The seven settings of an instance (core.md §3.7) and their defaults. */
import { z } from 'zod'

export const instanceSettings = z.object({
  autoRejectCalls: z
    .boolean()
    .describe('Reject incoming calls')
    .meta({ examples: [true] }),
  callRejectMessage: z
    .string()
    .max(65_536)
    .describe('Text sent to a caller who was rejected; empty: none')
    .meta({ examples: ['No calls, please write'] }),
  ignoreGroupMessages: z
    .boolean()
    .describe('Do not record group messages')
    .meta({ examples: [false] }),
  keepOnlineStatus: z
    .boolean()
    .describe('Appear online; takes effect at once')
    .meta({ examples: [false] }),
  autoReadMessages: z
    .boolean()
    .describe('Mark incoming messages as read')
    .meta({ examples: [false] }),
  disableHistorySync: z
    .boolean()
    .describe('Do not ask for old messages at the first connect')
    .meta({ examples: [true] }),
  ignoreStatus: z
    .boolean()
    .describe('Do not record status updates (stories)')
    .meta({ examples: [false] }),
})

export type InstanceSettings = Readonly<z.infer<typeof instanceSettings>>

/** Shared by all instances that never changed anything. */
export const defaultSettings: InstanceSettings = Object.freeze({
  autoRejectCalls: false,
  callRejectMessage: '',
  ignoreGroupMessages: false,
  keepOnlineStatus: false,
  autoReadMessages: false,
  disableHistorySync: true,
  ignoreStatus: false,
})

/** What may be sent: any of them, at least one. */
export const settingsChange = instanceSettings.partial()
export type SettingsChange = z.infer<typeof settingsChange>

/** The settings that are in `input` with a value, whatever else is; null when there is none. */
export const readChange = (input: SettingsChange): SettingsChange | null => {
  const given = Object.entries(input).filter(([name, value]) => name in instanceSettings.shape && value !== undefined)
  return given.length === 0 ? null : Object.fromEntries(given)
}
