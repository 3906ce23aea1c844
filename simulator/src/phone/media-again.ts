/**
 * Uploading again what has gone from the media host: a companion asks its own phone with a `server-error` receipt, the phone answers with
 * a `mediaretry` notification. Both carry their content under a key made of the media key, so the server learns nothing.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { type BinaryNode, getBinaryNodeChild, getBinaryNodeChildBuffer, proto } from 'baileys'
import { hkdf } from 'whatsapp-rust-bridge'
import type { MediaTransfer } from '../ports.ts'
import { type MediaKind, mediaPart } from './media.ts'

/** What a phone keeps of what it saw, in bytes; the oldest goes first. */
const KEPT_BYTES = 256 * 1024 * 1024
const TAG_LENGTH = 16
const { ResultType } = proto.MediaRetryNotification

interface Kept {
  kind: MediaKind
  mediaKey: Uint8Array
  fileEncSha256: Uint8Array
  ciphertext: Uint8Array
}

export class MediaAgain {
  private readonly transfer: MediaTransfer | undefined
  private readonly kept = new Map<string, Kept>()
  private bytes = 0

  constructor(transfer: MediaTransfer | undefined) {
    this.transfer = transfer
  }

  /** Downloads the media of a message at once, as phones do. Messages without are ignored. */
  async keep(id: string, message: proto.IMessage): Promise<void> {
    const found = mediaPart(message)
    if (!found?.part.mediaKey?.length || !this.transfer) return
    const { url, directPath, mediaKey, fileEncSha256 } = found.part
    const ciphertext = await this.transfer.download({ url: url ?? undefined, directPath: directPath ?? undefined })
    this.forget(id)
    this.kept.set(id, { kind: found.kind, mediaKey, fileEncSha256: fileEncSha256 ?? new Uint8Array(), ciphertext })
    this.bytes += ciphertext.length
    for (const oldest of this.kept.keys()) {
      if (this.bytes <= KEPT_BYTES) break
      this.forget(oldest)
    }
  }

  /** Somebody deleted the files from the phone. */
  forgetAll(): void {
    this.kept.clear()
    this.bytes = 0
  }

  /** The notification for the companion whose `server-error` receipt this is. */
  async answer(receipt: BinaryNode): Promise<BinaryNode> {
    const { id = '', from = '' } = receipt.attrs
    const kept = this.kept.get(id)
    const told = kept && this.transfer ? await this.uploadAgain(id, receipt, kept, this.transfer) : error(ResultType.NOT_FOUND)
    const about = getBinaryNodeChild(receipt, 'rmr')
    return { tag: 'notification', attrs: { id, to: from, type: 'mediaretry' }, content: [...(about ? [about] : []), told] }
  }

  private async uploadAgain(id: string, receipt: BinaryNode, kept: Kept, transfer: MediaTransfer): Promise<BinaryNode> {
    const key = hkdf(kept.mediaKey, 32, { info: 'WhatsApp Media Retry Notification' })
    if (askedFor(receipt, key, id) !== id) return error(ResultType.DECRYPTION_ERROR)
    const { directPath } = await transfer.upload({ bytes: kept.ciphertext, fileEncSha256: kept.fileEncSha256, kind: kept.kind })
    const answer = proto.MediaRetryNotification.encode({ stanzaId: id, directPath, result: ResultType.SUCCESS }).finish()
    const iv = randomBytes(12)
    const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(Buffer.from(id))
    const sealed = Buffer.concat([cipher.update(answer), cipher.final(), cipher.getAuthTag()])
    return {
      tag: 'encrypt',
      attrs: {},
      content: [
        { tag: 'enc_p', attrs: {}, content: sealed },
        { tag: 'enc_iv', attrs: {}, content: iv },
      ],
    }
  }

  private forget(id: string): void {
    this.bytes -= this.kept.get(id)?.ciphertext.length ?? 0
    this.kept.delete(id)
  }
}

const error = (code: number): BinaryNode => ({ tag: 'error', attrs: { code: String(code) } })

/** The message id inside the receipt; undefined when it cannot be read. */
function askedFor(receipt: BinaryNode, key: Uint8Array, id: string): string | undefined {
  const encrypted = getBinaryNodeChild(receipt, 'encrypt')
  const sealed = getBinaryNodeChildBuffer(encrypted, 'enc_p')
  const iv = getBinaryNodeChildBuffer(encrypted, 'enc_iv')
  if (!sealed || !iv || sealed.length < TAG_LENGTH) return undefined
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, iv).setAAD(Buffer.from(id)).setAuthTag(sealed.subarray(-TAG_LENGTH))
    const plaintext = Buffer.concat([decipher.update(sealed.subarray(0, -TAG_LENGTH)), decipher.final()])
    return proto.ServerErrorReceipt.decode(plaintext).stanzaId ?? undefined
  } catch {
    return undefined
  }
}
