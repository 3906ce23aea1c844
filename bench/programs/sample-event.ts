/** An incoming text as its `message.exchange` event has it, always of the same length. */

/** Digits of `n`. */
const width = 7

export const sampleData = (n: number): Record<string, unknown> => ({
  id: `3EB0${String(n).padStart(width, '0')}8F1D2C3B4A`,
  direction: 'incoming',
  timestamp: '2026-11-23T12:00:00.000Z',
  source: '',
  chat: { jid: '34600000001@s.whatsapp.net', lid: '100000000000001@lid', name: 'A friend', type: 'individual' },
  sender: { jid: '34600000001@s.whatsapp.net', lid: '100000000000001@lid', name: 'A friend' },
  recipient: { jid: '34600000002@s.whatsapp.net', lid: '100000000000002@lid', name: null },
  message: {
    type: 'text',
    content: `Hello, this is message ${String(n).padStart(width, '0')}; could you tell me when the order is going to arrive?`,
    media: null,
    quoted: null,
    mentions: [],
  },
})
