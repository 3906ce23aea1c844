/** Sessions that misbehave. */
import type { EngineSession } from '../../whatsapp/engine.ts'

/** Behaves like `session` but for some verbs. */
export const but = (session: EngineSession, changes: Partial<EngineSession>): EngineSession => ({
  start: () => session.start(),
  stop: () => session.stop(),
  logout: () => session.logout(),
  requestPairingCode: (number) => session.requestPairingCode(number),
  send: (to, message, options) => session.send(to, message, options),
  markRead: (messages) => session.markRead(messages),
  setPresence: (presence) => session.setPresence(presence),
  setChatState: (to, state) => session.setChatState(to, state),
  rejectCall: (call) => session.rejectCall(call),
  lookUpNumbers: (numbers, options) => session.lookUpNumbers(numbers, options),
  requestHistory: (days) => session.requestHistory(days),
  requestOlder: (before, count) => session.requestOlder(before, count),
  uploadMedia: (file) => session.uploadMedia(file),
  downloadMedia: (media, to) => session.downloadMedia(media, to),
  requestMediaAgain: (message, media) => session.requestMediaAgain(message, media),
  profilePicture: (of) => session.profilePicture(of),
  groups: session.groups,
  communities: session.communities,
  newsletters: session.newsletters,
  labels: session.labels,
  ring: (to) => session.ring(to),
  profile: session.profile,
  storyPrivacy: () => session.storyPrivacy(),
  act: (action) => session.act(action),
  setFavorites: (decide) => session.setFavorites(decide),
  setBlocked: (person, blocked) => session.setBlocked(person, blocked),
  ...changes,
})

/** Connects to nothing and says nothing. */
export const mute = (session: EngineSession): EngineSession => but(session, { start: () => {} })

/** Never hears that it was logged out, and never ends. */
export const deaf = (session: EngineSession): EngineSession => but(session, { logout: () => never, stop: () => never })

export const never = new Promise<never>(() => {})
