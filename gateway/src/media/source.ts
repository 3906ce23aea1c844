/** Reads what a caller says about media. Pure: `fetch.ts` goes and gets it. */
import { mediaErrors } from './media-errors.ts'

export type ParsedSource =
  | { kind: 'url'; url: string }
  /** `payload` begins at this character of the text. */
  | { kind: 'base64'; text: string; payloadAt: number; mimeType: string | null }
  /** A `data:` URL without `;base64`: percent-encoded. */
  | { kind: 'text'; text: string; mimeType: string }

/** Throws 400 unless exactly one source is there. */
export const parseSource = ({ url, base64 }: { url?: string | null; base64?: string | null }): ParsedSource => {
  const [fromUrl, fromBase64] = [url?.trim() ?? '', base64?.trim() ?? '']
  if ((fromUrl === '') === (fromBase64 === '')) throw mediaErrors.exactlyOne()
  const text = fromUrl === '' ? fromBase64 : fromUrl
  if (/^https?:\/\//i.test(text.slice(0, 8))) {
    if (fromUrl === '') throw mediaErrors.unusable('not valid base64')
    return { kind: 'url', url: text }
  }
  // Neither may be an address of another kind: `file:`, `ftp:`.
  if (/^(?!data:)[a-z][a-z0-9+.-]*:/i.test(text.slice(0, 32))) throw mediaErrors.notDownloaded('not an http or https address')
  return parseInline(text)
}

/** Of a text that begins a base64 payload or a `data:` URL; of a long one, its first kilobytes are enough. */
export const parseInline = (text: string): ParsedSource => {
  if (!/^data:/i.test(text.slice(0, 5))) return { kind: 'base64', text, payloadAt: 0, mimeType: null }
  const comma = text.slice(0, LONGEST_HEADER).indexOf(',')
  if (comma < 0) throw mediaErrors.unusable('not a valid data URL')
  const header = text.slice(5, comma)
  const encoded = /;\s*base64\s*$/i.exec(header)
  const mimeType = header.slice(0, encoded?.index ?? header.length).trim()
  if (encoded !== null) return { kind: 'base64', text, payloadAt: comma + 1, mimeType: mimeType || null }
  return { kind: 'text', text: text.slice(comma + 1), mimeType: mimeType || 'text/plain' }
}

/** Characters of `data:…,`. */
export const LONGEST_HEADER = 4096

/** The name a download goes by: of its `Content-Disposition`, else the last step of the URL's path. Null when neither has one. */
export const fileNameOf = (url: string, disposition: string | undefined): string | null => {
  const extended = /filename\*\s*=\s*(?:UTF-8|ISO-8859-1)'[^']*'([^;]+)/i.exec(disposition ?? '')?.[1]
  const plain = /filename\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;]+))/i.exec(disposition ?? '')
  const named = extended === undefined ? (plain?.[1]?.replace(/\\(.)/g, '$1') ?? plain?.[2]) : decoded(extended)
  const step = named ?? decoded(URL.parse(url)?.pathname.split('/').at(-1) ?? '')
  return cleanName(step)
}

/** A name without path, control characters and excess; null when nothing is left of it. */
export const cleanName = (name: string | null | undefined): string | null => {
  const bare = (name ?? '')
    .replace(/^.*[/\\]/s, '')
    // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what is taken out
    .replace(/[\u0000-\u001f\u007f]/g, '')
    .trim()
    .slice(0, 255)
  return bare === '' ? null : bare
}

const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text.trim())
  } catch {
    return text.trim()
  }
}
