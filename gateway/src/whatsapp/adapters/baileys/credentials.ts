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
  /** As JSON. Baileys reports changes that are none, several times at each connect. */
  #stored: string | null
  #dirty = false
  #saving: Promise<void> | null = null

  private constructor(value: AuthenticationCreds, stored: string | null, store: SessionStore, onFailure: (error: unknown) => void) {
    this.value = value
    this.#stored = stored
    this.#store = store
    this.#onFailure = onFailure
  }

  /** Stored ones, or fresh ones when there are none. Rejects when the store fails or holds something else. */
  static async load(store: SessionStore, onFailure: (error: unknown) => void): Promise<Credentials> {
    const bytes = await store.loadCredentials()
    const stored = bytes === null ? null : Buffer.from(bytes).toString()
    return new Credentials(stored === null ? initAuthCreds() : decode(stored), stored, store, onFailure)
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
      // What changes in the same turn goes along.
      await null
      while (this.#dirty) {
        this.#dirty = false
        const changed = JSON.stringify(this.value, BufferJSON.replacer)
        if (changed === this.#stored) continue
        await this.#store.saveCredentials(Buffer.from(changed))
        this.#stored = changed
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

const decode = (json: string): AuthenticationCreds => {
  const value: AuthenticationCreds = JSON.parse(json, BufferJSON.reviver)
  // A protobuf object writes its bytes as base64 text into JSON.
  if (value.account) value.account = proto.ADVSignedDeviceIdentity.fromObject(value.account)
  return value
}
