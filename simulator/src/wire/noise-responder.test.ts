/** The handshake against an initiator that was written apart from it, with fixed keys, and the published vectors beneath. */
import { createHash, hkdfSync } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { certificateProblem, dh, hkdf2, keyPairOf, NoiseInitiator, xeddsaHolds } from '../../test/noise-initiator.ts'
import { issueCertificateChain } from './certificate.ts'
import { INTRO_HEADER } from './frames.ts'
import { NoiseResponder } from './noise-responder.ts'
import { agree, keyPairFrom } from './x25519.ts'

const hex = (text: string) => Buffer.from(text, 'hex')
const secret = (name: string) => createHash('sha256').update(name).digest()
const NOW = 1_800_000_000

const root = keyPairFrom(secret('root'))
const intermediate = keyPairFrom(secret('intermediate'))
const serverStatic = keyPairFrom(secret('server static'))
const chain = issueCertificateChain({ root, intermediate, leaf: serverStatic }, NOW)

function handshake(options: { clientStatic?: string } = {}) {
  const responder = new NoiseResponder({ staticKey: serverStatic, ephemeralKey: keyPairFrom(secret('server ephemeral')) })
  const clientStatic = keyPairOf(keyPairFrom(secret(options.clientStatic ?? 'client static')).privateKey)
  const initiator = new NoiseInitiator(clientStatic, keyPairOf(keyPairFrom(secret('client ephemeral')).privateKey), INTRO_HEADER)
  const hello = responder.hello(initiator.ephemeral.publicKey, chain)
  return { responder, initiator, hello, clientStatic }
}

describe('XX with an independent initiator', () => {
  test('both learn each other’s keys and payloads, and can talk', () => {
    const { responder, initiator, hello, clientStatic } = handshake()
    expect(initiator.readServerHello(hello)).toEqual({ serverStatic: serverStatic.publicKey, certificate: chain })
    const finish = responder.finish(initiator.finish(Buffer.from('who I am')))
    expect(finish.clientStatic).toEqual(clientStatic.publicKey)
    expect(finish.payload.toString()).toBe('who I am')
    const client = initiator.split()
    for (const text of ['first', 'second', 'third']) {
      expect(finish.transport.decrypt(client.encrypt(Buffer.from(text))).toString()).toBe(text)
      expect(client.decrypt(finish.transport.encrypt(Buffer.from(text))).toString()).toBe(text)
    }
  })

  test('with fixed keys every byte of the hello is the same as ever', () => {
    const { hello } = handshake()
    // From a run whose result the independent initiator accepted; changes when any mixing step does.
    expect(hello.static.toString('hex')).toBe(
      '78402c7d3528ea41ff98faffb3d22fd8a167d075043c525b19ba19d3e3a970b8ce0384cc186bd99b98418386ea39fd8b',
    )
  })

  test('a frame that was changed, repeated or left out is noticed', () => {
    const { responder, initiator, hello } = handshake()
    initiator.readServerHello(hello)
    const { transport } = responder.finish(initiator.finish(Buffer.alloc(0)))
    const client = initiator.split()
    const first = client.encrypt(Buffer.from('first'))
    const second = client.encrypt(Buffer.from('second'))
    expect(() => transport.decrypt(second)).toThrow()
    expect(() => transport.decrypt(first)).toThrow()
  })

  test('a finish of another handshake is refused', () => {
    const { responder } = handshake()
    const other = handshake({ clientStatic: 'somebody else' })
    other.initiator.readServerHello(other.hello)
    const forged = other.initiator.finish(Buffer.from('x'))
    forged.static[0] = (forged.static[0] ?? 0) ^ 1
    expect(() => responder.finish(forged)).toThrow()
  })

  test('a client key of low order is refused', () => {
    const responder = new NoiseResponder({ staticKey: serverStatic, ephemeralKey: keyPairFrom(secret('e')) })
    expect(() => responder.hello(Buffer.alloc(32), chain)).toThrow()
  })
})

describe('certificate chain', () => {
  const other = keyPairFrom(secret('other'))

  test('a careful client trusts it', () => {
    expect(certificateProblem(chain, root.publicKey, serverStatic.publicKey, NOW)).toBeUndefined()
  })

  test.each([
    ['another root', chain, other.publicKey, serverStatic.publicKey, NOW, 'intermediate signature'],
    ['another server key', chain, root.publicKey, other.publicKey, NOW, 'leaf is for another key'],
    ['another time', chain, root.publicKey, serverStatic.publicKey, NOW + 4_000 * 86_400, 'not valid now'],
    [
      'a forged intermediate',
      issueCertificateChain({ root: other, intermediate, leaf: serverStatic }, NOW),
      root.publicKey,
      serverStatic.publicKey,
      NOW,
      'intermediate signature',
    ],
  ])('%s is noticed', (_name, bytes, trusted, key, now, problem) => {
    expect(certificateProblem(bytes, trusted, key, now)).toBe(problem)
  })

  test('one flipped bit in the leaf is noticed', () => {
    const forged = Buffer.from(chain)
    const at = forged.lastIndexOf(serverStatic.publicKey)
    forged[at] = (forged[at] ?? 0) ^ 1
    expect(certificateProblem(forged, root.publicKey, serverStatic.publicKey, NOW)).toBe('leaf signature')
  })
})

describe('published vectors', () => {
  test('X25519, RFC 7748 §6.1, in Node and in the bridge', () => {
    const alice = hex('77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a')
    const bobPublic = hex('de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f')
    const shared = '4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742'
    expect(keyPairFrom(alice).publicKey.toString('hex')).toBe('8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a')
    expect(agree(keyPairFrom(alice), bobPublic).toString('hex')).toBe(shared)
    expect(dh(keyPairOf(keyPairFrom(alice).privateKey), bobPublic).toString('hex')).toBe(shared)
  })

  test('XEdDSA, the vector of libsignal’s own tests', () => {
    const key = hex('ab7e717d4a163b7d9a1d8071dfe9dcf8cdcd1cea3339b6356be84d887e322c64')
    const message = hex('05edce9d9c415ca78cb7252e72c2c4a554d3eb29485a0e1d503118d1a82d99fb4a')
    const signature = hex(
      '5de88ca9a89b4a115da79109c67c9c7464a3e4180274f1cb8c63c2984e286dfb' +
        'ede82deb9dcd9fae0bfbb821569b3d9001bd8130cd11d486cef047bd60b86e88',
    )
    expect(xeddsaHolds(key, message, signature)).toBe(true)
    for (let at = 0; at < signature.length; at += 1) {
      const forged = Buffer.from(signature)
      forged[at] = (forged[at] ?? 0) ^ 1
      expect(xeddsaHolds(key, message, forged)).toBe(false)
    }
  })

  test('HKDF-SHA256, RFC 5869 case 3 (empty salt and info)', () => {
    const okm = '8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8'
    expect(Buffer.from(hkdfSync('sha256', Buffer.alloc(22, 0x0b), '', '', 42)).toString('hex')).toBe(okm)
    const [first, second] = hkdf2(Buffer.alloc(32), Buffer.alloc(22, 0x0b))
    expect(Buffer.concat([first, second]).subarray(0, 42).toString('hex')).toBe(okm)
  })
})
