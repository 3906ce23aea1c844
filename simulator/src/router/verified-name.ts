/** What WhatsApp's server puts beside every message of a business: its name, in a certificate whose signature nobody here looks at. */
import { proto } from 'baileys'
import type { Account } from '../accounts/account.ts'
import { type BinaryNode, node } from '../wire/nodes.ts'

export const verifiedName = ({ business, name }: Account): BinaryNode[] => {
  if (!business || name === '') return []
  const details = proto.VerifiedNameCertificate.Details.encode({ serial: 1, issuer: 'smb:wa', verifiedName: name }).finish()
  return [node('verified_name', { v: '2' }, proto.VerifiedNameCertificate.encode({ details }).finish())]
}
