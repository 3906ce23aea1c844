/**
 * The Signal sessions of one device, on whatsapp-rust-bridge. An operation locks its address, works on a copy of what is stored and
 * commits at the end, so a message that does not decrypt leaves no trace, whoever sent it.
 */
import { proto } from 'baileys'
import {
  GroupCipher,
  GroupSessionBuilder,
  ProtocolAddress,
  SenderKeyDistributionMessage,
  SenderKeyName,
  SessionBuilder,
  SessionCipher,
  type SessionRecord,
  type SignalStorage,
} from 'whatsapp-rust-bridge'
import type { AddressBook, SignalAddress } from './addresses.ts'
import { type OwnKeys, signalPublicKey } from './device-keys.ts'
import { KeyedLanes } from './lane.ts'
import type { PreKeyBundle } from './prekey-bundle.ts'

export interface Encrypted {
  type: 'pkmsg' | 'msg'
  ciphertext: Uint8Array
}

/** `duplicate`: this very ciphertext was decrypted before. `unreadable`: no session, wrong keys, damaged: worth a retry receipt. */
export class SignalError extends Error {
  readonly kind: 'duplicate' | 'unreadable'
  constructor(cause: unknown) {
    // The bridge throws strings.
    const text = cause instanceof Error ? cause.message : String(cause)
    super(text)
    this.kind = text.includes('DuplicatedMessage') || text.includes('old counter') ? 'duplicate' : 'unreadable'
  }
}

const PREKEY_MESSAGE = 3

export class Sessions {
  private readonly own: OwnKeys
  private readonly book: AddressBook
  /** By Signal name, then device: everything of one user is at hand when the user changes. */
  private readonly records = new Map<string, Map<number, Uint8Array>>()
  private readonly identities = new Map<string, Uint8Array>()
  private readonly senderKeys = new Map<string, Uint8Array>()
  private readonly lanes = new KeyedLanes()

  constructor(own: OwnKeys, book: AddressBook) {
    this.own = own
    this.book = book
  }

  has(jid: string): boolean {
    return this.record(this.book.signalAddress(jid)) !== undefined
  }

  encrypt(jid: string, plaintext: Uint8Array): Promise<Encrypted> {
    return this.operate(jid, (storage, address) =>
      lend(new SessionCipher(storage, address), async (cipher) => {
        const { type, body } = await cipher.encrypt(plaintext)
        return { type: type === PREKEY_MESSAGE ? 'pkmsg' : 'msg', ciphertext: body }
      }),
    )
  }

  /** Throws {@link SignalError}. A `pkmsg` with a new identity replaces the session, once it has proved itself by decrypting. */
  decrypt(jid: string, type: 'pkmsg' | 'msg', ciphertext: Uint8Array): Promise<Uint8Array> {
    const fresh = type === 'pkmsg' && this.bringsNewIdentity(jid, ciphertext)
    return this.operate(
      jid,
      (storage, address) =>
        lend(new SessionCipher(storage, address), (cipher) =>
          type === 'pkmsg' ? cipher.decryptPreKeyWhisperMessage(ciphertext) : cipher.decryptWhisperMessage(ciphertext),
        ),
      { fresh },
    )
  }

  /** Starts a session from a bundle; an older one is kept by the record for messages still on their way. */
  open(jid: string, bundle: PreKeyBundle): Promise<void> {
    const address = this.book.signalAddress(jid)
    const known = this.identities.get(text(address))
    const fresh = known !== undefined && !equal(known, signalPublicKey(bundle.identity))
    return this.operate(
      jid,
      (storage, remote) =>
        lend(new SessionBuilder(storage, remote), (builder) =>
          builder.processPreKeyBundle({
            registrationId: bundle.registrationId,
            identityKey: signalPublicKey(bundle.identity),
            signedPreKey: {
              keyId: bundle.signedPreKey.id,
              publicKey: signalPublicKey(bundle.signedPreKey.public),
              signature: bundle.signedPreKey.signature,
            },
            preKey: bundle.preKey && { keyId: bundle.preKey.id, publicKey: signalPublicKey(bundle.preKey.public) },
          }),
        ),
      { fresh },
    )
  }

