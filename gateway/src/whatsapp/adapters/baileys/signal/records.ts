/**
 * The few fields of Signal's own protobufs we look into ourselves: who a session or a first message belongs to. The bridge keeps
 * its records in libsignal's storage format (`RecordStructure`, `SessionStructure`) and offers no getters for them.
 */

export interface SessionFacts {
  /** 33 bytes, type byte first. */
  remoteIdentity: Uint8Array | null
  remoteRegistrationId: number
  /** Key both sides started from; tells two sessions with the same device apart. */
  baseKey: Uint8Array | null
}

/** Facts of the current session of a stored record; null when it has none. */
export const readSession = (record: Uint8Array): SessionFacts | null => {
  const current = readFields(record).bytes.get(1)
  if (current === undefined || current.length === 0) return null
  const session = readFields(current)
  return {
    remoteIdentity: session.bytes.get(3) ?? null,
    remoteRegistrationId: session.numbers.get(10) ?? 0,
    baseKey: session.bytes.get(13) ?? null,
  }
}

/** The sessions of a stored record one by one, the current one first: what `joinSessions` makes a record of again. */
export const splitSessions = (record: Uint8Array): Uint8Array[] => {
  const current: Uint8Array[] = []
  const previous: Uint8Array[] = []
  eachField(record, (field, value) => {
    if (typeof value === 'number') return
    if (field === 1) current.push(value)
    if (field === 2) previous.push(value)
  })
  return [...current, ...previous].filter((session) => session.length > 0)
}

export const joinSessions = (sessions: readonly Uint8Array[]): Uint8Array =>
  Buffer.concat(sessions.flatMap((session, index) => [lengthPrefix(index === 0 ? 1 : 2, session.length), session]))

/** Identity key (33 bytes) of a `pkmsg`: one version byte, then PreKeyWhisperMessage. Null when it can't be read. */
export const identityOfFirstMessage = (ciphertext: Uint8Array): Uint8Array | null => {
  try {
    const identity = readFields(ciphertext.subarray(1)).bytes.get(3)
    return identity?.length === 33 ? identity : null
  } catch {
    return null
  }
}

export const sameBytes = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0

interface Fields {
  bytes: Map<number, Uint8Array>
  numbers: Map<number, number>
}

/** Top-level fields of a protobuf message, the last one of each number. Throws a RangeError on anything malformed. */
const readFields = (buffer: Uint8Array): Fields => {
  const fields: Fields = { bytes: new Map(), numbers: new Map() }
  eachField(buffer, (field, value) => {
    if (typeof value === 'number') fields.numbers.set(field, value)
    else fields.bytes.set(field, value)
  })
  return fields
}

/** In the order they stand there; fixed-width ones are passed over. Throws a RangeError on anything malformed. */
const eachField = (buffer: Uint8Array, take: (field: number, value: Uint8Array | number) => void): void => {
  let at = 0
  const varint = (): number => {
    let value = 0
    for (let scale = 1; ; scale *= 128) {
      const byte = buffer[at++]
      if (byte === undefined || scale > 2 ** 63) throw new RangeError('truncated protobuf')
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value
    }
  }
  const bytes = (length: number): Uint8Array => {
    const end = at + length
    if (end > buffer.length) throw new RangeError('truncated protobuf')
    const part = buffer.subarray(at, end)
    at = end
    return part
  }
  while (at < buffer.length) {
    const tag = varint()
    const field = Math.floor(tag / 8)
    switch (tag % 8) {
      case 0:
        take(field, varint())
        break
      case 1:
        bytes(8)
        break
      case 2:
        take(field, bytes(varint()))
        break
      case 5:
        bytes(4)
        break
      default:
        throw new RangeError('unknown protobuf wire type')
    }
  }
}

/** Tag and length of a length-delimited field. */
const lengthPrefix = (field: number, length: number): Uint8Array => {
  const bytes = [field * 8 + 2]
  for (let rest = length; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Uint8Array.from([...bytes, rest])
    bytes.push((rest % 128) | 0x80)
  }
}
