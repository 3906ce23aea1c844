/** Privacy settings of an account: categories, their values, and who may see what. */

const AUDIENCES = ['all', 'contacts', 'contact_blacklist', 'none'] as const

/** Values a client may set, by category; the first is what a new account has. */
const CATEGORIES: Record<string, readonly string[]> = {
  readreceipts: ['all', 'none'],
  last: AUDIENCES,
  online: ['all', 'match_last_seen'],
  profile: AUDIENCES,
  status: AUDIENCES,
  groupadd: AUDIENCES,
  calladd: ['all', 'known'],
  messages: ['all', 'contacts'],
  defense: ['off', 'on_standard'],
}

export class PrivacySettings {
  readonly #values = new Map(Object.entries(CATEGORIES).map(([category, values]) => [category, values[0] ?? 'all']))

  get(category: string): string {
    return this.#values.get(category) ?? 'all'
  }

  entries(): [string, string][] {
    return [...this.#values]
  }

  /** False when there is no such category or it has no such value. */
  set(category: string, value: string): boolean {
    if (!CATEGORIES[category]?.includes(value)) return false
    this.#values.set(category, value)
    return true
  }

  /** Whether somebody may see `last`, `profile` or `status`. "Contacts" are the people the account has looked up or written to. */
  shows(category: string, isContact: boolean): boolean {
    const value = this.get(category)
    return value === 'all' || (value !== 'none' && isContact)
  }
}
