import { proto } from 'baileys'
import { describe, expect, it } from 'vitest'
import { type HistoryItem, type HistoryKind, itemsOf } from '../items.ts'

const everything = new Set<HistoryKind>(['message', 'chat', 'push-name', 'mapping'])

const chunk = proto.HistorySync.create({
  syncType: proto.HistorySync.HistorySyncType.RECENT,
  conversations: Array.from({ length: 7 }, (_, c) => ({
    id: `55119000${c}@s.whatsapp.net`,
    name: `Chat ${c}`,
    unreadCount: c,
    archived: c % 2 === 0,
    conversationTimestamp: 1_700_000_000 + c,
    // Left out: lists that grow with a group.
    participant: [{ userJid: 'somebody@s.whatsapp.net' }],
    messages: Array.from({ length: 20 * c }, (_, m) => ({
      message: { key: { remoteJid: `55119000${c}@s.whatsapp.net`, id: `${c}-${m}` }, message: { conversation: 'word '.repeat(m) } },
      msgOrderId: m,
    })),
  })),
  pushnames: [{ id: '551@s.whatsapp.net', pushname: 'Ana' }],
  chunkOrder: 3,
  progress: 70,
  globalSettings: { lightThemeWallpaper: { filename: 'x'.repeat(100_000) } },
  phoneNumberToLidMappings: [{ pnJid: '551@s.whatsapp.net', lidJid: '91@lid' }],
})
const bytes = proto.HistorySync.encode(chunk).finish()

async function* inPieces(whole: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < whole.length; at += size) yield whole.subarray(at, at + size)
}

const read = async (whole: Uint8Array, { size = 4096, wanted = everything } = {}): Promise<HistoryItem[]> => {
  const items: HistoryItem[] = []
  for await (const item of itemsOf(inPieces(whole, size), wanted)) items.push(item)
  return items
}

describe('a chunk of history, read piece by piece', () => {
  it.each([1, 2, 3, 7, 64, 1000, 65_536, 10_000_000])('is what the library reads at once: pieces of %i bytes', async (size) => {
    const items = await read(bytes, { size })
    const whole = proto.HistorySync.decode(bytes)
    const messages = items.flatMap((item) => (item.kind === 'message' ? [item.message] : []))
    expect(messages).toEqual(whole.conversations.flatMap((chat) => (chat.messages ?? []).map(({ message }) => message)))
    const chats = items.flatMap((item) => (item.kind === 'chat' ? [item.chat] : []))
    expect(chats.map((chat) => proto.Conversation.create(chat).toJSON())).toEqual(
      whole.conversations.map((chat) => proto.Conversation.create({ ...chat, messages: [], participant: [] }).toJSON()),
    )
    expect(items.flatMap((item) => (item.kind === 'push-name' ? [item.name] : []))).toEqual(whole.pushnames)
    expect(items.flatMap((item) => (item.kind === 'mapping' ? [item.mapping] : []))).toEqual(whole.phoneNumberToLidMappings)
  })

  it('a conversation comes after its messages', async () => {
    const kinds = (await read(bytes)).map(({ kind }) => kind).filter((kind) => kind === 'chat' || kind === 'message')
    expect(kinds.indexOf('chat')).toBe(0)
    expect(kinds.indexOf('message')).toBe(1)
    expect(kinds.lastIndexOf('chat')).toBe(kinds.length - 1)
  })

  it('is passed over where nobody wants it', async () => {
    const items = await read(bytes, { wanted: new Set<HistoryKind>(['mapping']) })
    expect(items.map(({ kind }) => kind)).toEqual(['mapping'])
  })

  it('leaves out a message that is too large to be one', async () => {
    const messages = [2 ** 10, 2 ** 23, 2 ** 11].map((size) => ({
      message: { key: { id: String(size) }, message: { conversation: 'x'.repeat(size) } },
    }))
    const large = proto.HistorySync.encode({ syncType: 3, conversations: [{ id: 'a@s.whatsapp.net', messages }] }).finish()
    const items = await read(large, { wanted: new Set<HistoryKind>(['message']) })
    expect(items.flatMap((item) => (item.kind === 'message' ? [item.message.key?.id] : []))).toEqual(['1024', '2048'])
  })

  it('that breaks off anywhere is damaged, unless it does so between two fields', async () => {
    const small = proto.HistorySync.encode({
      syncType: 3,
      conversations: chunk.conversations.slice(0, 2).map((chat) => ({ ...chat, messages: (chat.messages ?? []).slice(0, 3) })),
      progress: 300,
      pushnames: chunk.pushnames,
    }).finish()
    const between = new Set(endsOfFields(small))
    for (let end = 0; end < small.length; end += 1) {
      const outcome = await read(small.subarray(0, end)).catch((error: unknown) => error)
      if (between.has(end)) expect(outcome).toBeInstanceOf(Array)
      else expect(outcome, `${end} bytes`).toMatchObject({ code: 'damaged' })
    }
  })

  it.each<[string, number[]]>([
    ['a kind of field there is not', [0x0b, 0x00]],
    ['a number without end', Array.from({ length: 30 }, () => 0xff)],
    ['a field longer than what it stands in', [0x12, 0x03, 0x12, 0x7f, 0x00]],
    ['a length beyond all files', [0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f]],
    ['a message that is none', [0x12, 0x04, 0x12, 0x02, 0x0a, 0x7f]],
  ])('%s is damaged', async (_what, wrong) => {
    await expect(read(Uint8Array.from(wrong))).rejects.toMatchObject({ code: 'damaged' })
  })
})

/** Positions between two fields of the outermost message. */
function* endsOfFields(whole: Uint8Array): Generator<number> {
  let at = 0
  const varint = (): number => {
    let value = 0
    for (let factor = 1; ; factor *= 128) {
      const byte = whole[at++] ?? 0
      value += (byte & 0x7f) * factor
      if (byte < 0x80) return value
    }
  }
  while (at < whole.length) {
    yield at
    const tag = varint()
    const value = varint()
    if (tag % 8 === 2) at += value
  }
}
