/**
 * The Signal protocol as functions from bytes to bytes. Each call builds its WASM objects, runs, and frees them again: the bridge's
 * memory never shrinks, so an object left to the garbage collector is memory lost (engine.md §6.2 no. 8). Nothing is stored here; the caller
 * commits what comes back.
 */
import {
  GroupCipher,
  GroupSessionBuilder,
  type KeyPair,
  ProtocolAddress,
  SenderKeyDistributionMessage,
  SenderKeyName,
  SessionBuilder,
  SessionCipher,
  type SessionRecord,
  type SignalStorage,
  type SignedPreKey,
} from 'whatsapp-rust-bridge'
import type { SignalAddress } from './addresses.ts'
import { joinSessions, splitSessions } from './records.ts'

/** Our side of every session. Public keys carry the type byte. */
export interface OwnKeys {
  identity: KeyPair
  registrationId: number
  signedPreKey: SignedPreKey
}

export interface PreKeyBundle {
  registrationId: number
  identityKey: Uint8Array
  signedPreKey: { keyId: number; publicKey: Uint8Array; signature: Uint8Array }
  preKey?: { keyId: number; publicKey: Uint8Array }
}

/** A failure of the protocol: wrong key, old counter, no session. The bridge itself throws strings. */
export class SignalError extends Error {}

type Load<T> = () => T | null | Promise<T | null>

export const encrypt = async (
  own: OwnKeys,
  peer: SignalAddress,
  session: Uint8Array,
  plaintext: Uint8Array,
): Promise<{ type: 'pkmsg' | 'msg'; ciphertext: Uint8Array; session: Uint8Array }> => {
  const box = new SessionBox(own, session)
  const result = await withCipher(box, peer, (cipher) => cipher.encrypt(plaintext))
  return { type: result.type === 3 ? 'pkmsg' : 'msg', ciphertext: result.body, session: box.takeSession() }
}

/** `session` null: only a `pkmsg` can be read. `loadPreKey` is asked for the one-time prekey the peer used, if any. */
export const decrypt = async (
  own: OwnKeys,
  peer: SignalAddress,
  session: Uint8Array | null,
  message: { type: 'pkmsg' | 'msg'; ciphertext: Uint8Array },
  loadPreKey: (id: number) => ReturnType<Load<KeyPair>>,
): Promise<{ plaintext: Uint8Array; session: Uint8Array; usedPreKey: number | null }> => {
  if (message.type === 'msg')
    return { ...(await decryptByOne(own, peer, session ?? new Uint8Array(), message.ciphertext)), usedPreKey: null }
  const box = new SessionBox(own, session, loadPreKey)
  const plaintext = await withCipher(box, peer, (cipher) => cipher.decryptPreKeyWhisperMessage(message.ciphertext))
  return { plaintext, session: box.takeSession(), usedPreKey: box.usedPreKey }
}

/**
 * Tries the sessions of a record one at a time; the one that can read the message becomes the current one. Two sides that write first at the
 * same moment have two sessions and use them crosswise for a while. Given both at once the bridge leaves the marks of its failed try on the
 * one that could not read, and what is sent by that one later can be read by nobody.
 */
const decryptByOne = async (
  own: OwnKeys,
  peer: SignalAddress,
  record: Uint8Array,
  ciphertext: Uint8Array,
): Promise<{ plaintext: Uint8Array; session: Uint8Array }> => {
  const sessions = splitSessions(record)
  let refusal: unknown = null
  for (const [index, session] of sessions.entries()) {
    const box = new SessionBox(own, joinSessions([session]))
    try {
      const plaintext = await withCipher(box, peer, (cipher) => cipher.decryptWhisperMessage(ciphertext))
      return { plaintext, session: joinSessions([...splitSessions(box.takeSession()), ...sessions.toSpliced(index, 1)]) }
    } catch (error) {
      // What the current one says is the reason that matters.
      if (index === 0) refusal = error
    }
  }
  throw refusal ?? new SignalError('No session record')
}

/** Starts a session from the peer's published keys; an older one of the same identity stays readable inside the record. */
export const startSession = async (
  own: OwnKeys,
  peer: SignalAddress,
  session: Uint8Array | null,
  bundle: PreKeyBundle,
): Promise<Uint8Array> => {
  const box = new SessionBox(own, session)
  const address = new ProtocolAddress(peer.name, peer.device)
  const builder = new SessionBuilder(box, address)
  try {
    await builder.processPreKeyBundle(bundle)
    return box.takeSession()
  } catch (error) {
    throw wrapped(error, box)
  } finally {
    builder.free()
    address.free()
    box.free()
  }
}

/** Encrypts with the own sender key, making one when there is none; `announcement` tells it to devices that lack it. */
export const encryptForGroup = async (
  own: OwnKeys,
  group: string,
  sender: SignalAddress,
  record: Uint8Array | null,
  plaintext: Uint8Array | null,
): Promise<{ announcement: Uint8Array; ciphertext: Uint8Array; record: Uint8Array }> => {
  const box = new SenderKeyBox(own, record)
  const address = new ProtocolAddress(sender.name, sender.device)
  const name = new SenderKeyName(group, address)
  const builder = new GroupSessionBuilder(box)
  const cipher = new GroupCipher(box, group, address)
  try {
    const made = await builder.create(name)
    const announcement = made.serialize()
    made.free()
    const ciphertext = plaintext === null ? new Uint8Array() : await cipher.encrypt(plaintext)
    return { announcement, ciphertext, record: box.take() }
  } catch (error) {
    throw wrapped(error, box)
  } finally {
    cipher.free()
    builder.free()
    name.free()
    address.free()
  }
}

