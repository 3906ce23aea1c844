/** The inline Chatwoot block of creation: checked and stored for the integration, which is not part of this version, and says so. */
import { z } from 'zod'
import { errors } from '../http/errors.ts'
import { rfc3339 } from '../runtime/clock.ts'
import { instanceErrors } from './instance-errors.ts'

export const storedChatwoot = z.object({
  baseUrl: z.string(),
  accountId: z.number(),
  apiToken: z.string(),
  inboxName: z.string(),
  signMessages: z.boolean(),
  ignoreGroups: z.boolean(),
  startAsPending: z.boolean(),
  reopenResolved: z.boolean(),
  /** Milliseconds. */
  createdAt: z.number(),
})
export type ChatwootConfiguration = z.infer<typeof storedChatwoot>

/** The summary in the list, and in the answer to a creation. */
export const chatwootSummary = z.object({ enabled: z.boolean(), status: z.string(), error: z.string().nullable() })

/** In the shape of `GET /api/chatwoot/list/:instance` (generation A), with the summary's keys. */
export const chatwootAnswer = chatwootSummary.extend({
  instance_name: z.string().optional(),
  bridge_integration_id: z.string().optional(),
  chatwoot_base_url: z.string().optional(),
  chatwoot_account_id: z.number().optional(),
  chatwoot_api_token: z.string().optional(),
  chatwoot_inbox_id: z.number().optional(),
  chatwoot_inbox_name: z.string().optional(),
  last_error: z.string().optional(),
  created_at: z.string().optional(),
  sign_messages: z.boolean().optional(),
  ignore_groups: z.boolean().optional(),
  start_as_pending: z.boolean().optional(),
  reopen_resolved: z.boolean().optional(),
})

export interface ChatwootInput {
  enabled: boolean
  baseUrl?: string | null
  accountId?: number | null
  apiToken?: string | null
  inboxName?: string | null
  signMessages?: boolean | null
  ignoreGroups?: boolean | null
  startAsPending?: boolean | null
  reopenResolved?: boolean | null
}

/** Null: none wanted. Throws 400 for one that cannot work. */
export const readChatwoot = (input: ChatwootInput, now: number): ChatwootConfiguration | null => {
  if (!input.enabled) return null
  const baseUrl = input.baseUrl?.trim().replace(/\/+$/, '') ?? ''
  const inboxName = input.inboxName?.trim() ?? ''
  const apiToken = input.apiToken?.trim() ?? ''
  const accountId = input.accountId ?? 0
  if (!URL.canParse(baseUrl) || accountId < 1 || apiToken === '' || inboxName === '') throw instanceErrors.chatwootIncomplete()
  return {
    baseUrl,
    accountId,
    apiToken,
    inboxName,
    signMessages: input.signMessages ?? false,
    ignoreGroups: input.ignoreGroups ?? false,
    startAsPending: input.startAsPending ?? false,
    reopenResolved: input.reopenResolved ?? false,
    createdAt: now,
  }
}

const notRunning = errors.notBuilt('Chatwoot').message

export const summarizeChatwoot = (configuration: ChatwootConfiguration | null): z.infer<typeof chatwootSummary> =>
  configuration === null ? { enabled: false, status: 'disabled', error: null } : { enabled: true, status: 'error', error: notRunning }

export const showChatwoot = (instanceName: string, configuration: ChatwootConfiguration | null): z.infer<typeof chatwootAnswer> =>
  configuration === null
    ? summarizeChatwoot(null)
    : {
        ...summarizeChatwoot(configuration),
        instance_name: instanceName,
        bridge_integration_id: '',
        chatwoot_base_url: configuration.baseUrl,
        chatwoot_account_id: configuration.accountId,
        chatwoot_api_token: configuration.apiToken,
        chatwoot_inbox_id: 0,
        chatwoot_inbox_name: configuration.inboxName,
        last_error: notRunning,
        created_at: rfc3339(configuration.createdAt),
        sign_messages: configuration.signMessages,
        ignore_groups: configuration.ignoreGroups,
        start_as_pending: configuration.startAsPending,
        reopen_resolved: configuration.reopenResolved,
      }
