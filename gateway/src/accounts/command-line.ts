/**
 * `npm start -- accounts …`: administration without the network, while the gateway is stopped. A running gateway holds its data; there,
 * `/admin/accounts` does the same.
 */
import { parseArgs } from 'node:util'
import { z } from 'zod'
import type { Account } from './account.ts'
import { type Accounts, accountErrors } from './accounts.ts'
import { accountLimits, accountName } from './operations.ts'

export const accountsUsage = `Usage: npm start -- accounts <command>
  list
  create  <name> [options]   prints the TokenAccount, this once
  change  <name> [options]
  suspend <name>
  resume  <name>
  rotate  <name>             replaces the TokenAccount, prints the new one
  delete  <name>             deletes all its instances, too
Options: --quota <instances|none> --requests <per minute> --creates <per minute> --origins <origin,origin|*|none>`

/** Wrong arguments; the message is for the person who typed them. */
export class UsageError extends Error {}

/** Runs one command and gives the lines to print. Throws {@link UsageError} or an ApiError. */
export const runAccountsCommand = async (accounts: Accounts, args: readonly string[]): Promise<string[]> => {
  const { command, name, limits } = read(args)
  switch (command) {
    case 'list':
      return list(accounts)
    case 'create': {
      const created = await accounts.create({ name: parsed(accountName, name), ...limits })
      return [line(created.account), `TokenAccount, shown this once: ${created.token}`]
    }
    case 'change':
      if (Object.keys(limits).length === 0) throw new UsageError(`Nothing to change\n${accountsUsage}`)
      return [line(await accounts.change(await idOf(accounts, name), limits))]
    case 'suspend':
    case 'resume':
      return [line(await accounts.change(await idOf(accounts, name), { suspended: command === 'suspend' }))]
    case 'rotate': {
      const rotated = await accounts.rotateToken(await idOf(accounts, name))
      return [line(rotated.account), `TokenAccount, shown this once: ${rotated.token}`]
    }
    case 'delete':
      await accounts.delete(await idOf(accounts, name))
      return [`${name} deleted`]
    default:
      throw new UsageError(accountsUsage)
  }
}

const options = {
  quota: { type: 'string' },
  requests: { type: 'string' },
  creates: { type: 'string' },
  origins: { type: 'string' },
} as const

const read = (args: readonly string[]) => {
  let typed: ReturnType<typeof parseArgs<{ options: typeof options; allowPositionals: true; args: string[] }>>
  try {
    typed = parseArgs({ args: [...args], options, allowPositionals: true })
  } catch (error) {
    throw new UsageError(`${error instanceof Error ? error.message : String(error)}\n${accountsUsage}`)
  }
  const { quota, requests, creates, origins } = typed.values
  const [command, name] = typed.positionals
  const limits = {
    ...(quota !== undefined && { instanceQuota: quota === 'none' ? null : Number(quota) }),
    ...(requests !== undefined && { requestsPerMinute: Number(requests) }),
    ...(creates !== undefined && { createsPerMinute: Number(creates) }),
    ...(origins !== undefined && { allowedOrigins: origins === 'none' ? [] : origins.split(',') }),
  }
  return { command, name, limits: parsed(z.object(accountLimits), limits) }
}

const parsed = <T>(schema: z.ZodType<T>, value: unknown): T => {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const [issue] = result.error.issues
  throw new UsageError(`${issue?.path.join('.') ?? ''} ${issue?.message ?? 'wrong'}`.trim())
}

const idOf = async (accounts: Accounts, name: string | undefined): Promise<string> => {
  if (name === undefined) throw new UsageError(accountsUsage)
  const account = await accounts.byName(name)
  if (account === null) throw accountErrors.notFound()
  return account.id
}

const list = async (accounts: Accounts): Promise<string[]> => {
  const lines: string[] = []
  let after: string | undefined
  do {
    const page = await accounts.list({ after, limit: 500 })
    lines.push(...page.accounts.map(line))
    after = page.accounts.length === 500 ? page.accounts.at(-1)?.id : undefined
  } while (after !== undefined)
  return lines
}

const line = ({ id, name, instanceQuota, requestsPerMinute, createsPerMinute, allowedOrigins, suspended }: Account): string =>
  [
    name,
    `id ${id}`,
    `quota ${instanceQuota ?? 'none'}`,
    `${requestsPerMinute} requests and ${createsPerMinute} creates per minute`,
    `origins ${allowedOrigins.join(',') || 'none'}`,
    ...(suspended ? ['suspended'] : []),
  ].join(' · ')
