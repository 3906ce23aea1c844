/** Connections for the one HTTP client, kept and counted by undici. */
import { Agent } from 'undici'
import type { AddressGuard } from './address-guard.ts'
import { guardedConnector } from './connector.ts'

/** Per origin (scheme, host and port). */
const connections = 64
/** Origins with an open connection. */
const maxOrigins = 10_000
/** Milliseconds an idle connection is kept: less than the five seconds after which many servers close theirs. */
const keepAlive = 4_000
const connectTimeout = 10_000

export const guardedAgent = (guard: AddressGuard): Agent =>
  new Agent({
    connect: guardedConnector({ guard, timeoutMs: connectTimeout }),
    allowH2: false,
    connections,
    maxOrigins,
    pipelining: 1,
    keepAliveTimeout: keepAlive,
    keepAliveMaxTimeout: keepAlive,
    // The deadline of each request is the only clock.
    headersTimeout: 0,
    bodyTimeout: 0,
  })
