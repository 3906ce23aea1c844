/**
 * A route, declared once. From the list of operations come routing, validation, OpenAPI, metric labels and the tenancy test.
 * A handler takes values out of the request, calls one domain function and returns the answer; it never builds an error body.
 *
 * What happens before a handler runs, in this order: rate limit, token, instance of the path, body and query. Whether the instance is
 * connected is the feature's own check and comes last.
 *
 * Texts of a 400: a body that doesn't fit its schema answers `Invalid request body: <field> <what>`, made here. Where the contract
 * has a text of its own, the schema carries it and it is answered verbatim:
 *
 *     z.object({
 *       number: requiredString('Number is required'),                 // missing, null or blank; trims
 *       latitude: z.number(required('Latitude and longitude are required')),   // missing or null
 *       days: z.int().min(1, 'Invalid history value').optional(),     // any check takes its text as last argument
 *     }).refine((body) => …, 'At least one setting must be provided')
 *
 * The first problem in the order of the schema is the one that is answered. Unknown fields are ignored. An absent body counts as `{}`.
 */
import type { WebSocket } from 'ws'
import type { z } from 'zod'
import type { Account } from '../accounts/account.ts'
import type { Instance } from '../instances/instance.ts'
import type { Capability } from '../whatsapp/capabilities.ts'

export { required, requiredString } from './validation.ts'

/** Who is calling. Made once by authentication; nothing outside this scope can be reached with it. */
export interface Scope {
  account: Account
  /** Set when the path names an instance, and when a TokenInstance called. Always one of `account`. */
  instance: Instance | null
  /** Which kind of token called. */
  by: 'account' | 'instance'
}

/** A request to a route without a tenant: `admin` and `none`. */
export interface OpenRequest<Q, B> {
  params: Readonly<Record<string, string>>
  query: Q
  body: B
  headers: Readonly<Record<string, string | string[] | undefined>>
  /** With an Idempotency-Key: 16 hex digits, the same for every attempt of the same request. Null without. */
  seed: string | null
  /** Aborted when the client goes away. */
  signal: AbortSignal
}

export interface OperationRequest<Q, B> extends OpenRequest<Q, B> {
  scope: Scope
}

export interface InstanceRequest<Q, B> extends OpenRequest<Q, B> {
  scope: Scope & { instance: Instance }
}

/** What the server hands over before the declaring functions narrow it; `scope` is null exactly for `admin` and `none`. */
export interface HandedRequest extends OpenRequest<unknown, unknown> {
  scope: Scope | null
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

export interface ErrorAnswer {
  status: number
  /** Literal text, `<reason>` for a placeholder. */
  message: string
}

export type Operation = Described & Repeating

/**
 * What repeating a request does. Every POST says it, so that none heeds an Idempotency-Key, or passes over one, for want of a thought.
 * `resumed`: it sends or creates, and an attempt that broke off may be made again, it finds what it began. `unrepeatable`: the same, but
 * nobody could tell how far it came, so it is not made again. `false`: it neither sends nor creates, and keys mean nothing to it.
 */
export type Repeating =
  | { method: 'POST'; once: 'resumed' | 'unrepeatable' | false }
  | { method: 'GET' | 'PUT' | 'PATCH' | 'DELETE'; once?: undefined }

interface Described {
  /** `instance.delete`; also the OpenAPI operationId, the metric label and, later, the MCP tool name. */
  id: string
  /** Fastify path, `/api/instance/delete/:instance`. */
  path: string
  /** The path's `:instance` is a comma-separated list of names, which the handler resolves itself. */
  instanceList?: boolean
  token: TokenRule
  /** Of the engine; what is missing makes it answer 501. */
  needs?: readonly Capability[]
  /** `create` has a bucket of its own besides the global one. */
  rateLimit: 'global' | 'create' | 'none'
  tag: string
  summary: string
  description?: string
  query?: z.ZodType
  body?: z.ZodType
  /**
   * The body may hold long values (fields made with `longText`), in JSON or as an uploaded file: up to the media limit each, which go to
   * disk. Its fields must be those of one object schema.
   */
  longValues?: boolean
  /** Schema per success status. Fields that are not in it are not sent. */
  answers: Readonly<Record<number, z.ZodType>>
  /** Errors it can answer besides the common ones. */
  errors: readonly ErrorAnswer[]
  /** True when the declared answer is 501: the contract knows it, this version does not do it yet. */
  notBuilt?: boolean
  handle(request: HandedRequest): Promise<Answer>
}

type Definition<Q extends z.ZodType, B extends z.ZodType, Request> = Omit<Described, 'handle' | 'query' | 'body'> &
  Repeating & {
    query?: Q
    body?: B
    handle(request: Request): Promise<Answer>
  }

/** Declares an operation whose handler sees the parsed query and body. */
export const operation = <Q extends z.ZodType = z.ZodUndefined, B extends z.ZodType = z.ZodUndefined>(
  definition: Definition<Q, B, OperationRequest<z.infer<Q>, z.infer<B>>> & { token: 'account' | 'any' },
): Operation => definition as unknown as Operation

/** The same for a path with `:instance`: the handler's scope holds the instance. */
export const instanceOperation = <Q extends z.ZodType = z.ZodUndefined, B extends z.ZodType = z.ZodUndefined>(
  definition: Definition<Q, B, InstanceRequest<z.infer<Q>, z.infer<B>>> & { token: 'account' | 'any'; path: `${string}/:instance` },
): Operation => definition as unknown as Operation

/** The same for a route without a tenant: administration, health. */
export const openOperation = <Q extends z.ZodType = z.ZodUndefined, B extends z.ZodType = z.ZodUndefined>(
  definition: Definition<Q, B, OpenRequest<z.infer<Q>, z.infer<B>>> & { token: 'admin' | 'none' },
): Operation => definition as unknown as Operation

/**
 * A route that becomes a WebSocket. Tokens, scope and rate limit are those of an operation with `token: 'any'`, and `?token=` is read
 * too. Whatever is refused before the upgrade is a plain HTTP answer with the error envelope.
 */
export interface SocketOperation {
  id: string
  path: `${string}/:instance`
  tag: string
  summary: string
  description?: string
  query?: z.ZodType
  errors: readonly ErrorAnswer[]
  /**
   * Last word before the upgrade: an ApiError thrown here refuses it. Gives what takes the open socket; from there on the socket is the
   * feature's, and at shutdown the server closes what is left with 1001.
   */
  admit(request: InstanceRequest<unknown, undefined>): Promise<(socket: WebSocket) => void>
}
