/**
 * The HTTP side of the gateway: takes the list of operations and serves it. Nothing here knows what an operation does; everything a
 * request can go wrong with is answered here, always with the same envelope.
 */
import { Readable } from 'node:stream'
import websocket from '@fastify/websocket'
import {
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  fastify,
  type InjectOptions,
  type LightMyRequestResponse,
} from 'fastify'
import type { WebSocket } from 'ws'
import type { z } from 'zod'
import type { Clock } from '../runtime/clock.ts'
import type { Logger } from '../runtime/logging.ts'
import type { Settings } from '../settings.ts'
import {
  type AccountDirectory,
  type Admission,
  type AdmitSecret,
  type Authenticate,
  createAuthentication,
  type InstanceDirectory,
} from './authentication.ts'
import { answerPreflight, greetBrowsers } from './cors.ts'
import { createErrorRenderer } from './error-renderer.ts'
import { errors } from './errors.ts'
import { hearOut } from './hearing-out.ts'
import type { Idempotency } from './idempotency.ts'
import { readJsonBodies } from './json-bodies.ts'
import { readLongBodies, withHeldAsStrings } from './long-bodies.ts'
import type { InstanceRequest, Operation, Scope, SocketOperation } from './operation.ts'
import { refuseBrokenRequest, refuseStrangeRequests } from './raw-refusals.ts'
import { HandledRequest } from './request.ts'
import { jsonWriter } from './serialization.ts'
import type { Spool } from './spool.ts'
import { parse } from './validation.ts'

export interface HttpServerOptions {
  operations: readonly Operation[]
  sockets?: readonly SocketOperation[]
  accounts: AccountDirectory
  instances: InstanceDirectory
  settings: Pick<Settings, 'adminToken' | 'unknownTokensPerMinute' | 'trustProxy' | 'bodyLimitKib' | 'mediaLimitMib'>
  clock: Clock
  logger: Logger
  /** For operations with long values. */
  spool?: Spool
  /** For operations that heed an Idempotency-Key. */
  idempotency?: Idempotency
  /** Routes that are no operations: metrics, documentation. */
  pages?: readonly ((app: FastifyInstance, admitSecret: AdmitSecret) => void)[]
  /** Called once per answer of an operation. */
  onAnswered?(id: string, status: number, seconds: number): void
}

export interface HttpServer {
  listen(at: { host: string; port: number }): Promise<{ port: number }>
  /** Stops accepting and resolves when the running requests are answered; sockets still open are closed with 1001. */
  close(): Promise<void>
  /** Cuts every connection that `close` still waits for. */
  cut(): void
  /** A request without a network, for tests. */
  inject(request: InjectOptions): Promise<LightMyRequestResponse>
}

declare module 'fastify' {
  interface FastifyRequest {
    scope: Scope | null
  }
  interface FastifyContextConfig {
    /** False: whatever is sent as a body is thrown away. */
    readsBody?: boolean
  }
}

