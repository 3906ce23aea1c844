/** How callers name communities and their groups: by JID, with or without its server. Codes and links name none. */

/** Null: no group WhatsApp could know. */
export const parseCommunityJid = (text: string): string | null => {
  const [, id] = /^(\d{1,30}(?:-\d{1,30})?)(?:@g\.us)?$/.exec(text.trim()) ?? []
  return id === undefined ? null : `${id}@g.us`
}

/** Why it names none, for an error text. */
export const notACommunityJid = (text: string): string => `${text.trim().slice(0, 100)} is not a group JID`
