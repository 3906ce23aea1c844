/**
 * Answers to devices that could not read a message of ours whose stanza says something too. Baileys sends it again without that: an edit, a
 * revocation or a pin would be taken for a new message, and what has buttons would not be shown. Every other message is left to it.
 */
import { type BinaryNode, extractE2ESessionFromRetryReceipt, proto, type WASocket } from 'baileys'
import { buildAckStanza } from 'baileys/lib/Utils/stanza-ack.js'
import { nodesBeside } from '../../stanza-nodes.ts'
import type { WireMessage } from '../../wire.ts'
import { toBinaryNode } from './nodes.ts'
import type { CacheView } from './shared-cache.ts'

/** As often as clients answer one device about one message. */
const ANSWERS = 5

const { Type } = proto.Message.ProtocolMessage

/** The attribute's value, as WhatsApp Web writes it: 1 edit, 2 pin, 7 revocation, 8 by an admin. Null: an ordinary message. */
export const editOf = (message: WireMessage): '1' | '2' | '7' | '8' | null => {
  if (message.pinInChatMessage) return '2'
  const protocol = message.editedMessage?.message?.protocolMessage ?? message.protocolMessage
  if (!protocol?.key?.id) return null
  if (protocol.type === Type.MESSAGE_EDIT) return '1'
  // Protobuf leaves a 0 out.
  return (protocol.type ?? Type.REVOKE) !== Type.REVOKE ? null : protocol.key.fromMe === false ? '8' : '7'
}

export interface RetryAnswersOptions {
  socket(): WASocket
  storedMessage(id: string): Promise<WireMessage | null>
  /** How often a message was sent again, by message and device. */
  answers: CacheView<unknown>
}

/** True: it has been taken care of, and Baileys must not see the receipt. */
export const createRetryAnswers =
  ({ socket, storedMessage, answers }: RetryAnswersOptions) =>
  async (receipt: BinaryNode): Promise<boolean> => {
    const { id, from, type, participant, recipient } = receipt.attrs
    const device = participant ?? from
    if (type !== 'retry' || !id || !from || !device) return false
    const message = await storedMessage(id)
    if (message === null) return false
    const edit = editOf(message)
    const nodes = nodesBeside(message)
    if (edit === null && nodes.length === 0) return false
    const key = `stanza/${id}/${device}`
    const times = Number(answers.get(key) ?? 0) + 1
    answers.set(key, times)
    const retry = Array.isArray(receipt.content) ? receipt.content.find(({ tag }) => tag === 'retry') : undefined
    const session = extractE2ESessionFromRetryReceipt(receipt)
    try {
      if (times > ANSWERS) return true
      if (session === null) await socket().assertSessions([device], true)
      else await socket().signalRepository.injectE2ESession({ jid: device, session })
      await socket().relayMessage(recipient ?? from, message, {
        messageId: id,
        participant: { jid: device, count: Number(retry?.attrs.count) || times },
        additionalAttributes: edit === null ? {} : { edit },
        additionalNodes: nodes.map(toBinaryNode),
      })
    } finally {
      await socket().sendNode(buildAckStanza(receipt))
    }
    return true
  }
