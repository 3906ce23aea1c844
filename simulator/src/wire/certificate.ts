/**
 * The certificate chain a server shows inside the Noise handshake: root → intermediate → leaf, XEdDSA signatures (engine.md §9.3).
 * Clients know the root's public key; the leaf's key is the server's Noise static key.
 */
import { proto } from 'baileys'
import { calculateSignature } from 'whatsapp-rust-bridge'
import type { KeyPair } from './x25519.ts'

/** Serial of the root, the intermediate's issuer. Clients refuse any other. */
const ROOT_SERIAL = 0
const INTERMEDIATE_SERIAL = 1
const LEAF_SERIAL = 2
const DAY_SECONDS = 86_400
const VALIDITY_DAYS = 3_650

const Details = proto.CertChain.NoiseCertificate.Details

/** The encoded `CertChain`. `now` in Unix seconds; the chain is valid from the day before. */
export function issueCertificateChain(keys: { root: KeyPair; intermediate: KeyPair; leaf: KeyPair }, now: number): Buffer {
  const notBefore = now - DAY_SECONDS
  const notAfter = now + VALIDITY_DAYS * DAY_SECONDS
  const certify = (subject: KeyPair, serial: number, issuerSerial: number, issuer: KeyPair) => {
    const details = Details.encode({ serial, issuerSerial, key: subject.publicKey, notBefore, notAfter }).finish()
    return { details, signature: calculateSignature(issuer.privateKey, details) }
  }
  const chain = proto.CertChain.encode({
    intermediate: certify(keys.intermediate, INTERMEDIATE_SERIAL, ROOT_SERIAL, keys.root),
    leaf: certify(keys.leaf, LEAF_SERIAL, INTERMEDIATE_SERIAL, keys.intermediate),
  })
  return Buffer.from(chain.finish())
}
