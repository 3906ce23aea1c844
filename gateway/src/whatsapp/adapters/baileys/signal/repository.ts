/**
 * Our Signal repository behind Baileys' `makeSignalRepository`. Baileys' own one keeps sessions in `auth.keys`, whose nested transactions
 * lose ratchet steps as soon as the store is asynchronous (engine.md §6.1). Here every operation is: lock the device's address, load, run,
 * hand everything that changed to the commits in one batch (an incoming message with its inbox row), release. Nothing that rests on it leaves
 * the process before it is durable: frames wait at the wire gate, messages are reported when their row is stored.
 *
 * A session is kept under the LID once the LID is known. One that began under the number moves at its next use, inside that use's commit.
 */
import { createHash } from 'node:crypto'
import { type AuthenticationCreds, generateSignalPubKey, type SignalRepositoryWithLIDStore } from 'baileys'
import type { Logger } from '../../../../runtime/logging.ts'
import { milestones } from '../../../../runtime/milestones.ts'
import type { InboxRow, SessionStore, StoreBatch } from '../../../engine.ts'
import { notificationIn } from '../history/notification.ts'
import type { CacheView } from '../shared-cache.ts'
import type { StanzaAttributes, StanzaNotes } from '../stanzas.ts'
import { addressOf, belongsToLid, parseAddress, type SignalAddress, underLid, underNumber } from './addresses.ts'
import {
  acceptSenderKey,
  decrypt,
  decryptFromGroup,
  encrypt,
  encryptForGroup,
  type OwnKeys,
  type PreKeyBundle,
  SignalError,
  startSession,
} from './ciphers.ts'
import type { Commits } from './commits.ts'
import { KeyedLock } from './keyed-lock.ts'
import type { LidMappings } from './lid-mapping.ts'
import { addPadding, removePadding } from './padding.ts'
import { identityOfFirstMessage, readSession, sameBytes } from './records.ts'

export interface RepositoryOptions {
  credentials: Pick<AuthenticationCreds, 'signedIdentityKey' | 'signedPreKey' | 'registrationId'>
  store: SessionStore
  commits: Commits
  cache: CacheView<Uint8Array>
  mappings: LidMappings
  stanzas: StanzaNotes
  logger: Logger
  /** A stanza came again whose row nobody has recorded yet. */
  onRowAgain(row: InboxRow): void
  /** A stanza that nobody could decrypt and that is not in the inbox either; when this returns, Baileys asks the sender to repeat it. */
  onUndecryptable(attributes: StanzaAttributes, reason: string): void
  /** Reading failed. Must close the socket before it returns: after the throw Baileys would answer with a retry receipt. */
  onStorageFailure(error: unknown): void
}

type BaileysRepository = Omit<SignalRepositoryWithLIDStore, 'lidMapping'>

export class SignalRepository implements BaileysRepository {
  readonly #options: RepositoryOptions
  readonly #locks = new KeyedLock()
  readonly #released: InboxRow[] = []
  #own: OwnKeys | null = null
  #failed = false
  #shut = false

  constructor(options: RepositoryOptions) {
    this.#options = options
  }

