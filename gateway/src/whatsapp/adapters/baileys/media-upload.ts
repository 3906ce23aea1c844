/** A file to one of WhatsApp's media hosts, over Node's own client: its `fetch` would hold all of it in memory. */
import { createReadStream } from 'node:fs'
import type { Agent, IncomingMessage } from 'node:http'
import { request } from 'node:https'
import { pipeline } from 'node:stream/promises'
import { z } from 'zod'
import { EngineError } from '../../engine.ts'
import type { MediaHosts } from './media-hosts.ts'

export type UploadBody = Uint8Array | { path: string; size: number }

export interface Place {
  url: string
  directPath: string
  /** What the host calls the file; only of those for channels. */
  handle: string | null
}

interface Uploading {
  hosts(anew?: boolean): Promise<MediaHosts>
  agent: Agent | undefined
  signal?: AbortSignal | undefined
}

/** Without a byte moving. */
const IDLE_TIMEOUT_MS = 60_000
const LONGEST_ANSWER = 64 * 1024
/** What WhatsApp's web client says; the hosts want to hear it. */
export const ORIGIN = 'https://web.whatsapp.com'

/** In place of an answer: its status is none of success. */
const REFUSED = Symbol('refused')

const answered = z.object({ url: z.string().min(1), direct_path: z.string().min(1), handle: z.string().nullish() })

/**
 * `folder`: e.g. `/mms/image`. `hash`: SHA-256 of the body. Tries every host, and where one has refused, all of them once more with a fresh key,
 * since that lives for a while only. Throws {@link EngineError}.
 */
export const upload = async (body: UploadBody, folder: string, hash: Uint8Array, { hosts, agent, signal }: Uploading): Promise<Place> => {
  const token = Buffer.from(hash).toString('base64url')
  let refused = false
  for (const anew of [false, true]) {
    if (anew && !refused) break
    const { hostnames, auth } = await hosts(anew)
    for (const hostname of hostnames) {
      signal?.throwIfAborted()
      const url = `https://${hostname}${folder}/${token}?${new URLSearchParams({ auth, token })}`
      const answer = await post(url, body, agent, signal).catch(() => null)
      refused ||= answer === REFUSED
      const { data } = answered.safeParse(answer)
      if (data !== undefined) return { url: data.url, directPath: data.direct_path, handle: data.handle ?? null }
    }
  }
  signal?.throwIfAborted()
  throw new EngineError('rejected', 'the media could not be uploaded')
}

/** What the host answers, as JSON, or {@link REFUSED}. Throws where it does not get to an answer that makes sense. */
const post = async (url: string, body: UploadBody, agent: Agent | undefined, signal: AbortSignal | undefined): Promise<unknown> => {
  const size = body instanceof Uint8Array ? body.length : body.size
  const asked = request(url, {
    method: 'POST',
    headers: { 'content-type': 'application/octet-stream', 'content-length': size, origin: ORIGIN },
    timeout: IDLE_TIMEOUT_MS,
    ...(agent === undefined ? {} : { agent }),
    ...(signal === undefined ? {} : { signal }),
  })
  const answer = Promise.withResolvers<IncomingMessage>()
  asked.on('response', answer.resolve)
  asked.on('error', answer.reject)
  asked.on('timeout', () => asked.destroy(new Error('the media host does not take any more')))
  if (body instanceof Uint8Array) asked.end(body)
  else pipeline(createReadStream(body.path), asked).catch(answer.reject)
  // A host that refuses may answer before it has everything.
  const response = await answer.promise
  if (response.statusCode !== 200) {
    asked.destroy()
    return REFUSED
  }
  const pieces: Uint8Array[] = []
  let length = 0
  for await (const piece of response as AsyncIterable<Uint8Array>) {
    length += piece.length
    if (length > LONGEST_ANSWER) throw new Error('the media host says too much')
    pieces.push(piece)
  }
  return JSON.parse(Buffer.concat(pieces).toString('utf8'))
}
