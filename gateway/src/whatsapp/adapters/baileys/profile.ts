/** The own profile and its privacy, by WhatsApp's own queries (shapes as in Baileys 7, `Socket/chats`). */
import type { BinaryNode, WASocket } from 'baileys'
import { canonicalOf } from '../../address.ts'
import type { PrivacyCategory, ProfileSession } from '../../profile.ts'
import { businessProfileQuery, readBusinessProfile } from './business-profile.ts'
import { childOf, childrenNamed } from './nodes.ts'

interface Collaborators {
  socket(): WASocket
  request(node: BinaryNode, timeoutMs?: number): Promise<BinaryNode>
  ask<T>(call: () => Promise<T>): Promise<T>
  /** Writes the name where all devices of the account find it. */
  shareName(name: string): Promise<void>
}

const to = 's.whatsapp.net'

/** It is an extra of a profile, which must not wait long for it. */
const BUSINESS_TIMEOUT_MS = 5_000

export const createProfile = ({ socket, request, ask, shareName }: Collaborators): ProfileSession['profile'] => ({
  async setPicture(picture) {
    const attrs = { to, type: 'set', xmlns: 'w:profile:picture' }
    await request({
      tag: 'iq',
      attrs,
      ...(picture === null ? {} : { content: [{ tag: 'picture', attrs: { type: 'image' }, content: picture }] }),
    })
  },

  async setName(name) {
    await shareName(name)
    const { me } = socket().authState.creds
    if (me !== undefined) socket().ev.emit('creds.update', { me: { ...me, name } })
  },

  async setAbout(about) {
    const content = [{ tag: 'status', attrs: {}, content: Buffer.from(about) }]
    await request({ tag: 'iq', attrs: { to, type: 'set', xmlns: 'status' }, content })
  },

  async about(of) {
    const answers = await ask(() => socket().fetchStatus(canonicalOf(of)))
    const status: unknown = answers?.[0]?.status
    const text = typeof status === 'object' && status !== null ? Reflect.get(status, 'status') : null
    return typeof text === 'string' && text !== '' ? text : null
  },

  async business(of) {
    return readBusinessProfile(await request(businessProfileQuery(canonicalOf(of)), BUSINESS_TIMEOUT_MS))
  },

  async privacy() {
    const answer = await request({ tag: 'iq', attrs: { to, type: 'get', xmlns: 'privacy' }, content: [{ tag: 'privacy', attrs: {} }] })
    const told = childrenNamed(childOf(answer, 'privacy'), 'category').map(({ attrs: { name = '', value = '' } }) => [name, value])
    return Object.fromEntries(told) as Partial<Record<PrivacyCategory, string>>
  },

  async setPrivacy(name, value) {
    const content = [{ tag: 'privacy', attrs: {}, content: [{ tag: 'category', attrs: { name, value } }] }]
    await request({ tag: 'iq', attrs: { to, type: 'set', xmlns: 'privacy' }, content })
  },
})