export const createHttpServer = async (options: HttpServerOptions): Promise<HttpServer> => {
  const { operations, sockets = [], accounts, settings, logger, pages = [] } = options
  const app = fastify({
    trustProxy: proxiesOf(settings.trustProxy),
    bodyLimit: settings.bodyLimitKib * 1024,
    // Names have at most 100 characters; longer ones are unknown instances, not unknown routes.
    routerOptions: { maxParamLength: 1000 },
    // Node's own default, which Fastify would lift: a request that trickles in does not hold its socket for ever.
    requestTimeout: 300_000,
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    // Node would refuse a request without Host itself, in words of its own.
    http: { requireHostHeader: false },
    clientErrorHandler: refuseBrokenRequest,
    frameworkErrors: (_error, request, reply) => {
      // What asked for an upgrade has left Node's parser and its time limits, and no hook comes by here.
      if (request.raw.headers.upgrade !== undefined) reply.raw.once('finish', () => request.raw.socket.end())
      return renderError(errors.invalidUrl(), request, reply as FastifyReply)
    },
    genReqId: requestIds(),
    // Input is read by zod and answers are written by `serialization.ts`; Fastify's own compilers would be a hundred modules to load.
    schemaController: { compilersFactory: { buildValidator: unused, buildSerializer: unused } },
  })
  const renderError = createErrorRenderer(logger)
  app.setErrorHandler(renderError)
  app.setNotFoundHandler(async () => {
    throw errors.notFound()
  })
  app.decorateRequest('scope', null)
  readJsonBodies(app)
  hearOut(app)
  refuseStrangeRequests(app.server)
  await app.register(websocket, { options: { maxPayload: 64 * 1024 }, preClose: closeSockets })

  const greet = greetBrowsers(accounts)
  const methodsAt = methodsByPath([
    ...operations.map(({ path, method }) => ({ path, methods: method === 'GET' ? ['GET', 'HEAD'] : [method] })),
    ...sockets.map(({ path }) => ({ path, methods: ['GET'] })),
  ])
  // Before the body is read: nothing in it changes the answer.
  app.addHook('onRequest', (request, reply, done) => {
    const { headers, is404, method, raw, url } = request
    if (headers.host === undefined && raw.httpVersion === '1.1') return done(errors.badRequest())
    if (!is404) return done()
    const allow = methodsAt(url)
    if (allow === null) return done(errors.notFound())
    greet(request, reply)
    if (method === 'OPTIONS') return void answerPreflight(reply, allow)
    reply.header('allow', allow)
    return done(errors.methodNotAllowed())
  })

  checkIds([...operations, ...sockets])
  const { authenticate, admitSecret } = createAuthentication(options)
  for (const page of pages) page(app, admitSecret)
  const admit: Admit = (admission) => async (request, reply) => {
    if (request.ws && !admission.upgrade) throw errors.notASocket()
    if (admission.token !== 'none') greet(request, reply)
    request.scope = await authenticate(request, reply, admission)
  }
  const [long, short] = [operations.filter(({ longValues }) => longValues), operations.filter(({ longValues }) => !longValues)]
  for (const operation of short) serveOperation(app, operation, admit, options)
  if (long.length > 0) await app.register(async (inner) => serveLongOperations(inner, long, admit, options))
  for (const socket of sockets) serveSocket(app, socket, admit, authenticate)
  await app.ready()

  return {
    listen: async (at) => {
      await app.listen(at)
      const address = app.server.address()
      return { port: typeof address === 'object' && address !== null ? address.port : at.port }
    },
    close: () => app.close(),
    cut: () => {
      for (const socket of app.websocketServer.clients) socket.terminate()
      app.server.closeAllConnections()
    },
    inject: (request) => app.inject(request),
  }
}

type Admit = (admission: Admission) => (request: FastifyRequest, reply: FastifyReply) => Promise<void>

/** What an address can be asked for, as the `Allow` header lists it; null: it is none of ours. */
const methodsByPath = (declared: readonly { path: string; methods: readonly string[] }[]): ((url: string) => string | null) => {
  const paths = [...Map.groupBy(declared, ({ path }) => path)].map(([path, routes]) => ({
    pattern: new RegExp(`^${path.replace(/:\w+/g, '[^/]*')}$`),
    methods: routes.flatMap((route) => route.methods),
  }))
  return (url) => {
    const [asked = ''] = url.split('?', 1)
    const methods = paths.flatMap((path) => (path.pattern.test(asked) ? path.methods : []))
    return methods.length === 0 ? null : [...methods, 'OPTIONS'].join(', ')
  }
}

/** Routes that collide are found by the router; ids are labels and names of tools, and nobody else would notice. */
const checkIds = (declared: readonly { id: string }[]): void => {
  const ids = new Set<string>()
  for (const { id } of declared) {
    if (ids.has(id)) throw new Error(`Two operations are called ${id}`)
    ids.add(id)
  }
}

const serveLongOperations = (app: FastifyInstance, operations: readonly Operation[], admit: Admit, options: HttpServerOptions): void => {
  const { spool, settings } = options
  if (spool === undefined) throw new Error('operations with long values need a spool')
  readLongBodies(app, { spool, valueLimit: settings.mediaLimitMib * 1024 * 1024, bodyLimit: settings.bodyLimitKib * 1024 })
  for (const operation of operations) serveOperation(app, operation, admit, options)
}

