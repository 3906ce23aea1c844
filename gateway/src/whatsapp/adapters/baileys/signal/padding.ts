/** WhatsApp pads a message with 1 to 16 bytes that each hold their own count. */

/** Throws a RangeError when the padding is impossible. */
export const removePadding = (padded: Uint8Array): Uint8Array => {
  const count = padded.at(-1)
  if (count === undefined || count > padded.length) throw new RangeError('impossible message padding')
  return padded.subarray(0, padded.length - count)
}

export const addPadding = (plain: Uint8Array): Uint8Array => {
  const padded = new Uint8Array(plain.length + 1)
  padded.set(plain)
  padded[plain.length] = 1
  return padded
}
