/** Whom the account shows its stories to, as was chosen in the app. */
import type { Address } from './address.ts'

/** `contacts`: everybody in the address book. `people` are those of the other two. */
export interface StoryPrivacy {
  shownTo: 'contacts' | 'contacts-except' | 'only'
  people: readonly Address[]
}

export interface StorySession {
  /** Throws {@link EngineError}. */
  storyPrivacy(): Promise<StoryPrivacy>
}
