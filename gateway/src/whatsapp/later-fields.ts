/**
 * What WhatsApp has added to its message format since the generated code was made: that code passes over a field it does not know, and a message
 * that says nothing else looks as if it said nothing. Since July 2026 phones write polls in such a field. Pure.
 */

/** The last field of a message that the generated code knows. */
const LAST_KNOWN = 114
/** Of any protobuf. */
const LAST_POSSIBLE = 2 ** 29 - 1
/** WhatsApp nests a handful at most. */
const DEEPEST = 8
/** Has the form of every poll before it. */
const POLL_V6 = 119

/** What holds a message: its field, its name, and the field inside it that is the message. */
const envelopes = [
  [31, 'deviceSentMessage', 2],
  [37, 'viewOnceMessage', 1],
  [40, 'ephemeralMessage', 1],
  [55, 'viewOnceMessageV2', 1],
  [58, 'editedMessage', 1],
  [59, 'viewOnceMessageV2Extension', 1],
  [62, 'groupMentionedMessage', 1],
  [67, 'botInvokeMessage', 1],
  [91, 'associatedChildMessage', 1],
  [93, 'pollCreationMessageV4', 1],
  [96, 'groupStatusMessage', 1],
  [103, 'groupStatusMessageV2', 1],
  [104, 'botForwardedMessage', 1],
] as const

const holders: ReadonlyMap<number, (typeof envelopes)[number]> = new Map(envelopes.map((envelope) => [envelope[0], envelope]))

type Holder = (typeof envelopes)[number][1]

/** What is looked at of a message. */
type Growing<Poll> = { pollCreationMessage?: Poll | null } & { [Name in Holder]?: { message?: Growing<Poll> | null } | null }

/** Fills in what `bytes` say and `message`, decoded from them, lacks. Throws when that makes no sense. */
export const addLaterFields = <Poll>(
  message: Growing<Poll>,
  bytes: Uint8Array,
  decodePoll: (bytes: Uint8Array) => Poll,
  depth = 0,
): void => {
  for (const { number, content } of fieldsIn(bytes)) {
    if (content === null) continue
    if (number === POLL_V6) message.pollCreationMessage ??= decodePoll(content)
    const held = heldIn(number, content)
    const inner = held === null ? null : message[held.name]?.message
    if (held !== null && inner && depth < DEEPEST) addLaterFields(inner, held.bytes, decodePoll, depth + 1)
  }
}

/** Whether a message says something in a field that nobody here knows. */
export const saysMore = (bytes: Uint8Array, depth = 0): boolean => {
  for (const { number, content } of fieldsIn(bytes)) {
    if (number > LAST_KNOWN) return true
    const held = content === null ? null : heldIn(number, content)
    if (held !== null && depth < DEEPEST && saysMore(held.bytes, depth + 1)) return true
  }
  return false
}

/** The message inside such a field. */
const heldIn = (number: number, content: Uint8Array): { name: Holder; bytes: Uint8Array } | null => {
  const envelope = holders.get(number)
  if (envelope === undefined) return null
  const [, name, place] = envelope
  for (const { number: inner, content: bytes } of fieldsIn(content)) if (inner === place && bytes !== null) return { name, bytes }
  return null
}

/** The fields of one protobuf message; `content` is null where it is a number. What makes no sense ends it. */
function* fieldsIn(bytes: Uint8Array): Generator<{ number: number; content: Uint8Array | null }> {
  let at = 0
  const varint = (): number => {
    let value = 0
    for (let scale = 1; at < bytes.length; scale *= 128) {
      const byte = bytes[at++] ?? 0
      value += (byte & 127) * scale
      if (byte < 128) break
    }
    return value
  }
  while (at < bytes.length) {
    const tag = varint()
    const number = Math.floor(tag / 8)
    if (number > LAST_POSSIBLE) return
    switch (tag % 8) {
      case 0:
        varint()
        yield { number, content: null }
        break
      case 1:
        at += 8
        yield { number, content: null }
        break
      case 2: {
        const length = varint()
        if (length > bytes.length - at) return
        yield { number, content: bytes.subarray(at, at + length) }
        at += length
        break
      }
      case 5:
        at += 4
        yield { number, content: null }
        break
      default:
        return
    }
  }
}