const serveOperation = (
  app: FastifyInstance,
  operation: Operation,
  admit: Admit,
  { idempotency, onAnswered }: Pick<HttpServerOptions, 'idempotency' | 'onAnswered'>,
): void => {
  const { id, method, path, token, rateLimit, query, body } = operation
  const writers = new Map(Object.entries(operation.answers).map(([status, schema]) => [Number(status), jsonWriter(schema)]))
  app.route({
    method,
    url: path,
    config: { readsBody: body !== undefined, ...(body === undefined ? {} : { bodySchema: body }) },
    onRequest: admit({ token, rateLimit, namesInstance: path.includes(':instance') && operation.instanceList !== true, upgrade: false }),
    handler: async (request, reply) => {
      const parsedBody = body === undefined ? undefined : parseBody(body, request.body === undefined ? {} : request.body)
      const parsedQuery = query === undefined ? undefined : parse(query, request.query, 'query')
      const handle = (seed: string | null) => operation.handle(new HandledRequest(request, reply, parsedQuery, parsedBody, seed))
      const { scope, headers, url } = request
      const key = headers['idempotency-key']
      const answer =
        idempotency === undefined || !operation.once || scope === null || typeof key !== 'string'
          ? await handle(null)
          : await idempotency.once({ operation, key, scope, path: url, body: parsedBody }, handle)
      if (answer.headers !== undefined) reply.headers(answer.headers)
      reply.code(answer.status)
      const write = writers.get(answer.status)
      if (write === undefined || answer.body instanceof Readable) return answer.body
      reply.type('application/json; charset=utf-8')
      return write(answer.body)
    },
    ...(onAnswered && {
      onResponse: (_request, reply, done) => {
        onAnswered(id, reply.statusCode, reply.elapsedTime / 1000)
        done()
      },
    }),
  })
}

/** A long string that its field does not take as a {@link LongValue} is an ordinary one. */
const parseBody = (schema: z.ZodType, body: unknown): unknown => {
  try {
    return parse(schema, body, 'request body')
  } catch (error) {
    const other = withHeldAsStrings(body)
    if (other === null) throw error
    return parse(schema, other.body, 'request body')
  }
}

const serveSocket = (app: FastifyInstance, operation: SocketOperation, admit: Admit, authenticate: Authenticate): void => {
  const admitted = new WeakMap<FastifyRequest, (socket: WebSocket) => void>()
  app.route({
    method: 'GET',
    url: operation.path,
    exposeHeadRoute: false,
    onRequest: admit({ token: 'any', rateLimit: 'global', namesInstance: true, upgrade: true }),
    preHandler: async (request, reply) => {
      const query = operation.query === undefined ? undefined : parse(operation.query, request.query, 'query')
      const handed = new HandledRequest(request, reply, query, undefined) as unknown as InstanceRequest<unknown, undefined>
      const connected = await operation.admit(handed)
      // A token that was revoked meanwhile was looked for among the open sockets, where this one is not yet.
      await authenticate(request, reply, { token: 'any', rateLimit: 'none', namesInstance: true, upgrade: true })
      if (!request.ws) throw errors.upgradeRequired()
      admitted.set(request, connected)
    },
    handler: async () => {
      throw errors.upgradeRequired()
    },
    wsHandler: (socket, request) => admitted.get(request)?.(socket),
  })
}

/** The feature has said good-bye to its sockets by now; a client that doesn't answer is not waited for. */
const closeSockets = function (this: FastifyInstance, done: () => void): void {
  for (const socket of this.websocketServer.clients) {
    socket.close(1001, 'The server is going away')
    setTimeout(() => socket.terminate(), 1000).unref()
  }
  done()
}

/** A number counts proxies from the gateway outwards. */
const proxiesOf = (trusted: Settings['trustProxy']): false | string[] | ((address: string, hop: number) => boolean) => {
  if (typeof trusted === 'number') return (_address, hop) => hop < trusted
  return trusted === false ? false : [...trusted]
}

const unused = (): never => {
  throw new Error("No route has a schema of Fastify's")
}

const requestIds = (): (() => string) => {
  const start = Date.now().toString(36)
  let count = 0
  return () => `${start}-${(++count).toString(36)}`
}
