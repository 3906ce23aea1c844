/** A certificate authority and a server certificate for loopback, made in code (X.509 v3, RFC 5280; ECDSA P-256, RFC 5480). */
import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'
import { bitString, boolean, implicit, integer, objectId, octetString, sequence, set, tagged, utcTime, utf8 } from './der.ts'

const OID = {
  commonName: '2.5.4.3',
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  authorityKeyIdentifier: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
  serverAuth: '1.3.6.1.5.5.7.3.1',
} as const

const DAY_MS = 86_400_000
/** Some clients refuse server certificates of more than 825 days. */
const VALID_DAYS = 820

export interface TlsMaterial {
  /** What clients are told to trust. */
  caPem: string
  certificatePem: string
  keyPem: string
}

/** For `127.0.0.1` and `localhost`, valid from the day before `now` (milliseconds since 1970). */
export function issueTlsMaterial(now: number): TlsMaterial {
  const ca = newKey()
  const server = newKey()
  const validity = sequence(utcTime(new Date(now - DAY_MS)), utcTime(new Date(now + VALID_DAYS * DAY_MS)))
  const caName = name('WhatsApp simulator CA')
  const caCertificate = certificate({
    issuer: caName,
    subject: caName,
    validity,
    key: ca.spki,
    signer: ca.privateKey,
    extensions: [
      extension(OID.basicConstraints, true, sequence(boolean(true))),
      // keyCertSign, cRLSign: bits 5 and 6.
      extension(OID.keyUsage, true, bitString(Buffer.from([0b0000_0110]), 1)),
      extension(OID.subjectKeyIdentifier, false, octetString(keyIdentifier(ca.spki))),
    ],
  })
  const serverCertificate = certificate({
    issuer: caName,
    subject: name('127.0.0.1'),
    validity,
    key: server.spki,
    signer: ca.privateKey,
    extensions: [
      extension(OID.basicConstraints, true, sequence()),
      // digitalSignature: bit 0.
      extension(OID.keyUsage, true, bitString(Buffer.from([0b1000_0000]), 7)),
      extension(OID.extendedKeyUsage, false, sequence(objectId(OID.serverAuth))),
      extension(OID.subjectKeyIdentifier, false, octetString(keyIdentifier(server.spki))),
      extension(OID.authorityKeyIdentifier, false, sequence(implicit(0, keyIdentifier(ca.spki)))),
      // GeneralName: [2] DNS name, [7] IP address.
      extension(OID.subjectAltName, false, sequence(implicit(2, Buffer.from('localhost')), implicit(7, Buffer.from([127, 0, 0, 1])))),
    ],
  })
  return {
    caPem: pem(caCertificate),
    certificatePem: pem(serverCertificate),
    keyPem: server.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  }
}

function newKey(): { privateKey: KeyObject; spki: Buffer } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return { privateKey, spki: publicKey.export({ type: 'spki', format: 'der' }) }
}

function certificate(input: {
  issuer: Buffer
  subject: Buffer
  validity: Buffer
  key: Buffer
  signer: KeyObject
  extensions: Buffer[]
}): Buffer {
  const algorithm = sequence(objectId(OID.ecdsaWithSha256))
  const version3 = tagged(0, integer(Buffer.from([2])))
  const serial = randomBytes(16)
  serial[0] = ((serial[0] ?? 0) & 0x3f) | 0x40
  const body = sequence(
    version3,
    integer(serial),
    algorithm,
    input.issuer,
    input.validity,
    input.subject,
    input.key,
    tagged(3, sequence(...input.extensions)),
  )
  return sequence(body, algorithm, bitString(sign('sha256', body, input.signer)))
}

function name(commonName: string): Buffer {
  return sequence(set(sequence(objectId(OID.commonName), utf8(commonName))))
}

function extension(oid: string, critical: boolean, value: Buffer): Buffer {
  return sequence(objectId(oid), ...(critical ? [boolean(true)] : []), octetString(value))
}

/** SHA-1 of the key, as RFC 5280 §4.2.1.2 suggests: a name, not a protection. */
function keyIdentifier(spki: Buffer): Buffer {
  return createHash('sha1').update(spki).digest()
}

function pem(bytes: Buffer): string {
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? []
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`
}
