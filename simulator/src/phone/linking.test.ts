import { randomBytes } from 'node:crypto'
import {
  aesDecryptCTR,
  aesEncryptCTR,
  aesEncryptGCM,
  type BinaryNode,
  Curve,
  configureSuccessfulPairing,
  derivePairingCodeKey,
  hkdf,
  initAuthCreds,
  type KeyPair,
} from 'baileys'
import { expect, test } from 'vitest'
import { DeviceKeys } from './device-keys.ts'
import { signCompanion, startPairingCode } from './linking.ts'

const device = { keyIndex: 3, rawId: 77, timestamp: 1_700_000_000 }

function pairSuccess(identity: Uint8Array): BinaryNode {
  const content: BinaryNode[] = [
    { tag: 'device-identity', attrs: {}, content: identity },
    { tag: 'device', attrs: { jid: '5511900000001:3@s.whatsapp.net', lid: '95511900000001:3@lid' } },
    { tag: 'platform', attrs: { name: 'android' } },
  ]
  return { tag: 'iq', attrs: { id: 'P1' }, content: [{ tag: 'pair-success', attrs: {}, content }] }
}

test('Baileys accepts the signature of the phone, and of no other', () => {
  const phone = new DeviceKeys()
  const creds = initAuthCreds()
  const companion = { identity: creds.signedIdentityKey.public, advSecret: Buffer.from(creds.advSecretKey, 'base64') }
  const { reply, creds: update } = configureSuccessfulPairing(pairSuccess(signCompanion(phone.identity, companion, device)), creds)
  expect(update.account?.accountSignatureKey).toEqual(Buffer.from(phone.identity.public))
  expect(JSON.stringify(reply)).toContain('"key-index":"3"')

  const otherSecret = signCompanion(phone.identity, { ...companion, advSecret: randomBytes(32) }, device)
  expect(() => configureSuccessfulPairing(pairSuccess(otherSecret), creds)).toThrow('Invalid account signature')
  const otherCompanion = signCompanion(phone.identity, { ...companion, identity: randomBytes(32) }, device)
  expect(() => configureSuccessfulPairing(pairSuccess(otherCompanion), creds)).toThrow('Failed to verify account signature')
})

/** The companion's half, with Baileys' own functions, as its socket strings them together. */
async function companionHalf(code: string, ephemeral: KeyPair) {
  const salt = randomBytes(32)
  const iv = randomBytes(16)
  const wrappedEphemeral = Buffer.concat([salt, iv, aesEncryptCTR(ephemeral.public, await derivePairingCodeKey(code, salt), iv)])
  return {
    hello: { wrappedEphemeral, serverAuthKey: randomBytes(32) },
    async finish(identity: KeyPair, wrappedPrimary: Uint8Array, primaryIdentity: Uint8Array) {
      const key = await derivePairingCodeKey(code, Buffer.from(wrappedPrimary.slice(0, 32)))
      const primaryEphemeral = Buffer.from(aesDecryptCTR(wrappedPrimary.slice(48, 80), key, wrappedPrimary.slice(32, 48)))
      const shared = Curve.sharedKey(ephemeral.private, primaryEphemeral)
      const random = randomBytes(32)
      const bundleSalt = randomBytes(32)
      const bundleKey = hkdf(shared, 32, { salt: bundleSalt, info: 'link_code_pairing_key_bundle_encryption_key' })
      const bundleIv = randomBytes(12)
      const bundle = Buffer.concat([identity.public, primaryIdentity, random])
      const wrappedKeyBundle = Buffer.concat([
        bundleSalt,
        bundleIv,
        aesEncryptGCM(bundle, Buffer.from(bundleKey), bundleIv, Buffer.alloc(0)),
      ])
      const secret = Buffer.concat([shared, Curve.sharedKey(identity.private, primaryIdentity), random])
      return { wrappedKeyBundle, advSecret: hkdf(secret, 32, { info: 'adv_secret' }) }
    },
  }
}

test('both halves of the pairing-code exchange come to the same secret', async () => {
  const phone = new DeviceKeys()
  const identity = Curve.generateKeyPair()
  const companion = await companionHalf('ABCD1234', Curve.generateKeyPair())
  const exchange = startPairingCode(phone.identity, 'ABCD1234', companion.hello)
  const done = await companion.finish(identity, exchange.wrappedPrimaryEphemeral, exchange.primaryIdentity)
  const keys = exchange.finish({ wrappedKeyBundle: done.wrappedKeyBundle, companionIdentity: identity.public })
  expect(Buffer.from(keys.advSecret)).toEqual(Buffer.from(done.advSecret))
  expect(Buffer.from(keys.identity)).toEqual(identity.public)
})

test('a mistyped code opens nothing', async () => {
  const phone = new DeviceKeys()
  const identity = Curve.generateKeyPair()
  const companion = await companionHalf('ABCD1234', Curve.generateKeyPair())
  const exchange = startPairingCode(phone.identity, 'ABCD1235', companion.hello)
  const done = await companion.finish(identity, exchange.wrappedPrimaryEphemeral, exchange.primaryIdentity)
  expect(() => exchange.finish({ wrappedKeyBundle: done.wrappedKeyBundle, companionIdentity: identity.public })).toThrow()
})

test('a bundle for another companion is refused', async () => {
  const phone = new DeviceKeys()
  const companion = await companionHalf('ABCD1234', Curve.generateKeyPair())
  const exchange = startPairingCode(phone.identity, 'ABCD1234', companion.hello)
  const done = await companion.finish(Curve.generateKeyPair(), exchange.wrappedPrimaryEphemeral, exchange.primaryIdentity)
  const input = { wrappedKeyBundle: done.wrappedKeyBundle, companionIdentity: Curve.generateKeyPair().public }
  expect(() => exchange.finish(input)).toThrow('other identities')
})
