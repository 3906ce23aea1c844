/**
 * The device's own credentials: one JSON blob in the session store. Nothing is written before the device is linked, so an abandoned QR or
 * pairing code leaves no half-made account behind (Baileys sets `me` as soon as a code is asked for, and would try to log in with it).
 */
import { type AuthenticationCreds, BufferJSON, initAuthCreds, proto } from 'baileys'
import type { Address, SessionStore } from '../../engine.ts'
import { addressFrom } from './addresses.ts'

export class Credentials {
  readonly value: AuthenticationCreds
  readonly #store: SessionStore
  readonly #onFailure: (error: unknown) => void
  #dirty = false
  #saving: Promise<void> | null = null

  private constructor(value: AuthenticationCreds, store: SessionStore, onFailure: (error: unknown) => void) {
    this.value = value
    this.#store = store
    this.#onFailure = onFailure
  }

  /** Stored ones, or fresh ones when there are none. Rejects when the store fails or holds something else. */
  static async load(store: SessionStore, onFailure: (error: unknown) => void): Promise<Credentials> {
    const bytes = await store.loadCredentials()
    return new Credentials(bytes === null ? initAuthCreds() : decode(bytes), store, onFailure)
  }

  get linked(): boolean {
    return this.value.account !== undefined && this.value.me !== undefined
  }

  /** Something changed. Several changes at once become one write. */
  changed(): void {
    if (!this.linked) return
    // Baileys only asks whether this list is empty and would let it grow for ever.
    this.value.processedHistoryMessages = this.value.processedHistoryMessages.slice(0, 1)
    this.#dirty = true
    this.#saving ??= this.#save()
  }

  /** Resolves when every change so far is stored, or has failed and been reported. */
  async flush(): Promise<void> {
    while (this.#saving !== null) await this.#saving
  }

  async #save(): Promise<void> {
    try {
      while (this.#dirty) {
        this.#dirty = false
        await this.#store.saveCredentials(Buffer.from(JSON.stringify(this.value, BufferJSON.replacer)))
      }
    } catch (error) {
      this.#onFailure(error)
    } finally {
      this.#saving = null
    }
  }
}

export const selfOf = ({ value: { me } }: Credentials): Address => addressFrom(me?.id, me?.lid)

/** Baileys writes `~` until it knows better. */
export const nameOf = ({ value: { me } }: Credentials): string | null => (me?.name && me.name !== '~' ? me.name : null)

const decode = (bytes: Uint8Array): AuthenticationCreds => {
  const value: AuthenticationCreds = JSON.parse(Buffer.from(bytes).toString(), BufferJSON.reviver)
  // A protobuf object writes its bytes as base64 text into JSON.
  if (value.account) value.account = proto.ADVSignedDeviceIdentity.fromObject(value.account)
  return value
}
