/** The few ASN.1 DER forms an X.509 certificate needs. */

const tag = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  objectId: 0x06,
  utf8: 0x0c,
  utcTime: 0x17,
  sequence: 0x30,
  set: 0x31,
} as const

export function der(tagByte: number, ...parts: Uint8Array[]): Buffer {
  const content = Buffer.concat(parts)
  return Buffer.concat([Buffer.from([tagByte]), lengthOf(content.length), content])
}

export const sequence = (...parts: Uint8Array[]) => der(tag.sequence, ...parts)
export const set = (...parts: Uint8Array[]) => der(tag.set, ...parts)
export const octetString = (bytes: Uint8Array) => der(tag.octetString, bytes)
export const boolean = (value: boolean) => der(tag.boolean, Buffer.from([value ? 0xff : 0]))
export const utf8 = (text: string) => der(tag.utf8, Buffer.from(text, 'utf8'))
/** `unused` bits at the end carry nothing. */
export const bitString = (bytes: Uint8Array, unused = 0) => der(tag.bitString, Buffer.from([unused]), bytes)
/** `[number]` with explicit content. */
export const tagged = (number: number, ...parts: Uint8Array[]) => der(0xa0 | number, ...parts)
/** `[number]` replacing the tag of a primitive. */
export const implicit = (number: number, bytes: Uint8Array) => der(0x80 | number, bytes)

/** A non-negative integer from big-endian bytes. */
export function integer(bytes: Uint8Array): Buffer {
  let start = 0
  while (start < bytes.length - 1 && bytes[start] === 0) start += 1
  const digits = bytes.subarray(start)
  const sign = ((digits[0] ?? 0) & 0x80) === 0 ? [] : [0]
  return der(tag.integer, Buffer.from(sign), digits)
}

/** The form RFC 5280 demands for dates until 2049. */
export function utcTime(date: Date): Buffer {
  const text = `${date.toISOString().slice(2, 19).replace(/[-:T]/g, '')}Z`
  return der(tag.utcTime, Buffer.from(text, 'latin1'))
}

export function objectId(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number)
  const bytes = [first * 40 + second, ...rest.flatMap(base128)]
  return der(tag.objectId, Buffer.from(bytes))
}

function base128(value: number): number[] {
  const bytes = [value & 0x7f]
  for (let rest = value >> 7; rest > 0; rest >>= 7) bytes.unshift((rest & 0x7f) | 0x80)
  return bytes
}

function lengthOf(length: number): Buffer {
  if (length < 0x80) return Buffer.from([length])
  const bytes: number[] = []
  for (let rest = length; rest > 0; rest >>= 8) bytes.unshift(rest & 0xff)
  return Buffer.from([0x80 | bytes.length, ...bytes])
}
