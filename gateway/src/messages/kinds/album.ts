/**
 * The message that announces an album: it says how many pictures and films will follow, each a message of its own which names it. There is no
 * documented type for it; whoever wants to show them together finds what is needed in `album`.
 */
import type { IncomingKind } from './kind.ts'

export const incomingAlbum: IncomingKind = {
  read({ albumMessage }) {
    if (!albumMessage) return null
    const { expectedImageCount, expectedVideoCount } = albumMessage
    const album = { messageId: null, images: expectedImageCount ?? 0, videos: expectedVideoCount ?? 0 }
    return { type: 'unknown', content: '', changes: null, mediaType: null, details: { album } }
  },
}
