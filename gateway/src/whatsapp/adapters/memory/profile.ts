/** What people of the in-memory network show of themselves. There are no businesses among them. */
import type { Address, EngineEvent } from '../../engine.ts'
import type { ProfileSession } from '../../profile.ts'
import type { MemoryPerson } from './network.ts'

interface Options {
  /** Throws when the session is not connected. */
  person(): MemoryPerson
  find(of: Address): MemoryPerson | null
  report(event: EngineEvent): void
}

export const memoryProfile = ({ person, find, report }: Options): ProfileSession['profile'] => ({
  async setPicture(picture) {
    person().picture = picture
  },
  async setName(name) {
    person().name = name
    report({ type: 'profile', name })
  },
  async setAbout(about) {
    person().about = about
  },
  async about(of) {
    person()
    return find(of)?.about || null
  },
  async business() {
    person()
    return null
  },
  async privacy() {
    return Object.fromEntries(person().privacy)
  },
  async setPrivacy(category, value) {
    person().privacy.set(category, value)
  },
})
