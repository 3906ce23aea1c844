/** What kind of file it is: its content tells, and where it tells nothing (texts), its name and whoever sent it. */
import { open } from 'node:fs/promises'
import { extname } from 'node:path'

export const UNKNOWN = 'application/octet-stream'

interface Hints {
  /** The caller's own word, e.g. `mimeType` of the request. */
  caller: string | null
  /** What the server or the `data:` URL said. */
  origin: string | null
  fileName: string | null
}

/** MIME type in lower case, e.g. `audio/ogg; codecs=opus`. */
/** `held`: all of it, where somebody has it in memory. */
export const detectMimeType = async (path: string, hints: Hints, held: Uint8Array | null = null): Promise<string> => {
  const { fileTypeFromBuffer, fileTypeFromFile } = await import('file-type')
  const found = await (held === null ? fileTypeFromFile(path) : fileTypeFromBuffer(held)).catch(() => undefined)
  const isText = found === undefined && looksLikeText(held?.subarray(0, BEGINNING) ?? (await beginningOf(path)))
  return chooseMimeType(found?.mime ?? null, hints, isText)
}

/** Containers that say little about what is in them. */
const vague = new Set(['application/zip', 'application/x-cfb', 'application/xml', 'application/gzip', 'application/x-msdownload'])

/** Content first; a name or a word only makes a vague one more precise, or speaks where the content is silent. */
export const chooseMimeType = (found: string | null, { caller, origin, fileName }: Hints, isText: boolean): string => {
  const named = byExtension[extname(fileName ?? '').toLowerCase()] ?? null
  const said = [wellFormed(caller), named, wellFormed(origin)].find((type) => type !== null && type !== UNKNOWN) ?? null
  if (found === null) return said !== null && !claimsMedia(said) ? said : isText ? 'text/plain' : UNKNOWN
  if (vague.has(found) && said !== null && !claimsMedia(said)) return said
  return found
}

/** Nobody is believed that a file is a picture, sound or film when its content is not: WhatsApp would show an empty bubble. SVG is text. */
const claimsMedia = (type: string): boolean => /^(image|audio|video)\//.test(type) && !type.startsWith('image/svg')

const wellFormed = (type: string | null): string | null => {
  const text = type?.trim().toLowerCase() ?? ''
  return /^[a-z0-9!#$&^_.+-]+\/[a-z0-9!#$&^_.+-]+(\s*;.*)?$/.test(text) ? text : null
}

/** Types that a file's beginning does not tell, by the ending of its name. */
const byExtension: Readonly<Record<string, string>> = {
  '.csv': 'text/csv',
  '.doc': 'application/msword',
  '.docx': 'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
  '.htm': 'text/html',
  '.html': 'text/html',
  '.ics': 'text/calendar',
  '.json': 'application/json',
  '.apk': 'application/vnd.android.package-archive',
  '.md': 'text/markdown',
  '.ods': 'application/vnd.oasis.opendocument.spreadsheet',
  '.odt': 'application/vnd.oasis.opendocument.text',
  '.ppt': 'application/vnd.ms-powerpoint',
  '.pptx': 'application/vnd.openxmlformats-officedocument.presentationml.presentation',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain',
  '.vcf': 'text/vcard',
  '.xls': 'application/vnd.ms-excel',
  '.xlsx': 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
  '.xml': 'application/xml',
}

const looksLikeText = (beginning: Uint8Array): boolean =>
  beginning.every((byte) => byte >= 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d || byte === 0x0c)

/** Bytes that are looked at. */
const BEGINNING = 4096

const beginningOf = async (path: string): Promise<Uint8Array> => {
  const file = await open(path)
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(BEGINNING), 0, BEGINNING, 0)
    return buffer.subarray(0, bytesRead)
  } finally {
    await file.close()
  }
}
