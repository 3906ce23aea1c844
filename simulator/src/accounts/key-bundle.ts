/** What the server keeps of a device's Signal keys: public halves only, handed out to whoever wants to write first. */

export interface PreKey {
  /** 3 bytes, big-endian. */
  id: Buffer
  /** 32 bytes. */
  value: Buffer
}

export interface SignedPreKey extends PreKey {
  /** 64 bytes, by the identity key. */
  signature: Buffer
}

export interface DeviceKeys {
  /** 4 bytes. */
  registration: Buffer
  /** 32 bytes, without type byte. */
  identity: Buffer
  signedPreKey: SignedPreKey
}

export class KeyBundle {
  static readonly capacity = 2_000
  /** Below this many one-time prekeys the device is asked for more (engine.md §9.3). */
  static readonly low = 5

  #keys: DeviceKeys | undefined
  readonly #preKeys = new Map<string, PreKey>()
  #toldLow = false

  get keys(): DeviceKeys | undefined {
    return this.#keys
  }

  get count(): number {
    return this.#preKeys.size
  }

  get preKeyIds(): Buffer[] {
    return [...this.#preKeys.values()].map((key) => key.id)
  }

  /** Another identity invalidates the one-time prekeys that were signed in its time. Gives whether the identity changed. */
  register(keys: DeviceKeys): boolean {
    const changed = this.#keys !== undefined && !this.#keys.identity.equals(keys.identity)
    if (changed) this.#preKeys.clear()
    this.#keys = keys
    return changed
  }

  rotate(signedPreKey: SignedPreKey): void {
    if (this.#keys !== undefined) this.#keys = { ...this.#keys, signedPreKey }
  }

  add(keys: readonly PreKey[]): void {
    for (const key of keys) {
      if (this.#preKeys.size >= KeyBundle.capacity) break
      this.#preKeys.set(key.id.toString('hex'), key)
    }
    this.#toldLow = false
  }

  /** The next one-time prekey, which is gone afterwards. */
  take(): PreKey | undefined {
    for (const [id, key] of this.#preKeys) {
      this.#preKeys.delete(id)
      return key
    }
    return undefined
  }

  /** True once each time the stock falls below {@link low}. */
  runsLow(): boolean {
    if (this.#toldLow || this.#preKeys.size >= KeyBundle.low) return false
    this.#toldLow = true
    return true
  }
}
