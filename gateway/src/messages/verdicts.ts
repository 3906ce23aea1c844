/** Why WhatsApp refused a message that had been handed to it, in words; the codes are those of its `ack` (engine.md §6.2, §8.2). */
const reasons: Readonly<Record<number, string>> = {
  400: 'WhatsApp does not understand the message',
  401: 'the account may not write here',
  403: 'the account is not in this chat',
  404: 'there is no such chat',
  405: 'WhatsApp does not take a message of this form',
  420: 'only admins write here',
  421: 'the members of the group are named otherwise by now; the next message is written so',
  429: 'too many messages in a short time',
  463: 'the account is restricted: it may not begin new chats for now',
  475: 'the account has begun as many new chats as it may for now',
  479: 'the message was written for devices that are not there any more; the next one is written for those that are',
}

/** The `error` of a `message.status` (ours). */
export const verdictOf = (code: number): { code: number; reason: string } => ({
  code,
  reason: reasons[code] ?? 'WhatsApp refused the message',
})
