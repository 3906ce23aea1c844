import { type BinaryNode, initAuthCreds } from 'baileys'
import { expect, it } from 'vitest'
import { qrWithSecret, refreshRegistration } from '../registration-refresh.ts'

const notified = async (child: string, type = 'companion_reg_refresh', linkedByCode = false) => {
  const credentials = initAuthCreds()
  // The library notes the account as soon as it asks for a code.
  if (linkedByCode) credentials.me = { id: '34600111222@s.whatsapp.net' }
  const before = credentials.advSecretKey
  const sent: BinaryNode[] = []
  let shown = 0
  const notification = { tag: 'notification', attrs: { id: 'N1', from: 's.whatsapp.net', type }, content: [{ tag: child, attrs: {} }] }
  const handled = await refreshRegistration(notification, {
    credentials,
    send: async (ack) => void sent.push(ack),
    onRefreshed: () => {
      shown += 1
    },
  })
  return { handled, sent, shown, isNew: credentials.advSecretKey !== before, secret: credentials.advSecretKey }
}

it.each(['companion_reg_refresh', 'pair-device-rotate-qr'])('%s: a new secret of 32 bytes, shown and acknowledged', async (child) => {
  const { secret, ...refreshed } = await notified(child)
  const ack = { tag: 'ack', attrs: { class: 'notification', type: 'companion_reg_refresh', id: 'N1', to: 's.whatsapp.net' } }
  expect(refreshed).toEqual({ handled: true, sent: [ack], shown: 1, isNew: true })
  expect(Buffer.from(secret, 'base64')).toHaveLength(32)
})

it.each([
  ['while a pairing code is used, whose handshake makes a secret of its own', await notified('companion_reg_refresh', undefined, true)],
  ['of another kind', await notified('companion_reg_refresh', 'server')],
  ['that asks for something else', await notified('ref')],
])('one %s is left to the library', (_case, { secret: _, ...left }) => {
  expect(left).toEqual({ handled: false, sent: [], shown: 0, isNew: false })
})

it('the QR keeps everything but the secret', () => {
  expect(qrWithSecret('https://wa.me/settings/linked_devices#2@ref,noise=,identity=,old=,1', 'new=')).toBe(
    'https://wa.me/settings/linked_devices#2@ref,noise=,identity=,new=,1',
  )
})