  drop(jid: string): void {
    const { name, device } = this.book.signalAddress(jid)
    const devices = this.records.get(name)
    devices?.delete(device)
    if (devices?.size === 0) this.records.delete(name)
  }

  /** The person has a new identity (new phone, reinstalled): nothing held for any of their devices is good any more. */
  dropUser(jid: string): void {
    const { name } = this.book.signalAddress(jid)
    for (const device of this.records.get(name)?.keys() ?? []) this.identities.delete(text({ name, device }))
    this.records.delete(name)
  }

  /** What the open session says of the other side; undefined without one. */
  info(jid: string): { baseKey: Uint8Array; registrationId: number } | undefined {
    const record = this.record(this.book.signalAddress(jid))
    if (!record) return undefined
    const current = proto.RecordStructure.decode(record).currentSession
    if (!current?.aliceBaseKey?.length || typeof current.remoteRegistrationId !== 'number') return undefined
    return { baseKey: current.aliceBaseKey, registrationId: current.remoteRegistrationId }
  }

  /** Sessions opened under a phone number go on under the LID, once that is known. Gives how many moved. */
  move(fromName: string, toName: string): number {
    const moving = this.records.get(fromName)
    if (!moving || fromName === toName) return 0
    const target = this.records.get(toName) ?? new Map<number, Uint8Array>()
    let moved = 0
    for (const [device, record] of moving) {
      const identity = this.identities.get(text({ name: fromName, device }))
      this.identities.delete(text({ name: fromName, device }))
      if (target.has(device)) continue
      target.set(device, record)
      if (identity) this.identities.set(text({ name: toName, device }), identity)
      moved += 1
    }
    this.records.set(toName, target)
    this.records.delete(fromName)
    return moved
  }

  encryptGroup(group: string, author: string, plaintext: Uint8Array): Promise<{ distribution: Uint8Array; ciphertext: Uint8Array }> {
    return this.operateGroup(group, author, async (storage, address, name) => {
      const distribution = await distributionOf(storage, name)
      const ciphertext = await lend(new GroupCipher(storage, group, address), (cipher) => cipher.encrypt(plaintext))
      return { distribution, ciphertext }
    })
  }

  groupDistribution(group: string, author: string): Promise<Uint8Array> {
    return this.operateGroup(group, author, (storage, _address, name) => distributionOf(storage, name))
  }

  hasGroupKey(group: string, author: string): boolean {
    const { name, device } = this.book.signalAddress(author)
    return this.senderKeys.has(`${group}::${name}::${device}`)
  }

  /** The next message of this author is under a new key. */
  dropGroupKey(group: string, author: string): void {
    const { name, device } = this.book.signalAddress(author)
    this.senderKeys.delete(`${group}::${name}::${device}`)
  }

  acceptDistribution(group: string, author: string, distribution: Uint8Array): Promise<void> {
    return this.operateGroup(group, author, (storage, _address, name) =>
      lend(new GroupSessionBuilder(storage), (builder) =>
        lend(SenderKeyDistributionMessage.deserialize(distribution), (message) => builder.process(name, message)),
      ),
    )
  }

  decryptGroup(group: string, author: string, ciphertext: Uint8Array): Promise<Uint8Array> {
    return this.operateGroup(group, author, (storage, address) =>
      lend(new GroupCipher(storage, group, address), (cipher) => cipher.decrypt(ciphertext)),
    )
  }

  private record({ name, device }: SignalAddress): Uint8Array | undefined {
    return this.records.get(name)?.get(device)
  }

  private bringsNewIdentity(jid: string, ciphertext: Uint8Array): boolean {
    const known = this.identities.get(text(this.book.signalAddress(jid)))
    if (!known) return false
    try {
      // One version byte, then the protobuf.
      const { identityKey } = proto.PreKeySignalMessage.decode(ciphertext.subarray(1))
      return Boolean(identityKey?.length) && !equal(known, identityKey ?? known)
    } catch {
      return false
    }
  }

