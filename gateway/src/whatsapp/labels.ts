/**
 * Labels, by which an account sorts its chats and messages on all its devices. WhatsApp keeps them as app state, in the collection `regular`
 * (engine.md §8.2): every change has a version, and whoever writes must have read all before it.
 */
import type { Address } from './address.ts'

export type LabelChange =
  | {
      kind: 'edit'
      /** Digits. */
      id: string
      name: string
      /** A number of WhatsApp's palette. */
      color: number
      /** WhatsApp's word: CUSTOM, PREDEFINED, … */
      type: string
      /** Which of the labels every business begins with; null for the others. */
      predefined: number | null
      deleted: boolean
    }
  /** `named`: the chat as WhatsApp's record of it says, which stays the same whatever else is learned about the person. */
  | { kind: 'chat'; labelId: string; chat: Address; named: string; labeled: boolean }
  | { kind: 'message'; labelId: string; chat: Address; named: string; messageId: string; labeled: boolean }

export interface LabelNews {
  /** Of the collection after these changes. */
  version: number
  /** All there is, instead of what changed: what is not among it is gone. */
  whole: boolean
  /** The first time since this device was linked: how the account came to us, not something that happened. */
  first: boolean
  /** `at`: milliseconds, the clock of the device that made the change. */
  changes: readonly (LabelChange & { at: number })[]
}

export interface LabelSession {
  labels: {
    /**
     * Writes what `decide` says, in one step. It is asked when everything other devices have written has been told and stored, and again
     * each time one of them was faster; nothing to do is `[]`, and what it throws is thrown here. What was written is told as news too,
     * before this resolves. Throws {@link EngineError}: `not-ready` while a key of the phone is missing, `conflict` when others kept being
     * faster, `damaged` when what WhatsApp has cannot be verified.
     */
    change(decide: () => Promise<readonly LabelChange[]>): Promise<void>
    /** Reads everything from WhatsApp again, and tells it. Throws like `change`. */
    refresh(): Promise<void>
  }
}
