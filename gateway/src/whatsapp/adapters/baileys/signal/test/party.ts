/** One device for tests of the Signal layer: own keys, a store, a repository, and what a server would publish about it. */
import { type AuthenticationCreds, Curve, generateSignalPubKey, initAuthCreds, jidDecode } from 'baileys'
import { pino } from 'pino'
import type { InboxRow } from '../../../../engine.ts'
import { MemoryIdentityStore } from '../../../../memory/identities.ts'
import { MemorySessionStore } from '../../../../memory/session-store.ts'
import { installCurve } from '../../curve.ts'
import { SharedCache } from '../../shared-cache.ts'
import { type StanzaAttributes, StanzaNotes } from '../../stanzas.ts'
import type { PreKeyBundle } from '../ciphers.ts'
import { Commits } from '../commits.ts'
import { LidMappings } from '../lid-mapping.ts'
import { SignalRepository } from '../repository.ts'

export interface Sealed {
  type: 'pkmsg' | 'msg'
  ciphertext: Uint8Array
}

export class Party {
  readonly jid: string
  store: MemorySessionStore
  readonly identities = new MemoryIdentityStore()
  readonly rows: InboxRow[] = []
  readonly undecryptable: StanzaAttributes[] = []
  readonly storageFailures: unknown[] = []
  credentials: AuthenticationCreds
  repository: SignalRepository
  mappings: LidMappings
  commits: Commits
  readonly #stanzas = new StanzaNotes()
  #nextPreKey = 1
  #nextStanza = 1

  constructor(jid: string, latencyMs = 0) {
    installCurve()
    this.jid = jid
    this.store = new MemorySessionStore(latencyMs)
    this.credentials = initAuthCreds()
    ;({ repository: this.repository, mappings: this.mappings, commits: this.commits } = this.#build())
  }

  /** A new process on the same store after an orderly end. */
  async restart(): Promise<void> {
    await this.commits.idle()
    this.crash()
  }

  /** A new process that finds what was durable and nothing else. */
  crash(): void {
    this.store = this.store.survivor()
    ;({ repository: this.repository, mappings: this.mappings, commits: this.commits } = this.#build())
  }

  /** A new phone under the same number. */
  async changeIdentity(): Promise<void> {
    await this.commits.idle()
    this.credentials = initAuthCreds()
    this.store.records.clear()
    this.crash()
  }

  /** Published keys with a one-time prekey nobody else gets. */
  bundle(): PreKeyBundle {
    const keyId = this.#nextPreKey++
    const pair = Curve.generateKeyPair()
    this.store.records.set(`pre-key/${keyId}`, Buffer.concat([pair.private, pair.public]))
    const { signedIdentityKey, signedPreKey, registrationId } = this.credentials
    return {
      registrationId,
      identityKey: prefixed(signedIdentityKey.public),
      signedPreKey: { keyId: signedPreKey.keyId, publicKey: prefixed(signedPreKey.keyPair.public), signature: signedPreKey.signature },
      preKey: { keyId, publicKey: prefixed(pair.public) },
    }
  }

  meet(other: Party, jid = other.jid): Promise<void> {
    return this.repository.injectE2ESession({ jid, session: other.bundle() })
  }

  seal(to: string, text: string): Promise<Sealed> {
    // Two bytes of padding, as WhatsApp would.
    return this.repository.encryptMessage({ jid: to, data: Buffer.concat([Buffer.from(text), Buffer.from([2, 2])]) })
  }

  /** The bytes stand in a stanza, as on the wire. */
  async open(from: string, sealed: Sealed, id = `S${this.#nextStanza++}`): Promise<string> {
    const ciphertext = Uint8Array.from(sealed.ciphertext)
    this.#stanzas.note({
      tag: 'message',
      attrs: { id, from },
      content: [{ tag: 'enc', attrs: { type: sealed.type }, content: ciphertext }],
    })
    const plain = await this.repository.decryptMessage({ jid: from, type: sealed.type, ciphertext })
    return Buffer.from(plain.subarray(0, plain.length - (plain.at(-1) ?? 0))).toString()
  }

  async openGroup(group: string, from: string, msg: Uint8Array): Promise<string> {
    const ciphertext = Uint8Array.from(msg)
    this.#stanzas.note({
      tag: 'message',
      attrs: { id: `S${this.#nextStanza++}`, from: group, participant: from },
      content: [{ tag: 'enc', attrs: { type: 'skmsg' }, content: ciphertext }],
    })
    const plain = await this.repository.decryptGroupMessage({ group, authorJid: from, msg: ciphertext })
    return Buffer.from(plain.subarray(0, plain.length - (plain.at(-1) ?? 0))).toString()
  }

  learn(numberJid: string, lidJid: string): Promise<void> {
    return this.mappings.learn([{ number: jidDecode(numberJid)?.user ?? '', lid: jidDecode(lidJid)?.user ?? '' }])
  }

  #build(): { repository: SignalRepository; mappings: LidMappings; commits: Commits } {
    const logger = pino({ level: 'silent' })
    const mappings = new LidMappings(this.identities, new SharedCache<string>(1000).view('t'), undefined, logger)
    const { store } = this
    const commits = new Commits({
      store,
      onRows: (rows) => this.rows.push(...rows),
      onHistory: () => {},
      onFailure: (error) => this.storageFailures.push(error),
    })
    const repository = new SignalRepository({
      commits,
      credentials: this.credentials,
      store,
      cache: new SharedCache<Uint8Array>(1000).view('t'),
      mappings,
      stanzas: this.#stanzas,
      logger,
      onRowAgain: (row) => this.rows.push(row),
      onUndecryptable: (attributes) => this.undecryptable.push(attributes),
      onStorageFailure: (error) => this.storageFailures.push(error),
    })
    return { repository, mappings, commits }
  }
}

const prefixed = (key: Uint8Array): Uint8Array => generateSignalPubKey(Buffer.from(key))