  encryptMessage({ jid, data }: { jid: string; data: Uint8Array }): Promise<{ type: 'pkmsg' | 'msg'; ciphertext: Uint8Array }> {
    return this.#exclusively(jid, async (address) => {
      const found = await this.#loadSession(address)
      if (found === null) throw new SignalError('No session record')
      const { type, ciphertext, session } = await encrypt(this.#ownKeys(), address, found.record, data)
      this.#commitSession(address, session, found.movedFrom)
      return { type, ciphertext }
    })
  }

  decryptMessage({ jid, type, ciphertext }: { jid: string; type: 'pkmsg' | 'msg'; ciphertext: Uint8Array }): Promise<Uint8Array> {
    return this.#exclusively(jid, (address) =>
      this.#receive(ciphertext, async (inbox) => {
        const found = await this.#loadSession(address)
        if (found === null && type === 'msg') throw new SignalError('No session record')
        const record =
          found !== null && type === 'pkmsg' && this.#identityChanged(address, found.record, ciphertext) ? null : (found?.record ?? null)
        const { plaintext, session, usedPreKey } = await decrypt(this.#ownKeys(), address, record, { type, ciphertext }, (id) =>
          this.#loadPreKey(id),
        )
        const remove = usedPreKey === null ? [] : [{ kind: 'pre-key', id: String(usedPreKey) }]
        this.#commitSession(address, session, found?.movedFrom ?? null, remove, inbox(plaintext))
        return plaintext
      }),
    )
  }

  decryptGroupMessage({ group, authorJid, msg }: { group: string; authorJid: string; msg: Uint8Array }): Promise<Uint8Array> {
    return this.#withSenderKey(group, authorJid, (sender, record, commit) =>
      this.#receive(msg, async (inbox) => {
        if (record === null) throw new SignalError('No sender key')
        const result = await decryptFromGroup(this.#ownKeys(), group, sender, record, msg)
        commit(result.record, inbox(result.plaintext))
        return result.plaintext
      }),
    )
  }

  encryptGroupMessage({
    group,
    data,
    meId,
  }: {
    group: string
    data: Uint8Array
    meId: string
  }): Promise<{ senderKeyDistributionMessage: Uint8Array; ciphertext: Uint8Array }> {
    return this.#withSenderKey(group, meId, async (sender, record, commit) => {
      const result = await encryptForGroup(this.#ownKeys(), group, sender, record, data)
      commit(result.record)
      return { senderKeyDistributionMessage: result.announcement, ciphertext: result.ciphertext }
    })
  }

  getSenderKeyDistributionMessage({ group, meId }: { group: string; meId: string }): Promise<Uint8Array> {
    return this.#withSenderKey(group, meId, async (sender, record, commit) => {
      const result = await encryptForGroup(this.#ownKeys(), group, sender, record, null)
      commit(result.record)
      return result.announcement
    })
  }

  processSenderKeyDistributionMessage({
    item,
    authorJid,
  }: {
    item: { groupId?: string | null; axolotlSenderKeyDistributionMessage?: Uint8Array | null }
    authorJid: string
  }): Promise<void> {
    const { groupId, axolotlSenderKeyDistributionMessage: announcement } = item
    if (!groupId || !announcement) return Promise.reject(new SignalError('sender key without group or content'))
    return this.#withSenderKey(groupId, authorJid, async (sender, record, commit) => {
      commit(await acceptSenderKey(this.#ownKeys(), groupId, sender, record, announcement))
    })
  }

  hasSenderKey({ group, meId }: { group: string; meId: string }): Promise<boolean> {
    return this.#withSenderKey(group, meId, async (_sender, record) => record !== null)
  }

  /** Throws when a signature in the bundle is wrong. */
  injectE2ESession({ jid, session: bundle }: { jid: string; session: PreKeyBundle }): Promise<void> {
    return this.#exclusively(jid, async (address) => {
      const found = await this.#loadSession(address)
      const known = found === null ? null : readSession(found.record)
      const changed = known?.remoteIdentity != null && !sameBytes(known.remoteIdentity, bundle.identityKey)
      if (changed) this.#options.logger.info({ device: address.id }, 'identity key changed, the old session is dropped')
      const started = await startSession(this.#ownKeys(), address, changed ? null : (found?.record ?? null), {
        registrationId: bundle.registrationId,
        identityKey: bundle.identityKey,
        signedPreKey: bundle.signedPreKey,
        preKey: bundle.preKey,
      })
      this.#commitSession(address, started, found?.movedFrom ?? null)
    })
  }

  validateSession(jid: string): Promise<{ exists: boolean; reason?: string }> {
    // A stored record always has a current session: we never archive one without replacing it.
    return this.#exclusively(jid, async (address) =>
      (await this.#loadSession(address)) === null ? { exists: false, reason: 'no session' } : { exists: true },
    )
  }

  getSessionInfo(jid: string): Promise<{ baseKey: Uint8Array; registrationId: number } | null> {
    return this.#exclusively(jid, async (address) => {
      const found = await this.#loadSession(address)
      const facts = found === null ? null : readSession(found.record)
      return facts?.baseKey == null ? null : { baseKey: facts.baseKey, registrationId: facts.remoteRegistrationId }
    })
  }

  async deleteSession(jids: string[]): Promise<void> {
    await Promise.all(jids.map((jid) => this.#exclusively(jid, (address) => this.#forget(address))))
  }

  /** The same for addresses in Baileys' text form, as its retry code hands them to `auth.keys`. */
  async forgetAddresses(ids: readonly string[]): Promise<void> {
    for (const id of ids) {
      const address = parseAddress(id)
      if (address === null) continue
      const resolved = await this.#resolve(address)
      await this.#locks.run(resolved.id, () => this.#forget(resolved))
    }
  }

  /** Nothing to do at once: a session moves to the LID when it is next used, also those of devices Baileys does not name here. */
  async migrateSession(): Promise<{ migrated: number; skipped: number; total: number }> {
    return { migrated: 0, skipped: 0, total: 0 }
  }

  jidToSignalProtocolAddress(jid: string): string {
    return addressOf(jid).id
  }

  /** The row holds nothing a person would see: it goes with the next commit of another stanza, when its own receipt is out. */
  release(row: InboxRow): void {
    this.#released.push(row)
  }

  /** Refuses new operations; resolves when those under way are done and committed. */
  async shut(): Promise<void> {
    this.#shut = true
    await this.#locks.idle()
    await this.#options.commits.idle()
  }

  // ── one operation ──────────────────────────────────────────────────────────────────────────────────────────────────

  /** Runs under the lock of the address the device has *then*: a LID may become known while waiting for the lock. */
  async #exclusively<T>(jid: string, work: (address: SignalAddress) => Promise<T>): Promise<T> {
    if (this.#shut) throw new Error('the session has ended')
    const asked = addressOf(jid)
    if (belongsToLid(asked)) return this.#locks.run(asked.id, () => work(asked))
    for (;;) {
      const address = await this.#resolve(asked)
      const outcome = await this.#locks.run(address.id, async () => {
        const now = await this.#resolve(asked)
        return now.id === address.id ? { value: await work(address) } : null
      })
      if (outcome !== null) return outcome.value
    }
  }

  async #resolve(address: SignalAddress): Promise<SignalAddress> {
    if (belongsToLid(address)) return address
    const lid = await this.#guarded(() => this.#options.mappings.knownLid(address.user))
    return lid === null ? address : underLid(address, lid)
  }

  #withSenderKey<T>(
    group: string,
    senderJid: string,
    work: (sender: SignalAddress, record: Uint8Array | null, commit: (record: Uint8Array, inbox?: InboxRow) => void) => Promise<T>,
  ): Promise<T> {
    if (this.#shut) return Promise.reject(new Error('the session has ended'))
    const sender = addressOf(senderJid)
    const id = `${group}::${sender.id}`
    return this.#locks.run(id, async () => {
      const record = await this.#load('sender-key', id)
      return work(sender, record, (value, inbox) => {
        this.#commit({ put: [{ kind: 'sender-key', id, value }], remove: [], ...(inbox === undefined ? {} : { inbox: [inbox] }) })
        this.#options.cache.set(`sender-key/${id}`, value)
      })
    })
  }

  /**
   * One incoming ciphertext. `work` decrypts and commits together with the row it is given; when it can't decrypt, the ciphertext may be one
   * that came before and whose receipt never arrived: then the inbox still has the answer.
   */
  async #receive(
    ciphertext: Uint8Array,
    work: (inbox: (plaintext: Uint8Array) => InboxRow | undefined) => Promise<Uint8Array>,
  ): Promise<Uint8Array> {
    const attributes = this.#options.stanzas.find(ciphertext)
    if (milestones.decrypting.hasSubscribers) milestones.decrypting.publish({ ids: [attributes?.id] })
    try {
      return await work((padded) => {
        if (attributes === null) return undefined
        const row = makeRow(ciphertext, attributes, padded)
        // Baileys refuses the message, but the ratchet has moved all the same.
        if (row === null) this.#options.onUndecryptable(attributes, 'impossible message padding')
        return row ?? undefined
      })
    } catch (error) {
      if (!(error instanceof SignalError)) throw error
      const before = attributes === null ? null : await this.#findRow(hashOf(ciphertext))
      if (before === null) {
        if (attributes !== null) this.#options.onUndecryptable(attributes, error.message)
        throw error
      }
      // Already recorded: Baileys gets an empty message, and WhatsApp the receipt it waits for.
      if (before.recorded) return addPadding(new Uint8Array())
      if (!before.underway && !tellsOfHistory(before.row)) this.#options.onRowAgain(before.row)
      return addPadding(before.row.plaintext)
    }
  }

  async #findRow(hash: string): Promise<{ row: InboxRow; recorded: boolean; underway: boolean } | null> {
    const row = this.#options.commits.pendingRow(hash)
    if (row !== null) return { row, recorded: false, underway: true }
    const known = await this.#guarded(() => this.#options.store.findInbox(hash))
    return known === null ? null : { ...known, underway: false }
  }

  #identityChanged(address: SignalAddress, record: Uint8Array, ciphertext: Uint8Array): boolean {
    const known = readSession(record)?.remoteIdentity ?? null
    const sent = identityOfFirstMessage(ciphertext)
    if (known === null || sent === null || sameBytes(known, sent)) return false
    this.#options.logger.info({ device: address.id }, 'identity key changed, the old session is dropped')
    return true
  }

  // ── the store ──────────────────────────────────────────────────────────────────────────────────────────────────────

  /** `movedFrom`: the record was found under the number's address and leaves it with the next commit. */
  async #loadSession(address: SignalAddress): Promise<{ record: Uint8Array; movedFrom: string | null } | null> {
    const record = await this.#load('session', address.id)
    if (record !== null) return { record, movedFrom: null }
    if (!belongsToLid(address)) return null
    const number = await this.#guarded(() => this.#options.mappings.knownNumber(address.user))
    if (number === null) return null
    const older = underNumber(address, number).id
    const moved = await this.#load('session', older)
    return moved === null ? null : { record: moved, movedFrom: older }
  }

  #commitSession(
    address: SignalAddress,
    value: Uint8Array,
    movedFrom: string | null,
    remove: { kind: string; id: string }[] = [],
    inbox?: InboxRow,
  ): void {
    if (movedFrom !== null) remove.push({ kind: 'session', id: movedFrom })
    this.#commit({ put: [{ kind: 'session', id: address.id, value }], remove, ...(inbox === undefined ? {} : { inbox: [inbox] }) })
    this.#options.cache.set(`session/${address.id}`, value)
    if (movedFrom !== null) this.#options.cache.delete(`session/${movedFrom}`)
  }

  async #forget(address: SignalAddress): Promise<void> {
    const ids = [address.id]
    if (belongsToLid(address)) {
      const number = await this.#guarded(() => this.#options.mappings.knownNumber(address.user))
      if (number !== null) ids.push(underNumber(address, number).id)
    }
    this.#commit({ put: [], remove: ids.map((id) => ({ kind: 'session', id })) })
    for (const id of ids) this.#options.cache.delete(`session/${id}`)
  }

  async #load(kind: 'session' | 'sender-key', id: string): Promise<Uint8Array | null> {
    // What is not stored yet is newer than the store, and the cache may have dropped it.
    const pending = this.#options.commits.pending(kind, id)
    if (pending !== undefined) return pending
    const hot = this.#options.cache.get(`${kind}/${id}`)
    if (hot !== undefined) return hot
    const stored = (await this.#guarded(() => this.#options.store.load(kind, [id]))).get(id) ?? null
    if (stored !== null) this.#options.cache.set(`${kind}/${id}`, stored)
    return stored
  }

  async #loadPreKey(id: number): Promise<{ pubKey: Uint8Array; privKey: Uint8Array } | null> {
    if (this.#options.commits.pending('pre-key', String(id)) === null) return null
    const stored = (await this.#guarded(() => this.#options.store.load('pre-key', [String(id)]))).get(String(id))
    if (stored === undefined) return null
    return { privKey: stored.subarray(0, 32), pubKey: generateSignalPubKey(Buffer.from(stored.subarray(32, 64))) }
  }

  #commit({ inbox = [], ...rest }: StoreBatch): void {
    const batch: StoreBatch = { ...rest, ...(inbox.length === 0 ? {} : inbox.every(tellsOfHistory) ? { history: inbox } : { inbox }) }
    const own = inbox[0]?.attributes
    const settled = this.#released.length === 0 ? [] : this.#released.filter((row) => row.attributes !== own)
    for (const row of settled) this.#released.splice(this.#released.indexOf(row), 1)
    this.#options.commits.add(settled.length === 0 ? batch : { ...batch, settleInbox: settled.map((row) => row.hash) })
  }

  /** Every touch of the store goes through here: a failure closes the socket before anybody can answer WhatsApp. */
  async #guarded<T>(touch: () => T | Promise<T>): Promise<T> {
    if (this.#failed || this.#options.commits.failed) throw new Error('the session store failed before')
    try {
      return await touch()
    } catch (error) {
      this.#failed = true
      this.#options.onStorageFailure(error)
      throw new Error('the session store failed', { cause: error })
    }
  }

  /** Signed prekeys are replaced now and then; the rest never changes. */
  #ownKeys(): OwnKeys {
    const { signedIdentityKey, signedPreKey, registrationId } = this.#options.credentials
    if (this.#own !== null && this.#own.signedPreKey.keyId === signedPreKey.keyId) return this.#own
    this.#own = {
      registrationId,
      identity: withTypeByte(signedIdentityKey),
      signedPreKey: { keyId: signedPreKey.keyId, keyPair: withTypeByte(signedPreKey.keyPair), signature: signedPreKey.signature },
    }
    return this.#own
  }
}

const withTypeByte = (pair: { public: Uint8Array; private: Uint8Array }): { pubKey: Uint8Array; privKey: Uint8Array } => ({
  pubKey: generateSignalPubKey(Buffer.from(pair.public)),
  privKey: pair.private,
})

/** It is not recorded as a message; `history/` has its own way with it. */
const tellsOfHistory = (row: InboxRow): boolean => notificationIn(row) !== null

const hashOf = (ciphertext: Uint8Array): string => createHash('sha256').update(ciphertext).digest('hex')

/** Null when the padding is broken. */
const makeRow = (ciphertext: Uint8Array, attributes: StanzaAttributes, padded: Uint8Array): InboxRow | null => {
  try {
    return { hash: hashOf(ciphertext), attributes, plaintext: removePadding(padded), receivedAt: Date.now() }
  } catch {
    return null
  }
}
