/**
 * A route, declared once. From the list of operations come routing, validation, OpenAPI, metric labels and the tenancy test.
 * A handler takes values out of the request, calls one domain function and returns the answer; it never builds an error body.
 */
import type { z } from 'zod'
import type { Account } from '../accounts/account.ts'
import type { Instance } from '../instances/instance.ts'

/** Who is calling. Made once by authentication; nothing outside this scope can be reached with it. */
export interface Scope {
  account: Account
  /** Set when the path names an instance, and when a TokenInstance called. Always one of `account`. */
  instance: Instance | null
  /** Which kind of token called. */
  by: 'account' | 'instance' | 'admin'
}

export interface OperationRequest<Q, B> {
  scope: Scope
  params: Readonly<Record<string, string>>
  query: Q
  body: B
  headers: Readonly<Record<string, string | string[] | undefined>>
  signal: AbortSignal
}

export interface InstanceRequest<Q, B> extends OperationRequest<Q, B> {
  scope: Scope & { instance: Instance }
}

export interface Answer {
  status: number
  body: unknown
  headers?: Record<string, string>
}

/**
 * `account`: TokenAccount only (a missing or foreign token is `Invalid token`). `any`: either token; with `:instance` in the path the
 * scope's instance is resolved and checked. `admin`: ADMIN_TOKEN. `none`: open.
 */
export type TokenRule = 'account' | 'any' | 'admin' | 'none'

export interface Operation {
  /** `instance.delete`; also the OpenAPI operationId, the metric label and, later, the MCP tool name. */
  id: string
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Fastify path, `/api/instance/delete/:instance`. */
  path: string
  token: TokenRule
  /** `create` has a bucket of its own besides the global one. */
  rateLimit: 'global' | 'create' | 'none'
  tag: string
  summary: string
  description?: string
  query?: z.ZodType
  body?: z.ZodType
  /** Schema per success status. Fields that are not in it are not sent. */
  answers: Readonly<Record<number, z.ZodType>>
  /** Errors it can answer besides the common ones: status and literal text (`<reason>` for a placeholder). */
  errors: readonly { status: number; message: string }[]
  /** True when the declared answer is 501: the contract knows it, this version does not do it yet. */
  notBuilt?: boolean
  handle(request: OperationRequest<unknown, unknown>): Promise<Answer>
}

type Definition<Q extends z.ZodType, B extends z.ZodType> = Omit<Operation, 'handle' | 'query' | 'body'> & { query?: Q; body?: B }

/** Declares an operation whose handler sees the parsed query and body. */
export const operation = <Q extends z.ZodType = z.ZodUndefined, B extends z.ZodType = z.ZodUndefined>(
  definition: Definition<Q, B> & { handle(request: OperationRequest<z.infer<Q>, z.infer<B>>): Promise<Answer> },
): Operation => definition as unknown as Operation

/** The same for a path with `:instance`: the handler's scope holds the instance. */
export const instanceOperation = <Q extends z.ZodType = z.ZodUndefined, B extends z.ZodType = z.ZodUndefined>(
  definition: Definition<Q, B> & { handle(request: InstanceRequest<z.infer<Q>, z.infer<B>>): Promise<Answer> },
): Operation => definition as unknown as Operation
