/** WhisperTextProtocol.PreKeyWhisperMessage (proto2): Baileys reads the identity key of a `pkmsg` with it. */

const VARINT = 0
const BYTES = 2
const FIELDS = {
  1: ['preKeyId', VARINT],
  2: ['baseKey', BYTES],
  3: ['identityKey', BYTES],
  4: ['message', BYTES],
  5: ['registrationId', VARINT],
  6: ['signedPreKeyId', VARINT],
}

export const PreKeyWhisperMessage = {
  /** Throws a RangeError on bytes that are no such message. Unknown fields are skipped. */
  decode(bytes) {
    const message = {}
    let at = 0
    const varint = () => {
      let value = 0
      for (let scale = 1; ; scale *= 128) {
        if (at >= bytes.length || scale > 2 ** 42) throw new RangeError('truncated varint')
        const byte = bytes[at++]
        value += (byte & 0x7f) * scale
        if (byte < 0x80) return value
      }
    }
    const take = (length) => {
      if (at + length > bytes.length) throw new RangeError('truncated field')
      at += length
      return bytes.subarray(at - length, at)
    }
    while (at < bytes.length) {
      const tag = varint()
      const wire = tag % 8
      const field = FIELDS[Math.floor(tag / 8)]
      let value
      if (wire === VARINT) value = varint()
      else if (wire === BYTES) value = take(varint())
      else if (wire === 5) take(4)
      else if (wire === 1) take(8)
      else throw new RangeError(`unknown wire type ${wire}`)
      if (field && field[1] === wire) message[field[0]] = value
    }
    return message
  },

  encode(message) {
    const parts = []
    const varint = (value) => {
      const out = []
      for (; value >= 128; value = Math.floor(value / 128)) out.push((value % 128) + 128)
      parts.push(Buffer.from([...out, value]))
    }
    for (const [number, [name, wire]] of Object.entries(FIELDS)) {
      const value = message[name]
      if (value === undefined || value === null) continue
      varint(Number(number) * 8 + wire)
      if (wire === VARINT) varint(value)
      else {
        varint(value.length)
        parts.push(value)
      }
    }
    const encoded = Buffer.concat(parts)
    return { finish: () => encoded }
  },
}
