/** Baileys keeps the key that WhatsApp's certificates go back to process-wide, so one process never talks to two networks. */
import { WA_CERT_DETAILS } from 'baileys'
import type { WhatsAppNetwork } from './network.ts'

const realRoot = Buffer.from(WA_CERT_DETAILS.PUBLIC_KEY)
let trusted: Buffer | null = null

/** Makes the process trust this network's root, null: WhatsApp's. Throws when another one was chosen before. */
export const trustNetwork = (network: WhatsAppNetwork | null): void => {
  const root = network === null ? realRoot : Buffer.from(network.rootKey, 'base64')
  if (trusted !== null && !trusted.equals(root)) throw new Error('this process already trusts another WhatsApp network')
  trusted = root
  WA_CERT_DETAILS.PUBLIC_KEY = root
}
