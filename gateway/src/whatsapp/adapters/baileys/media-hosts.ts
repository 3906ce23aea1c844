/**
 * Where files go: WhatsApp names its media hosts, and what lets us in there for a while (`w:m`, shape as in whatsmeow's `mediaconn.go`). Baileys
 * keeps the question itself, so that after one that failed every file of the session fails.
 */
import type { BinaryNode } from 'baileys'
import { childOf, childrenNamed, numberOf } from './nodes.ts'

export interface MediaHosts {
  hostnames: readonly string[]
  auth: string
}

/** `anew`: also when what is known should still be good. One question at a time; throws what `request` throws. */
export const createMediaHosts = (request: (node: BinaryNode) => Promise<BinaryNode>): ((anew?: boolean) => Promise<MediaHosts>) => {
  let known: { hosts: MediaHosts; until: number } | null = null
  let asking: Promise<MediaHosts> | null = null

  const ask = async (): Promise<MediaHosts> => {
    const asked = Date.now()
    const answer = childOf(await request(question), 'media_conn')
    const hostnames = childrenNamed(answer, 'host').flatMap(({ attrs }) => attrs.hostname ?? [])
    const hosts = { hostnames, auth: answer?.attrs.auth ?? '' }
    known = { hosts, until: asked + (numberOf(answer?.attrs.ttl) ?? 0) * 1000 }
    return hosts
  }

  return (anew = false) => {
    if (!anew && known !== null && Date.now() < known.until) return Promise.resolve(known.hosts)
    asking ??= ask().finally(() => {
      asking = null
    })
    return asking
  }
}

const question: BinaryNode = {
  tag: 'iq',
  attrs: { type: 'set', xmlns: 'w:m', to: 's.whatsapp.net' },
  content: [{ tag: 'media_conn', attrs: {} }],
}
