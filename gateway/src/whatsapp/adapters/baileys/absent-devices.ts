/**
 * Devices that are not there any more. Asked for the keys of many, WhatsApp answers an error in place of each of those, and keys of all others
 * beside it. Baileys takes the first error for the whole answer: one forgotten tablet of one member, and nobody in the group gets the message.
 */
import type { BinaryNode } from 'baileys'
import type { Address } from '../../engine.ts'
import { parseJid } from '../../jid.ts'
import { addressFrom } from './addresses.ts'
import type { DeviceLists } from './device-lists.ts'
import { childOf, childrenNamed } from './nodes.ts'

export class AbsentDevices {
  readonly #devices: Pick<DeviceLists, 'gone'>
  readonly #completed: (address: Address) => Promise<Address>
  #noted = Promise.resolve()
  #seen = 0

  constructor(devices: Pick<DeviceLists, 'gone'>, completed: (address: Address) => Promise<Address>) {
    this.#devices = devices
    this.#completed = completed
  }

  /** To be told of every stanza before whoever has asked for it: the errors are taken out of an answer with keys. */
  heed(stanza: BinaryNode | Uint8Array): void {
    const absent = stanza instanceof Uint8Array ? [] : takeOutAbsent(stanza)
    if (absent.length === 0) return
    this.#seen += absent.length
    this.#noted = this.#noted.then(() => this.#note(absent))
  }

  /** Writes; once more, to those who are there, where everybody that was left to be written to turned out to be gone. */
  async writing(write: () => Promise<void>): Promise<void> {
    const before = this.#seen
    try {
      await write()
    } catch (error) {
      if (this.#seen === before) throw error
      await this.#noted
      await write()
    }
  }

  async #note(jids: readonly string[]): Promise<void> {
    try {
      for (const jid of jids) {
        const { jid: number, lid } = await this.#completed(addressFrom(jid))
        for (const name of [number, lid]) if (name !== null) await this.#devices.gone(userOf(name), parseJid(jid)?.device ?? 0)
      }
    } catch {
      // A store that fails has been reported already.
    }
  }
}

const userOf = (jid: string): string => jid.slice(0, jid.indexOf('@'))

/** Gives the JIDs of those it has taken out. Every stanza that is no answer with keys stays as it is. */
export const takeOutAbsent = (stanza: BinaryNode): string[] => {
  if (stanza.tag !== 'iq' || stanza.attrs.type !== 'result') return []
  const list = childOf(stanza, 'list')
  const users = childrenNamed(list, 'user')
  const absent = users.filter((user) => childOf(user, 'error') !== undefined)
  if (list === undefined || absent.length === 0) return []
  list.content = users.filter((user) => !absent.includes(user))
  return absent.flatMap(({ attrs }) => attrs.jid ?? [])
}
