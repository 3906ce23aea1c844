/**
 * WhatsApp hands over messages only on a connection that has said that it is active. Baileys says so once while it opens, and takes the connection
 * for open whether WhatsApp agrees, refuses or keeps silent: connected, able to send, and nothing would ever arrive. Whoever is active is told
 * how much waited for it, be it nothing; when that does not come, WhatsApp is asked again, and when it refuses again the connection is given up.
 */
import type { BinaryNode, WASocket } from 'baileys'

const TOLD_WITHIN_MS = 5_000

interface BeingActiveOptions {
  request(node: BinaryNode): Promise<BinaryNode>
  onRefused(error: unknown): void
}

export const becomeActive = ({ ws, ev }: Pick<WASocket, 'ws' | 'ev'>, { request, onRefused }: BeingActiveOptions): void => {
  let told = false
  let timer: NodeJS.Timeout | undefined
  const active = (): void => {
    told = true
    clearTimeout(timer)
  }
  ws.once('CB:ib,,offline_preview', active)
  ws.once('CB:ib,,offline', active)
  ev.on('connection.update', ({ connection }) => {
    if (connection === 'close') clearTimeout(timer)
    if (connection === 'open' && !told) timer = setTimeout(() => void request(sayActive()).catch(onRefused), TOLD_WITHIN_MS)
  })
}

const sayActive = (): BinaryNode => ({
  tag: 'iq',
  attrs: { to: '@s.whatsapp.net', type: 'set', xmlns: 'passive' },
  content: [{ tag: 'active', attrs: {} }],
})
