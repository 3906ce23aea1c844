/** Why WhatsApp refused a message that had been handed to it, in words; the codes are those of its `ack` (engine.md §6.2, §8.2). */
const reasons: Readonly<Record<number, string>> = {
  400: 'WhatsApp does not understand the message',
  401: 'the account may not write here',
  403: 'the account is not in this chat',
  404: 'there is no such chat',
  405: 'WhatsApp does not take a message of this form',
  420: 'only admins write here',
  429: 'too many messages in a short time',
  463: 'the account is restricted: it may not begin new chats for now',
  479: 'the message was written for devices that are not there any more; the next one is written for those that are',
}

/** The `error` of a `message.status` (ours). */
export const verdictOf = (code: number): { code: number; reason: string } => ({
  code,
  reason: reasons[code] ?? 'WhatsApp refused the message',
})
