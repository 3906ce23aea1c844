/** What groups and channels were last said to be called; what is new is reported. */
import type { EngineEvent } from '../../engine.ts'
import type { CacheView } from './shared-cache.ts'

export interface NamedPlace {
  jid: string
  name: string
  isAnnouncementGroup?: boolean
}

export class PlaceNames {
  readonly #known: CacheView<string>
  readonly #report: (event: EngineEvent) => void

  constructor(known: CacheView<string>, report: (event: EngineEvent) => void) {
    this.#known = known
    this.#report = report
  }

  heard(places: readonly NamedPlace[]): void {
    for (const { jid, name, isAnnouncementGroup = false } of places) {
      if (name === '' || this.#known.get(jid) === name) continue
      this.#known.set(jid, name)
      this.#report({ type: 'contact', address: { jid, lid: null }, pushName: null, savedName: name, isAnnouncementGroup })
    }
  }

  /** Whoever is told of it knows already. */
  note(jid: string, name: string): void {
    this.#known.set(jid, name)
  }
}
