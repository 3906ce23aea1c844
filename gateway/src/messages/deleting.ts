/** `DELETE /api/chat/delete` (chat-profile-calls.md §24): a message goes, for everybody or from the account's own devices. */
import { z } from 'zod'
import { ApiError } from '../http/errors.ts'
import { instanceOperation, type Operation, requiredString } from '../http/operation.ts'
import type { Database } from '../storage/database.ts'
import { addressOf } from '../whatsapp/address.ts'
import { isGroupJid } from '../whatsapp/jid.ts'
import { applyChange, findMessage, type MessageRow } from './message-repository.ts'
import { refusalOf } from './refusals.ts'
import type { Sender, SendingInstances } from './send.ts'

/** `ProtocolMessage.Type.REVOKE` of WAProto. */
const REVOKE = 0

const notOurs = 'Only messages sent by this instance can be deleted for everyone'
const texts = { revoke: 'Message deleted for everyone', delete_for_me: 'Message deleted for me' } as const

interface Collaborators {
  db: Database
  sender: Sender
  instances: SendingInstances
}

export const deleteOperation = ({ db, sender, instances }: Collaborators): Operation => {
  /** An admin of a group may take back what others wrote there. */
  const revoke = async (instance: Parameters<Sender['send']>[0], row: MessageRow): Promise<void> => {
    const inGroup = isGroupJid(row.chat)
    if (!row.fromMe && !inGroup) throw new ApiError(400, notOurs)
    const key = { remoteJid: row.chat, fromMe: row.fromMe, id: row.messageId, ...(row.fromMe ? {} : { participant: row.sender }) }
    await sender.send(
      instance,
      { number: row.chat },
      {
        check() {},
        compose: async () => ({
          messageType: 'message_revoke',
          content: '',
          message: { protocolMessage: { key, type: REVOKE } },
          extras: { edit: row.fromMe ? 'revoke' : 'admin-revoke' },
        }),
      },
    )
    await db.write((tx) =>
      applyChange(tx, instance.id, { kind: 'revoke', chat: row.chat, sender: row.sender, messageId: row.messageId, content: '' }),
    )
  }

  const deleteForMe = async (instanceId: string, row: MessageRow): Promise<void> => {
    const message = { id: row.messageId, chat: addressOf(row.chat), sender: addressOf(row.sender), fromMe: row.fromMe }
    await instances
      .session(instanceId)
      .act({ kind: 'delete-for-me', message, timestamp: row.sentAt })
      .catch((error: unknown) => {
        throw refusalOf(error, row.chat, 'Failed to delete message')
      })
  }

  return instanceOperation({
    id: 'chat.delete',
    needs: ['revoke', 'chat-actions'],
    method: 'DELETE',
    path: '/api/chat/delete/:instance',
    token: 'any',
    rateLimit: 'global',
    tag: 'Chat',
    summary: 'Delete a message',
    description: 'For everyone (in a group its admins may take back what others wrote), or on the devices of this account alone.',
    body: z.object({
      messageId: requiredString('MessageID is required').meta({ example: '3EB0AA11BB22CC33DD44' }),
      deleteForEveryone: z.boolean().nullish().meta({ example: true, description: 'Default `false`: on the own devices only' }),
    }),
    answers: {
      200: z.object({
        success: z.literal(true),
        message: z.string(),
        message_id: z.string(),
        chat_jid: z.string(),
        delete_type: z.enum(['revoke', 'delete_for_me']),
      }),
    },
    errors: [
      { status: 400, message: 'MessageID is required' },
      { status: 400, message: notOurs },
      { status: 404, message: 'message not found' },
      { status: 409, message: 'The phone has not shared its settings yet. Try again later.' },
      { status: 409, message: 'Other devices of the account keep changing the same settings. Try again later.' },
      { status: 500, message: 'Failed to delete message: <reason>' },
      { status: 503, message: 'Instance is not connected to WhatsApp' },
    ],
    async handle({ scope, body: { messageId, deleteForEveryone } }) {
      const row = await findMessage(db.read, scope.instance.id, messageId)
      if (row === null) throw new ApiError(404, 'message not found')
      const type = deleteForEveryone ? 'revoke' : 'delete_for_me'
      await (type === 'revoke' ? revoke(scope.instance, row) : deleteForMe(scope.instance.id, row))
      const names = { message_id: messageId, chat_jid: row.chat, delete_type: type } as const
      return { status: 200, body: { success: true, message: texts[type], ...names } }
    },
  })
}
