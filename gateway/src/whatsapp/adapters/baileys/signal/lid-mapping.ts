/**
 * Baileys' `lidMapping` over our identity store: which LID stands for which number. The method names and the JID forms in the answers are
 * Baileys' (`lib/Signal/lid-mapping.js`); the device part of the question is carried over into the answer.
 */
import { jidDecode, type LIDMapping } from 'baileys'
import type { Logger } from '../../../../runtime/logging.ts'
import type { IdentityStore } from '../../../engine.ts'
import type { CacheView } from '../shared-cache.ts'

type AskWhatsApp = (numberJids: string[]) => Promise<LIDMapping[] | undefined>

export class LidMappings {
  readonly #store: IdentityStore
  readonly #cache: CacheView<string>
  readonly #ask: AskWhatsApp | undefined
  readonly #logger: Logger
  readonly #asked = new Map<string, Promise<LIDMapping[] | undefined>>()

  constructor(store: IdentityStore, cache: CacheView<string>, ask: AskWhatsApp | undefined, logger: Logger) {
    this.#store = store
    this.#cache = cache
    this.#ask = ask
    this.#logger = logger
  }

  /** LID of a number as we know it, without asking WhatsApp. */
  knownLid(number: string): string | null | Promise<string | null> {
    return this.#cache.get(`n:${number}`) ?? this.#loadLid(number)
  }

  /** Number of a LID as we know it, without asking WhatsApp. */
  knownNumber(lid: string): string | null | Promise<string | null> {
    return this.#cache.get(`l:${lid}`) ?? this.#loadNumber(lid)
  }

  async learn(pairs: readonly { number: string; lid: string }[]): Promise<void> {
    const fresh = pairs.filter(({ number, lid }) => this.#cache.get(`n:${number}`) !== lid || this.#cache.get(`l:${lid}`) !== number)
    if (fresh.length === 0) return
    await this.#store.learn(fresh)
    for (const { number, lid } of fresh) this.#remember(number, lid)
  }

  async storeLIDPNMappings(pairs: LIDMapping[]): Promise<void> {
    const valid: { number: string; lid: string }[] = []
    for (const { lid, pn } of pairs) {
      const one = jidDecode(lid)
      const other = jidDecode(pn)
      if (one?.server === 'lid' && other?.server === 's.whatsapp.net') valid.push({ lid: one.user, number: other.user })
      else if (one?.server === 's.whatsapp.net' && other?.server === 'lid') valid.push({ lid: other.user, number: one.user })
      else this.#logger.debug('not a pair of LID and number, left out')
    }
    if (valid.length > 0) await this.learn(valid)
  }

  async getLIDForPN(pn: string): Promise<string | null> {
    const pairs = await this.getLIDsForPNs([pn])
    return pairs?.[0]?.lid ?? null
  }

  async getLIDsForPNs(pns: string[]): Promise<LIDMapping[] | null> {
    const found: LIDMapping[] = []
    const unknown = new Map<string, string[]>()
    for (const pn of pns) {
      const decoded = jidDecode(pn)
      if (decoded === undefined || (decoded.server !== 's.whatsapp.net' && decoded.server !== 'hosted')) continue
      const lid = await this.knownLid(decoded.user)
      if (lid !== null) found.push({ pn, lid: lidFor(pn, lid) })
      else unknown.set(decoded.user, [...(unknown.get(decoded.user) ?? []), pn])
    }
    if (unknown.size > 0) {
      for (const { number, lid } of await this.#askWhatsApp([...unknown.keys()])) {
        for (const pn of unknown.get(number) ?? []) found.push({ pn, lid: lidFor(pn, lid) })
      }
    }
    return found.length > 0 ? found : null
  }

  async getPNForLID(lid: string): Promise<string | null> {
    const pairs = await this.getPNsForLIDs([lid])
    return pairs?.[0]?.pn ?? null
  }

  async getPNsForLIDs(lids: string[]): Promise<LIDMapping[] | null> {
    const found: LIDMapping[] = []
    for (const lid of lids) {
      const decoded = jidDecode(lid)
      if (decoded === undefined || (decoded.server !== 'lid' && decoded.server !== 'hosted.lid')) continue
      const number = await this.knownNumber(decoded.user)
      if (number === null) continue
      found.push({ lid, pn: `${number}${devicePart(decoded.device)}@${decoded.server === 'hosted.lid' ? 'hosted' : 's.whatsapp.net'}` })
    }
    return found.length > 0 ? found : null
  }

  close(): void {
    this.#asked.clear()
  }

  /** One request at a time for the same numbers, however many wait for it. */
  async #askWhatsApp(numbers: string[]): Promise<{ number: string; lid: string }[]> {
    if (this.#ask === undefined) return []
    const key = numbers.sort().join(',')
    let answer = this.#asked.get(key)
    if (answer === undefined) {
      answer = this.#ask(numbers.map((number) => `${number}@s.whatsapp.net`))
      this.#asked.set(key, answer)
    }
    try {
      const pairs = (await answer) ?? []
      const learned = pairs.flatMap(({ pn, lid }) => {
        const number = jidDecode(pn)?.user
        const user = jidDecode(lid)?.user
        return number && user ? [{ number, lid: user }] : []
      })
      await this.learn(learned)
      return learned
    } finally {
      this.#asked.delete(key)
    }
  }

  async #loadLid(number: string): Promise<string | null> {
    const lid = (await this.#store.lidsOf([number])).get(number) ?? null
    if (lid !== null) this.#remember(number, lid)
    return lid
  }

  async #loadNumber(lid: string): Promise<string | null> {
    const number = (await this.#store.numbersOf([lid])).get(lid) ?? null
    if (number !== null) this.#remember(number, lid)
    return number
  }

  #remember(number: string, lid: string): void {
    // Whoever had one of the two before has lost it.
    this.#cache.delete(`l:${this.#cache.get(`n:${number}`) ?? ''}`)
    this.#cache.delete(`n:${this.#cache.get(`l:${lid}`) ?? ''}`)
    this.#cache.set(`n:${number}`, lid)
    this.#cache.set(`l:${lid}`, number)
  }
}

const lidFor = (pn: string, lid: string): string => {
  const decoded = jidDecode(pn)
  return `${lid}${devicePart(decoded?.device)}@${decoded?.server === 'hosted' ? 'hosted.lid' : 'lid'}`
}

const devicePart = (device: number | undefined): string => (device ? `:${device}` : '')
