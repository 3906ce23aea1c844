/**
 * Telling WhatsApp that we trust the person we write to (iq `privacy` / `tokens`): due once a week and person, after a message.
 *
 * Baileys does that too, but notes it through a store transaction that has ended by then, so the note is lost and every message is followed by
 * a token of its own (rc14 `messages-send`, seen on the simulator). The note is made here before the send, Baileys finds it and keeps still.
 */
import type { BinaryNode, WASocket } from 'baileys'
import { shouldSendNewTcToken, storeTcTokensFromIqResult } from 'baileys/lib/Utils/tc-token-utils.js'
import type { Logger } from '../../../runtime/logging.ts'
import type { Address } from '../../engine.ts'
import { isPlace } from './addresses.ts'
import { storeTokens } from './history/tokens.ts'

/** Notes that a token is due for this person and will be issued; gives how. Null: nothing is due. */
export const claimToken = async (socket: WASocket, { jid, lid }: Address, logger: Logger): Promise<(() => void) | null> => {
  // Kept where Baileys looks: under the LID as soon as it is known.
  const id = lid ?? jid
  if (id === null) return null
  const { keys } = socket.authState
  const note = (await keys.get('tctoken', [id]))[id]
  if (!shouldSendNewTcToken(note?.senderTimestamp)) return null
  const now = Math.floor(Date.now() / 1000)
  await keys.set({ tctoken: { [id]: { token: Buffer.alloc(0), ...note, senderTimestamp: now } } })

  const issue = async (): Promise<void> => {
    const issueTo = socket.serverProps.lidTrustedTokenIssueToLid ? id : (jid ?? id)
    const result = await socket.issuePrivacyTokens([issueTo], now)
    await storeTcTokensFromIqResult({ result, fallbackJid: id, keys, getLIDForPN: async () => lid })
  }
  // One that failed is tried again next week, or by Baileys when WhatsApp refuses a message for want of it (463).
  return () => void issue().catch((error: unknown) => logger.debug({ error: String(error) }, 'a privacy token could not be issued'))
}

/**
 * What people write may bring the token for answering them; without one WhatsApp may refuse the answer (463). WhatsApp Web keeps it
 * (`WAWebSetTcTokenChatAction.handleIncomingTcToken`), Baileys rc14 does not.
 */
export const keepTokensOf = (socket: WASocket, completed: (address: Address) => Promise<Address>, logger: Logger): void => {
  socket.ws.on('CB:message', ({ attrs, content }: BinaryNode) => {
    const token = Array.isArray(content) ? content.find(({ tag }) => tag === 'tctoken') : undefined
    const { from, sender_pn: pnJid, sender_lid: lidJid } = attrs
    if (!from || isPlace(from) || attrs.recipient !== undefined || !(token?.content instanceof Uint8Array) || !(Number(token.attrs.t) > 0))
      return
    const chat = { id: from, pnJid, lidJid, tcToken: token.content, tcTokenTimestamp: Number(token.attrs.t) }
    storeTokens(socket.authState.keys, [chat], completed).catch((error: unknown) => {
      logger.debug({ error: String(error) }, 'a privacy token could not be kept')
    })
  })
}
