/** Addresses: `user[:device]@server`. A user has two: by phone number (`s.whatsapp.net`) and by LID (`lid`). */

export type UserServer = 's.whatsapp.net' | 'lid'

export interface Jid {
  user: string
  /** Undefined when the address names the user; 0 is the phone. */
  device: number | undefined
  server: string
}

export function parseJid(text: string | undefined): Jid | undefined {
  if (text === undefined) return undefined
  const at = text.indexOf('@')
  if (at < 0) return undefined
  const local = text.slice(0, at)
  const server = text.slice(at + 1)
  const colon = local.indexOf(':')
  if (colon < 0) return { user: local, device: undefined, server }
  const device = Number(local.slice(colon + 1))
  if (!Number.isInteger(device) || device < 0) return undefined
  return { user: local.slice(0, colon), device, server }
}

/** The phone's address carries no device part on the wire. */
export function formatJid(user: string, server: string, device = 0): string {
  return device === 0 ? `${user}@${server}` : `${user}:${device}@${server}`
}
