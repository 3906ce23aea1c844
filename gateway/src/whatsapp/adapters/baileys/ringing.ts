/**
 * A call's offer, and its end. Each device of the other side gets the key of the call encrypted for itself, and rings only then (engine.md
 * §8.2); the fields are those WhatsApp Web sends, Baileys has no call of its own for it.
 */
import { randomBytes } from 'node:crypto'
import { type BinaryNode, encodeSignedDeviceIdentity, type WASocket } from 'baileys'
import type { CallSession } from '../../calls.ts'
import { type Address, EngineError } from '../../engine.ts'

interface Collaborators {
  socket(): WASocket
  ask<T>(call: () => Promise<T>): Promise<T>
  request(node: BinaryNode): Promise<BinaryNode>
  /** The JID to reach this person under. */
  targetOf(to: Address): string
}

/** What we can do: plain voice. */
const CAPABILITY = Uint8Array.of(1, 4, 255, 131, 207, 4)

export const createRinging = ({ socket, ask, request, targetOf }: Collaborators): CallSession => ({
  async ring(to) {
    const jid = targetOf(to)
    const { creds } = socket().authState
    const creator = creds.me?.id
    if (creator === undefined) throw new EngineError('not-connected', 'the session has no account')
    const id = randomBytes(16).toString('hex').toUpperCase()
    const destination = await ask(async () => {
      const devices = (await socket().getUSyncDevices([jid], true, false)).map((device) => device.jid)
      if (devices.length === 0) throw new EngineError('not-registered', 'WhatsApp knows no device of this person')
      await socket().assertSessions(devices)
      return socket().createParticipantNodes(devices, { call: { callKey: randomBytes(32) } }, { count: '0' })
    })
    const identity = destination.shouldIncludeDeviceIdentity && creds.account ? encodeSignedDeviceIdentity(creds.account, true) : null
    const action = (tag: string, content: BinaryNode[]): BinaryNode => ({
      tag: 'call',
      attrs: { to: jid, id: socket().generateMessageTag() },
      content: [{ tag, attrs: { 'call-id': id, 'call-creator': creator }, content }],
    })
    await request(
      action('offer', [
        { tag: 'audio', attrs: { enc: 'opus', rate: '16000' } },
        { tag: 'audio', attrs: { enc: 'opus', rate: '8000' } },
        { tag: 'net', attrs: { medium: '3' } },
        { tag: 'capability', attrs: { ver: '1' }, content: CAPABILITY },
        { tag: 'destination', attrs: {}, content: destination.nodes },
        { tag: 'encopt', attrs: { keygen: '2' } },
        ...(identity === null ? [] : [{ tag: 'device-identity', attrs: {}, content: identity }]),
      ]),
    )
    return { id, hangUp: async () => void (await request(action('terminate', []))) }
  },
})
