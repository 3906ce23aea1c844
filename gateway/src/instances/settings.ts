/** Reading and changing the seven settings (core.md §3.7, §3.8). */
import { z } from 'zod'
import { errors, orElse } from '../http/errors.ts'
import { instanceOperation, type Operation } from '../http/operation.ts'
import type { Logger } from '../runtime/logging.ts'
import type { Database } from '../storage/database.ts'
import type { ConfigurationRepository } from './configuration-repository.ts'
import { declared, instanceErrors, texts } from './instance-errors.ts'
import { inOrder, type LiveInstance, type Registry } from './registry.ts'
import { type InstanceSettings, instanceSettings, readChange, type SettingsChange, settingsChange } from './settings-values.ts'

interface Collaborators {
  db: Database
  configurations: ConfigurationRepository
  registry: Registry
  logger: Logger
}

export const settingsOperations = ({ db, configurations, registry, logger }: Collaborators): Operation[] => {
  const change = (instance: LiveInstance, change: SettingsChange): Promise<InstanceSettings> =>
    inOrder(instance, async () => {
      if (instance.state === 'deleting') throw errors.instanceNotFound()
      const before = instance.settings
      const after = { ...before, ...change }
      await db.write((tx) => configurations.save(tx, instance.id, 'settings', after))
      instance.settings = after
      if (after.keepOnlineStatus !== before.keepOnlineStatus) showPresence(instance, logger)
      return after
    })

  const route = { token: 'any', rateLimit: 'global', tag: 'Instances' } as const
  const answers = { 200: z.object({ success: z.literal(true), message: z.string(), settings: instanceSettings }) }
  return [
    instanceOperation({
      ...route,
      id: 'instance.settings',
      method: 'POST',
      once: false,
      path: '/api/instance/settings/:instance',
      summary: 'Change settings of an instance',
      description: 'Send only what changes. Takes effect at once; `disableHistorySync` matters at the first connect.',
      body: settingsChange.refine((body) => readChange(body) !== null, texts.noSetting),
      answers,
      errors: [{ status: 400, message: texts.noSetting }, declared(instanceErrors.settingsNotSaved())],
      handle: async ({ scope, body }) => {
        const instance = registry.byId(scope.instance.id)
        if (instance === null) throw errors.instanceNotFound()
        const settings = await orElse(change(instance, readChange(body) ?? {}), instanceErrors.settingsNotSaved)
        return { status: 200, body: { success: true, message: 'Settings updated successfully', settings } }
      },
    }),
    instanceOperation({
      ...route,
      id: 'instance.getSettings',
      method: 'GET',
      path: '/api/instance/getSettings/:instance',
      summary: 'Read the settings of an instance',
      answers,
      errors: [{ status: 500, message: 'Failed to get settings configuration' }],
      handle: async ({ scope }) => {
        const instance = registry.byId(scope.instance.id)
        if (instance === null) throw errors.instanceNotFound()
        return { status: 200, body: { success: true, message: 'Settings retrieved successfully', settings: instance.settings } }
      },
    }),
  ]
}

/** Tells WhatsApp now; a later session is told when it opens. */
const showPresence = (instance: LiveInstance, logger: Logger) => {
  if (instance.state !== 'connected') return
  instance.attempt?.session
    .setPresence(instance.settings.keepOnlineStatus ? 'available' : 'unavailable')
    .catch((error: unknown) => logger.warn({ instance: instance.id, err: error }, 'Presence could not be changed'))
}
