/** The REST API as a client sees it, with one token. */
import type { Json } from './json.ts'

export interface Answer {
  status: number
  headers: Headers
  body: Json
}

export interface Api {
  get(path: string, headers?: Record<string, string>): Promise<Answer>
  post(path: string, body?: Json, headers?: Record<string, string>): Promise<Answer>
  put(path: string, body?: Json, headers?: Record<string, string>): Promise<Answer>
  patch(path: string, body?: Json, headers?: Record<string, string>): Promise<Answer>
  delete(path: string, headers?: Record<string, string>, body?: Json): Promise<Answer>
}

/** Sees every request and answer. */
export interface Watcher {
  request(token: string | undefined, body: Json | undefined): void
  answer(status: number, body: Json): void
}

/** A client at `url` (no trailing slash). Without a token it sends none. */
export const createApi = (url: string, token?: string, watcher?: Watcher): Api => {
  const call = async (method: string, path: string, body?: Json, headers: Record<string, string> = {}): Promise<Answer> => {
    watcher?.request(token, body)
    const response = await fetch(`${url}${path}`, {
      method,
      headers: {
        ...(token === undefined ? {} : { token }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const answer = { status: response.status, headers: response.headers, body: parsed(await response.text()) }
    watcher?.answer(answer.status, answer.body)
    return answer
  }
  return {
    get: (path, headers) => call('GET', path, undefined, headers),
    post: (path, body = {}, headers = {}) => call('POST', path, body, headers),
    put: (path, body = {}, headers = {}) => call('PUT', path, body, headers),
    patch: (path, body = {}, headers = {}) => call('PATCH', path, body, headers),
    delete: (path, headers, body) => call('DELETE', path, body, headers),
  }
}

const parsed = (text: string): Json => {
  try {
    return JSON.parse(text) as Json
  } catch {
    return text
  }
}