export const decryptFromGroup = async (
  own: OwnKeys,
  group: string,
  sender: SignalAddress,
  record: Uint8Array,
  ciphertext: Uint8Array,
): Promise<{ plaintext: Uint8Array; record: Uint8Array }> => {
  const box = new SenderKeyBox(own, record)
  const address = new ProtocolAddress(sender.name, sender.device)
  const cipher = new GroupCipher(box, group, address)
  try {
    const plaintext = await cipher.decrypt(ciphertext)
    return { plaintext, record: box.take() }
  } catch (error) {
    throw wrapped(error, box)
  } finally {
    cipher.free()
    address.free()
  }
}

/** Learns a sender key from its announcement. */
export const acceptSenderKey = async (
  own: OwnKeys,
  group: string,
  sender: SignalAddress,
  record: Uint8Array | null,
  announcement: Uint8Array,
): Promise<Uint8Array> => {
  const box = new SenderKeyBox(own, record)
  const address = new ProtocolAddress(sender.name, sender.device)
  const name = new SenderKeyName(group, address)
  const builder = new GroupSessionBuilder(box)
  let message: SenderKeyDistributionMessage | null = null
  try {
    message = SenderKeyDistributionMessage.deserialize(announcement)
    await builder.process(name, message)
    return box.take()
  } catch (error) {
    throw wrapped(error, box)
  } finally {
    message?.free()
    builder.free()
    name.free()
    address.free()
  }
}

const withCipher = async <T>(box: SessionBox, peer: SignalAddress, work: (cipher: SessionCipher) => Promise<T>): Promise<T> => {
  const address = new ProtocolAddress(peer.name, peer.device)
  const cipher = new SessionCipher(box, address)
  try {
    return await work(cipher)
  } catch (error) {
    box.free()
    throw wrapped(error, box)
  } finally {
    cipher.free()
    address.free()
  }
}

const wrapped = (error: unknown, box: { failure: unknown }): Error => {
  // A load that failed comes back as text with a stack inside; the caller needs the real one.
  if (box.failure instanceof Error) return box.failure
  return new SignalError(typeof error === 'string' ? error : 'Signal operation failed')
}

abstract class Box implements SignalStorage {
  failure: unknown = null
  protected readonly own: OwnKeys

  constructor(own: OwnKeys) {
    this.own = own
  }

  getOurIdentity(): KeyPair {
    return this.own.identity
  }
  getOurRegistrationId(): number {
    return this.own.registrationId
  }
  /** Trust on first use and at every change, like WhatsApp Web; the caller drops the old session on a change. */
  isTrustedIdentity(): boolean {
    return true
  }
  loadSignedPreKey(id: number): SignedPreKey | null {
    return id === this.own.signedPreKey.keyId ? this.own.signedPreKey : null
  }
  loadPreKey(_id: number): KeyPair | null | Promise<KeyPair | null> {
    return null
  }
  removePreKey(_id: number): void {}
  loadSession(_address: string): Uint8Array | null {
    return null
  }
  storeSession(_address: string, record: SessionRecord): void {
    record.free()
  }
  loadSenderKey(_id: string): Uint8Array | null {
    return null
  }
  storeSenderKey(_id: string, _record: Uint8Array): void {}
}

/** What the bridge sees of our store during one operation with one device. */
class SessionBox extends Box {
  usedPreKey: number | null = null
  readonly #session: Uint8Array | null
  readonly #loadPreKey: ((id: number) => ReturnType<Load<KeyPair>>) | null
  #stored: SessionRecord | null = null

  constructor(own: OwnKeys, session: Uint8Array | null, loadPreKey: ((id: number) => ReturnType<Load<KeyPair>>) | null = null) {
    super(own)
    this.#session = session
    this.#loadPreKey = loadPreKey
  }

  override loadSession(): Uint8Array | null {
    return this.#session
  }

  override storeSession(_address: string, record: SessionRecord): void {
    // A decryption stores twice; only the last state counts.
    this.#stored?.free()
    this.#stored = record
  }

  override async loadPreKey(id: number): Promise<KeyPair | null> {
    if (this.#loadPreKey === null) return null
    try {
      return await this.#loadPreKey(id)
    } catch (error) {
      this.failure = error
      throw error
    }
  }

  override removePreKey(id: number): void {
    this.usedPreKey = id
  }

  takeSession(): Uint8Array {
    const record = this.#stored
    this.#stored = null
    if (record === null) throw new SignalError('the operation stored no session')
    const bytes = record.serialize()
    record.free()
    return bytes
  }

  free(): void {
    this.#stored?.free()
    this.#stored = null
  }
}

class SenderKeyBox extends Box {
  #record: Uint8Array | null

  constructor(own: OwnKeys, record: Uint8Array | null) {
    super(own)
    this.#record = record
  }

  override loadSenderKey(): Uint8Array | null {
    return this.#record
  }

  override storeSenderKey(_id: string, record: Uint8Array): void {
    this.#record = record
  }

  take(): Uint8Array {
    if (this.#record === null) throw new SignalError('the operation stored no sender key')
    return this.#record
  }
}
