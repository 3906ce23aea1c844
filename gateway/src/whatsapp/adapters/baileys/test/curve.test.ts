import { Curve } from 'baileys'
import { describe, expect, it } from 'vitest'
import * as bridge from 'whatsapp-rust-bridge'
import { curve, installCurve } from '../curve.ts'

describe('curve functions', () => {
  it('refuse a signature by another key, over another text, of random bytes, or that is none', () => {
    installCurve()
    const signer = Curve.generateKeyPair()
    const message = Buffer.from('certificate')
    const signature = Curve.sign(signer.private, message)
    expect(Curve.verify(signer.public, message, signature)).toBe(true)
    expect(Curve.verify(Curve.generateKeyPair().public, message, signature)).toBe(false)
    expect(Curve.verify(signer.public, Buffer.from('certificatE'), signature)).toBe(false)
    expect(Curve.verify(signer.public, message, Buffer.alloc(64, 1))).toBe(false)
    expect(Curve.verify(signer.public, message, Buffer.alloc(3))).toBe(false)
    expect(Curve.verify(Buffer.alloc(2), message, signature)).toBe(false)
  })

  it('agree on one secret, also with keys that carry the type byte', () => {
    const one = curve.generateKeyPair()
    const other = curve.generateKeyPair()
    expect(one.public).toHaveLength(32)
    expect(curve.sharedKey(one.private, other.public)).toEqual(curve.sharedKey(other.private, one.public))
    expect(curve.sharedKey(one.private, Buffer.concat([Buffer.from([5]), other.public]))).toEqual(
      curve.sharedKey(one.private, other.public),
    )
  })

  it('are still needed: Baileys asks for a verdict and looks only for an exception', async () => {
    // When this fails, Baileys checks by itself and curve.ts can go.
    const source = await import('node:fs/promises').then(({ readFile }) =>
      readFile(new URL(import.meta.resolve('baileys/lib/Utils/crypto.js')), 'utf8'),
    )
    expect(source).toMatch(/curve\.verifySignature\([^)]*\), message, signature\);\s*return true;/)
    expect(bridge.verifySignature(bridge.generateKeyPair().pubKey, Buffer.from('x'), Buffer.alloc(64))).toBe(false)
  })
})
