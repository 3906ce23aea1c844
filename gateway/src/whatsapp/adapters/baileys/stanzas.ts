/**
 * Finds the stanza a ciphertext came in. Baileys hands its Signal repository the very bytes that stand in the stanza's `enc` node
 * (engine.md §10), so noting each content object before Baileys sees the stanza lets the repository store message and attributes together.
 */
import type { BinaryNode } from 'baileys'

export type StanzaAttributes = Record<string, string>

export class StanzaNotes {
  readonly #byContent = new WeakMap<Uint8Array, StanzaAttributes>()

  note(stanza: BinaryNode): void {
    if (!Array.isArray(stanza.content)) return
    let attributes: StanzaAttributes | null = null
    for (const child of stanza.content) {
      if (child.tag !== 'enc' || !(child.content instanceof Uint8Array)) continue
      attributes ??= { ...stanza.attrs }
      this.#byContent.set(child.content, attributes)
    }
  }

  find(content: Uint8Array): StanzaAttributes | null {
    return this.#byContent.get(content) ?? null
  }
}