  /** `fresh` hides the stored session from the operation, so that it ends with a session of the new identity alone. */
  private operate<T>(
    jid: string,
    work: (storage: SignalStorage, address: ProtocolAddress) => Promise<T>,
    { fresh = false } = {},
  ): Promise<T> {
    const address = this.book.signalAddress(jid)
    return this.lanes.run(text(address), async () => {
      let session = fresh ? undefined : this.record(address)
      let identity: Uint8Array | undefined
      let spentPreKey: number | undefined
      const storage: SignalStorage = {
        ...this.ownSide(),
        loadSession: () => session,
        storeSession: (_address, record) => {
          session = serialized(record)
        },
        isTrustedIdentity: (_name, key) => {
          // Trust on first use and on change, as WhatsApp does; the change is acted on by the caller.
          identity = Uint8Array.from(key)
          return true
        },
        removePreKey: (id) => {
          spentPreKey = id
        },
      }
      const result = await lend(new ProtocolAddress(address.name, address.device), (remote) => work(storage, remote)).catch(
        (cause: unknown) => {
          throw new SignalError(cause)
        },
      )
      if (session) {
        const devices = this.records.get(address.name) ?? new Map<number, Uint8Array>()
        devices.set(address.device, session)
        this.records.set(address.name, devices)
      }
      if (identity) this.identities.set(text(address), identity)
      if (spentPreKey !== undefined) await this.own.removePreKey(spentPreKey)
      return result
    })
  }

  private operateGroup<T>(
    group: string,
    author: string,
    work: (storage: SignalStorage, address: ProtocolAddress, name: SenderKeyName) => Promise<T>,
  ): Promise<T> {
    const { name, device } = this.book.signalAddress(author)
    const key = `${group}::${name}::${device}`
    return this.lanes.run(key, async () => {
      let record = this.senderKeys.get(key)
      const storage: SignalStorage = {
        ...this.ownSide(),
        loadSenderKey: () => record,
        storeSenderKey: (_id, bytes) => {
          record = Uint8Array.from(bytes)
        },
      }
      const result = await lend(new ProtocolAddress(name, device), (address) =>
        lend(new SenderKeyName(group, address), (senderKey) => work(storage, address, senderKey)),
      ).catch((cause: unknown) => {
        throw new SignalError(cause)
      })
      if (record) this.senderKeys.set(key, record)
      return result
    })
  }

  private ownSide(): SignalStorage {
    const { own } = this
    const pair = (keys: { public: Uint8Array; private: Uint8Array }) => ({ pubKey: signalPublicKey(keys.public), privKey: keys.private })
    return {
      getOurIdentity: () => pair(own.identity),
      getOurRegistrationId: () => own.registrationId,
      loadPreKey: async (id) => {
        const found = await own.loadPreKey(id)
        return found && pair(found)
      },
      loadSignedPreKey: (id) =>
        id === own.signedPreKey.id
          ? { keyId: id, keyPair: pair(own.signedPreKey.keyPair), signature: own.signedPreKey.signature }
          : undefined,
      loadSession: () => undefined,
      storeSession: () => undefined,
      isTrustedIdentity: () => true,
      removePreKey: () => undefined,
      loadSenderKey: () => undefined,
      storeSenderKey: () => undefined,
    }
  }
}

/** The own sender key of a group, made when there is none, in the form that tells it to others. */
const distributionOf = (storage: SignalStorage, name: SenderKeyName): Promise<Uint8Array> =>
  lend(new GroupSessionBuilder(storage), async (builder) => lend(await builder.create(name), (distribution) => distribution.serialize()))

/** Works with an object of the bridge and gives its memory back, which no garbage collector does. */
async function lend<T extends { free(): void }, R>(object: T, work: (object: T) => R | Promise<R>): Promise<R> {
  try {
    return await work(object)
  } finally {
    object.free()
  }
}

/** The bridge hands the record over; its memory outside the JS heap is ours to give back. */
function serialized(record: SessionRecord): Uint8Array {
  const bytes = record.serialize()
  record.free()
  return bytes
}

const text = ({ name, device }: SignalAddress): string => `${name}.${device}`

const equal = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0
