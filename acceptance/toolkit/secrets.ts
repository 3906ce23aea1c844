/**
 * Every secret a story met, and the search for them where none may be: logs, error answers, events. What is a secret follows from the
 * names of fields, from what the gateway sealed in its database, and from the length of binary keys.
 */
import { at, type Json } from './json.ts'

/** `text`: what people write to each other; belongs into events, not into logs and errors. */
export type Kind = 'secret' | 'text'

export interface SecretBook {
  /** Shorter ones than six characters are left out: they are found everywhere. */
  learn(value: string, kind?: Kind): void
  /** A key or another binary secret, in every way bytes are printed. */
  learnBytes(bytes: Uint8Array): void
  /** Strings in fields whose name says that they are secret, at any depth; queries of webhook URLs. */
  learnFields(value: Json | undefined): void
  /** What a request says to somebody. An answer's `message` is ours. */
  learnTexts(value: Json | undefined): void
  /** A sealed value: JSON, or a record with keys in it. */
  learnSealed(plaintext: Buffer): void
  /** The lines around every secret found, masked. */
  find(where: string, kinds?: readonly Kind[]): string[]
  readonly size: number
}

/** A form's `flowToken` is none: it comes back with the answer, so that senders know which form it was. */
const secretField = /(?<!flow)token|authorization|password|secret|accesskey|apikey|qrcode|pairingcode/i
/** Where WhatsApp keeps media: answers and events name it, and it is of no use without the key. */
const isSealedMedia = (url: string): boolean => URL.parse(url)?.pathname.endsWith('.enc') ?? false
const textField = /^(message|caption|content)$/

/** Long secrets are looked up by how they begin, so that ten thousand of them cost no more than ten. */
const headLength = 16

export const createSecretBook = (): SecretBook => {
  const short = new Map<string, Kind>()
  const long = new Map<string, Map<string, Kind>>()

  const add = (form: string, kind: Kind) => {
    if (form.length < headLength) return void short.set(form, kind)
    const head = form.slice(0, headLength)
    const forms = long.get(head) ?? new Map<string, Kind>()
    long.set(head, forms.set(form, kind))
  }

  const book: SecretBook = {
    learn(value, kind = 'secret') {
      const shortest = kind === 'text' ? 12 : 6
      if (value.length < shortest) return
      for (const form of new Set([value, JSON.stringify(value).slice(1, -1), safeEncode(value)])) add(form, kind)
      if (kind === 'secret' && /^2@/.test(value)) for (const part of value.split(',')) if (part.length >= 20) add(part, kind)
    },

    learnBytes(bytes) {
      // Padding and counters are no secrets.
      if (bytes.length < 16 || new Set(bytes).size < 8) return
      const buffer = Buffer.from(bytes)
      for (const form of [buffer.toString('base64'), buffer.toString('base64url'), buffer.toString('hex')]) add(form, 'secret')
      // A Buffer as JSON, and as Node prints it.
      const some = [...buffer.subarray(0, 12)]
      add(some.join(','), 'secret')
      add(some.join(', '), 'secret')
      add(some.map((byte) => byte.toString(16).padStart(2, '0')).join(' '), 'secret')
    },

    learnFields(value) {
      walk(value, (key, text) => {
        if (secretField.test(key)) book.learn(text)
        else if (/url$/i.test(key) && !isSealedMedia(text)) book.learn(URL.parse(text)?.search.slice(1) ?? '')
      })
    },

    learnTexts(value) {
      walk(value, (key, text) => {
        if (textField.test(key)) book.learn(text, 'text')
      })
    },

    learnSealed(plaintext) {
      const json = jsonOf(plaintext)
      if (json === undefined) return void keysIn(plaintext).forEach(book.learnBytes)
      if (typeof json === 'string') return book.learn(json)
      book.learnFields(json)
      walk(json, (_key, text) => {
        if (/^[A-Za-z0-9+/]{43,}={0,2}$/.test(text)) book.learnBytes(Buffer.from(text, 'base64'))
      })
    },

    find(where, kinds = ['secret', 'text']) {
      const found: string[] = []
      const report = (index: number, form: string, kind: Kind) => {
        if (!kinds.includes(kind)) return
        const before = where.slice(Math.max(0, index - 150), index)
        found.push(
          `${before}[${kind} ${form.slice(0, 4)}… of ${form.length} characters]${where.slice(index + form.length, index + form.length + 50)}`,
        )
      }
      for (const [form, kind] of short) {
        const index = where.indexOf(form)
        if (index >= 0) report(index, form, kind)
      }
      for (let index = 0; index + headLength <= where.length && found.length < 10; index++) {
        const forms = long.get(where.slice(index, index + headLength))
        if (forms === undefined) continue
        for (const [form, kind] of forms) if (where.startsWith(form, index)) report(index, form, kind)
      }
      return found
    },

    get size() {
      return short.size + long.size
    },
  }
  return book
}

/** An event without the places where the contract puts a token, a QR and what people write. */
export const withoutDocumentedSecrets = (event: Json): Json => {
  if (at(event, 'instanceData.token') === undefined) return event
  const copy = structuredClone(event) as { instanceData: { token?: Json }; event?: Json; data?: { codes?: Json } | null }
  delete copy.instanceData.token
  if (copy.event === 'instance.state' && copy.data) delete copy.data.codes
  return copy as Json
}

const walk = (value: Json | undefined, visit: (key: string, text: string) => void, key = ''): void => {
  if (typeof value === 'string') visit(key, value)
  else if (Array.isArray(value)) for (const inner of value) walk(inner, visit, key)
  else if (typeof value === 'object' && value !== null) for (const [name, inner] of Object.entries(value)) walk(inner, visit, name)
}

const jsonOf = (bytes: Buffer): Json | undefined => {
  try {
    return JSON.parse(bytes.toString('utf8')) as Json
  } catch {
    const text = bytes.toString('utf8')
    // A token, a URL, a header: sealed as it is.
    return /^[\x20-\x7e]+$/.test(text) ? text : undefined
  }
}

/** A pair of keys, or every field of 32 or 33 bytes in a protobuf record, at any depth. */
const keysIn = (bytes: Buffer): Buffer[] => {
  if (bytes.length === 32 || bytes.length === 33) return [bytes]
  if (bytes.length === 64) return [bytes.subarray(0, 32), bytes.subarray(32)]
  return fieldsOf(bytes).flatMap((field) => (field.length > 33 ? keysIn(field) : field.length >= 32 ? [field] : []))
}

/** The length-delimited fields of a protobuf message; none when it is no such message. */
const fieldsOf = (bytes: Buffer): Buffer[] => {
  const fields: Buffer[] = []
  let offset = 0
  const varint = (): number => {
    let value = 0
    for (let shift = 0; offset < bytes.length && shift < 35; shift += 7) {
      const byte = bytes[offset++] ?? 0
      value += (byte & 127) * 2 ** shift
      if (byte < 128) break
    }
    return value
  }
  while (offset < bytes.length) {
    const wireType = varint() & 7
    if (wireType === 0) while (offset < bytes.length && (bytes[offset++] ?? 0) >= 128);
    else if (wireType === 1) offset += 8
    else if (wireType === 5) offset += 4
    else if (wireType === 2) {
      const length = varint()
      fields.push(bytes.subarray(offset, offset + length))
      offset += length
    } else return []
  }
  return offset === bytes.length ? fields : []
}

/** `encodeURIComponent` throws over half a surrogate pair. */
const safeEncode = (value: string): string => encodeURIComponent(value.toWellFormed())
