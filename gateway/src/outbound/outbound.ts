/**
 * The only HTTP client of the gateway. Its addresses come from tenants and from WhatsApp, so it goes to public addresses alone (and those
 * the operator allowed), answers within a time limit, and holds or passes on a limited number of bytes. It asks for no compression, so an
 * answer is never larger in memory than on the wire.
 */
import type { Readable } from 'node:stream'
import type { Agent } from 'undici'
import { type CreateAddressGuard, createAddressGuard } from './address-guard.ts'
import { startDeadline, untilAborted } from './deadline.ts'
import { isCutOff, OutboundError, outboundError } from './errors.ts'
import { followRedirect, type Hop, isRedirect } from './redirect.ts'
import { type Exchange, shortAnswer } from './short-answer.ts'
import { parseTarget } from './target.ts'

export interface Outbound {
  /** Resolves with any status. Throws `OutboundError`. */
  request(request: OutboundRequest): Promise<OutboundAnswer>
  /** For bodies too large to hold; throws `OutboundError`, the body's iteration too. */
  download(request: DownloadRequest): Promise<Download>
  /** Cuts whatever is under way. */
  close(): Promise<void>
}

interface Request {
  /** `http:` or `https:`; a user and password in it are sent as Basic authorization. */
  url: string
  headers?: Record<string, string>
  /** Milliseconds for everything: resolving, connecting, redirects, the whole body. */
  timeoutMs: number
  /** How many are followed; 0 gives back the 3xx itself. Every address on the way is checked. */
  redirects: number
  signal?: AbortSignal
}

export interface OutboundRequest extends Request {
  method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** A function is asked for the bytes as often as they are sent. */
  body?: string | Uint8Array | Readable | (() => Readable)
  /** The body is read that far and not further. */
  maxResponseBytes: number
  /**
   * For those to whom the status is the answer: milliseconds the body may take once the status is there. What has come by then, or before
   * the body broke off, is given as `truncated`. Without it an answer counts once its body is whole.
   */
  bodyMs?: number
}

export interface OutboundAnswer {
  status: number
  headers: Record<string, string | string[] | undefined>
  body: Buffer
  /** There was more than `maxResponseBytes`, or more than came in time. */
  truncated: boolean
}

export interface DownloadRequest extends Request {
  /** A body that is, or turns out to be, longer fails with the reason `too-large`. */
  maxBytes: number
}

export interface Download {
  status: number
  headers: Record<string, string | string[] | undefined>
  /** To be read once; leaving the loop early cuts the connection. */
  body: AsyncIterable<Uint8Array>
}

/** Throws `AllowListError` for a bad entry of `allow`. */
export function createOutbound(options: CreateAddressGuard): Outbound {
  const guard = createAddressGuard(options)
  let agent: Promise<Agent> | null = null
  let closed = false

  /** undici is loaded with the first request: that takes a tenth of a start, and nobody has a webhook yet at the first one. */
  const open = (): Promise<Agent> => {
    if (closed) throw new OutboundError('aborted', 'aborted')
    agent ??= import('./agent.ts').then(({ guardedAgent }) => guardedAgent(guard))
    return agent
  }

  /** Asks hop by hop until an answer is none that is followed. */
  const followed = async <A extends { status: number; headers: OutboundAnswer['headers'] }>(
    first: Hop,
    redirects: number,
    ask: (exchange: Exchange) => Promise<A>,
  ): Promise<A> => {
    let hop = first
    for (let left = redirects; ; left -= 1) {
      const { origin, path, headers } = parseTarget(hop.url, hop.headers)
      const answer = await onceMore(hop, () => {
        const body = typeof hop.body === 'function' ? hop.body() : hop.body
        return ask({ origin, path, method: hop.method, headers, body })
      })
      const next = redirects > 0 && followRedirect(hop, answer.status, answer.headers.location)
      if (!next) return answer
      if (left === 0) throw new OutboundError('redirects', `more than ${redirects} redirects`)
      hop = next
    }
  }

  /** Whether an answer is followed: nobody waits for a page that only says where the other one is. */
  const leadsOn = (redirects: number) => (status: number, headers: OutboundAnswer['headers']) =>
    redirects > 0 && isRedirect(status, headers.location)

  return {
    async request({ url, method, headers = {}, body, timeoutMs, maxResponseBytes, bodyMs, redirects, signal }) {
      const deadline = startDeadline(timeoutMs, signal)
      try {
        const limits = { bytes: maxResponseBytes, bodyMs, signal: deadline.signal, isEnough: leadsOn(redirects) }
        return await followed({ url, method, headers, body }, redirects, async (exchange) => shortAnswer(await open(), exchange, limits))
      } catch (error) {
        throw outboundError(error, deadline)
      } finally {
        deadline.clear()
      }
    },

    async download({ url, headers = {}, timeoutMs, maxBytes, redirects, signal }) {
      const deadline = startDeadline(timeoutMs, signal)
      try {
        const isEnough = leadsOn(redirects)
        const answer = await followed({ url, method: 'GET', headers, body: undefined }, redirects, async (exchange) => {
          const asked = (await open()).request({ ...exchange, signal: deadline.signal })
          const { statusCode: status, ...rest } = await untilAborted(asked, deadline.signal)
          if (isEnough(status, rest.headers)) rest.body.on('error', () => {}).destroy()
          return { status, ...rest }
        })
        if (Number(answer.headers['content-length'] ?? 0) > maxBytes) {
          answer.body.on('error', () => {}).destroy()
          throw tooLarge(maxBytes)
        }
        return { status: answer.status, headers: answer.headers, body: limited(answer.body, maxBytes, deadline) }
      } catch (error) {
        deadline.clear()
        throw outboundError(error, deadline)
      }
    },

    async close() {
      closed = true
      await (await agent)?.destroy()
    },
  }
}

/**
 * A server closes an idle connection when it likes, maybe just as a request is on its way. That request is made once more where twice does no
 * harm (RFC 9110, 9.2.2) and its body can be had again.
 */
const onceMore = async <A>({ method, body }: Hop, ask: () => Promise<A>): Promise<A> => {
  try {
    return await ask()
  } catch (error) {
    const isRead = typeof body === 'object' && !(body instanceof Uint8Array)
    if (isRead || !repeatable.has(method) || !isCutOff(error)) throw error
    return ask()
  }
}

const repeatable: ReadonlySet<string> = new Set(['GET', 'HEAD', 'PUT', 'DELETE'])

async function* limited(body: Readable, limit: number, deadline: ReturnType<typeof startDeadline>): AsyncGenerator<Uint8Array> {
  let length = 0
  try {
    for await (const chunk of body as AsyncIterable<Uint8Array>) {
      length += chunk.length
      if (length > limit) throw tooLarge(limit)
      yield chunk
    }
  } catch (error) {
    throw outboundError(error, deadline)
  } finally {
    deadline.clear()
  }
}

const tooLarge = (limit: number) => new OutboundError('too-large', `larger than ${limit} bytes`)
