/** Administration of accounts (decisions §7). Without ADMIN_TOKEN these routes do not exist. */
import { z } from 'zod'
import { type Operation, openOperation, requiredString } from '../http/operation.ts'
import { rfc3339 } from '../runtime/clock.ts'
import type { Account } from './account.ts'
import { type Accounts, accountErrors } from './accounts.ts'

export const accountOperations = (accounts: Accounts): Operation[] => {
  const route = { token: 'admin', rateLimit: 'none', tag: 'Accounts (administration)' } as const
  const notFound = { status: 404, message: 'Account not found' }
  return [
    openOperation({
      ...route,
      id: 'account.create',
      method: 'POST',
      once: false,
      path: '/admin/accounts',
      summary: 'Create an account',
      description: 'Answers with its TokenAccount, which is shown this once.',
      body: z.object({ name: accountName, ...accountLimits }),
      answers: { 201: z.object({ success: z.literal(true), message: z.string(), account: accountAnswer, token: z.string() }) },
      errors: [{ status: 409, message: 'Account name already exists' }],
      handle: async ({ body }) => {
        const { account, token } = await accounts.create(body)
        return { status: 201, body: { success: true, message: 'Account created', account: shown(account), token } }
      },
    }),
    openOperation({
      ...route,
      id: 'account.list',
      method: 'GET',
      path: '/admin/accounts',
      summary: 'List accounts',
      description: 'By age. A next page begins after the account `after`.',
      query: z.object({ after: z.string().max(64).optional(), limit: z.coerce.number().int().min(1).max(500).default(100) }),
      answers: {
        200: z.object({
          success: z.literal(true),
          message: z.string(),
          accounts: z.array(accountAnswer),
          meta: z.object({ total: z.number() }),
        }),
      },
      errors: [],
      handle: async ({ query }) => {
        const page = await accounts.list(query)
        const message = page.total === 1 ? '1 Account found' : `${page.total} Accounts found`
        return { status: 200, body: { success: true, message, accounts: page.accounts.map(shown), meta: { total: page.total } } }
      },
    }),
    openOperation({
      ...route,
      id: 'account.read',
      method: 'GET',
      path: '/admin/accounts/:account',
      summary: 'Read one account',
      answers: { 200: one },
      errors: [notFound],
      handle: async ({ params }) => {
        const account = await accounts.byId(idIn(params))
        if (account === null) throw accountErrors.notFound()
        return { status: 200, body: { success: true, message: 'Account retrieved', account: shown(account) } }
      },
    }),
    openOperation({
      ...route,
      id: 'account.change',
      method: 'PATCH',
      path: '/admin/accounts/:account',
      summary: 'Change quota, limits, origins; suspend or resume',
      description:
        'Fields that are left out stay as they are. A suspended account keeps its instances connected, but is answered 403 on every route.',
      body: z
        .object({ ...accountLimits, suspended: z.boolean().optional() })
        .refine((body) => Object.values(body).some((value) => value !== undefined), 'At least one field must be provided'),
      answers: { 200: one },
      errors: [notFound, { status: 400, message: 'At least one field must be provided' }],
      handle: async ({ params, body }) => {
        const account = await accounts.change(idIn(params), body)
        return { status: 200, body: { success: true, message: 'Account updated', account: shown(account) } }
      },
    }),
    openOperation({
      ...route,
      id: 'account.rotateToken',
      method: 'POST',
      once: false,
      path: '/admin/accounts/:account/token',
      summary: 'Replace the TokenAccount',
      description: 'The old token is dead when this answers. The new one is shown this once.',
      answers: { 200: z.object({ success: z.literal(true), message: z.string(), account: accountAnswer, token: z.string() }) },
      errors: [notFound],
      handle: async ({ params }) => {
        const { account, token } = await accounts.rotateToken(idIn(params))
        return { status: 200, body: { success: true, message: 'Account token rotated', account: shown(account), token } }
      },
    }),
    openOperation({
      ...route,
      id: 'account.delete',
      method: 'DELETE',
      path: '/admin/accounts/:account',
      summary: 'Delete an account with all its instances',
      description: 'Every instance is logged out of WhatsApp and deleted as its owner would; the answer comes when all is gone.',
      answers: { 200: z.object({ success: z.literal(true), message: z.string() }) },
      errors: [notFound],
      handle: async ({ params }) => {
        await accounts.delete(idIn(params))
        return { status: 200, body: { success: true, message: 'Account deleted' } }
      },
    }),
  ]
}

/** `*`, or an origin as browsers send it: scheme, host and port, nothing after. */
const origin = z.string().refine((text) => text === '*' || URL.parse(text)?.origin === text, {
  error: 'allowedOrigins must hold origins such as https://app.example.com, or *',
})

export const accountLimits = {
  instanceQuota: z.int().min(0).max(1_000_000).nullable().optional(),
  requestsPerMinute: z.int().min(1).max(1_000_000).optional(),
  createsPerMinute: z.int().min(1).max(1_000_000).optional(),
  allowedOrigins: z.array(origin).max(50).optional(),
}

export const accountName = requiredString('Account name is required')
  .max(100)
  .regex(/^\P{Cc}*$/u)

const accountAnswer = z.object({
  id: z.string(),
  name: z.string(),
  instanceQuota: z.number().nullable(),
  requestsPerMinute: z.number(),
  createsPerMinute: z.number(),
  allowedOrigins: z.array(z.string()),
  suspended: z.boolean(),
  createdAt: z.string(),
})

const one = z.object({ success: z.literal(true), message: z.string(), account: accountAnswer })

const shown = (account: Account) => ({ ...account, createdAt: rfc3339(account.createdAt) })

const idIn = (params: Readonly<Record<string, string>>): string => params.account ?? ''
