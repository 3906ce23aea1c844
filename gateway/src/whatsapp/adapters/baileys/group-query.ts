/** How groups and communities are asked about: w:g2 queries, to a group or to all of them. */
import type { BinaryNode } from 'baileys'

/** Of no group in particular. */
export const ALL_GROUPS = '@g.us'

/** Throws {@link EngineError}. */
export type AskAboutGroups = (to: string, type: 'get' | 'set', child: BinaryNode, timeoutMs?: number) => Promise<BinaryNode>

export const askingAboutGroups =
  (request: (node: BinaryNode, timeoutMs?: number) => Promise<BinaryNode>): AskAboutGroups =>
  (to, type, child, timeoutMs) =>
    request({ tag: 'iq', attrs: { to, type, xmlns: 'w:g2' }, content: [child] }, timeoutMs)

export const node = (tag: string, attrs: BinaryNode['attrs'] = {}, content?: BinaryNode['content']): BinaryNode =>
  content === undefined ? { tag, attrs } : { tag, attrs, content }
