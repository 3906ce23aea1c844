/** What can be asked of a session, over its connection. */
import type { BinaryNode, WAMessageKey, WASocket } from 'baileys'
import type { CallSession } from '../../calls.ts'
import type { ChatActionSession } from '../../chat-actions.ts'
import type { CommunitySession } from '../../communities.ts'
import {
  type Address,
  EngineError,
  type EngineSession,
  type LookUpOptions,
  type MessageKey,
  type NumberLookUp,
  type SendOptions,
  type SessionOptions,
} from '../../engine.ts'
import type { GroupSession } from '../../groups.ts'
import type { HistorySession } from '../../history.ts'
import { isGroupJid, isLid, isNewsletterJid, isUserJid, parseJid } from '../../jid.ts'
import type { LabelSession } from '../../labels.ts'
import type { MediaSession } from '../../media.ts'
import type { NewsletterSession } from '../../newsletters.ts'
import type { ProfileSession } from '../../profile.ts'
import { nodesBeside } from '../../stanza-nodes.ts'
import type { StorySession } from '../../stories.ts'
import type { WireMessage } from '../../wire.ts'
import { destinationOf, receiptTargetOf } from './addresses.ts'
import { createChatActions } from './chat-actions.ts'
import { Connection } from './connection.ts'
import type { Environment } from './environment.ts'
import { createHistoryRequests } from './history/requests.ts'
import { createMediaSession } from './media.ts'
import { createNewsletterPosts, type NewsletterPosts } from './newsletter-posts.ts'
import { toBinaryNode } from './nodes.ts'
import { lookUpRequest, readDevices, readLookUp } from './numbers.ts'
import { claimToken } from './privacy-tokens.ts'
import { createProfile } from './profile.ts'
import { createRinging } from './ringing.ts'
import { createStories } from './stories.ts'

const SERVER = '@s.whatsapp.net'
const LOGOUT_TIMEOUT_MS = 8_000
const PICTURE_TIMEOUT_MS = 10_000
const PAIRING_TIMEOUT_MS = 15_000
const LOOK_UP_LIMIT = 50

export class BaileysSession implements EngineSession {
  readonly #connection: Connection
  readonly #posts: NewsletterPosts
  readonly uploadMedia: MediaSession['uploadMedia']
  readonly downloadMedia: MediaSession['downloadMedia']
  readonly requestMediaAgain: MediaSession['requestMediaAgain']
  readonly groups: GroupSession['groups']
  readonly communities: CommunitySession['communities']
  readonly act: ChatActionSession['act']
  readonly setFavorites: ChatActionSession['setFavorites']
  readonly setBlocked: ChatActionSession['setBlocked']
  readonly labels: LabelSession['labels']
  readonly storyPrivacy: StorySession['storyPrivacy']
  readonly profile: ProfileSession['profile']
  readonly newsletters: NewsletterSession['newsletters']
  readonly ring: CallSession['ring']
  readonly requestHistory: HistorySession['requestHistory']
  readonly requestOlder: HistorySession['requestOlder']

  constructor(options: SessionOptions, environment: Environment) {
    const connection = new Connection(options, environment)
    this.#connection = connection
    this.groups = connection.groupSide.groups
    this.communities = connection.groupSide.communities
    const actions = createChatActions({ appState: () => connection.appState })
    this.act = actions.act
    this.labels = actions.labels
    this.setFavorites = actions.setFavorites
    this.setBlocked = connection.blocklist.setBlocked
    this.newsletters = connection.newsletters
    this.ring = createRinging({
      socket: () => connection.socket,
      ask: (call) => connection.ask(call),
      request: (node) => connection.request(node),
      targetOf,
    }).ring
    const history = createHistoryRequests({
      socket: () => connection.socket,
      ask: (call) => connection.ask(call),
      flushed: () => connection.flushed(),
      self: () => connection.self,
      want: (days) => connection.history.want(days),
      targetOf,
    })
    this.requestHistory = history.requestHistory
    this.requestOlder = history.requestOlder
    this.profile = createProfile({
      socket: () => connection.socket,
      request: (node, timeoutMs) => connection.request(node, timeoutMs),
      ask: (call) => connection.ask(call),
      shareName: (name) => actions.act({ kind: 'name', name }),
    })
    this.storyPrivacy = createStories((node) => connection.request(node)).storyPrivacy
    const media = createMediaSession({
      socket: () => connection.socket,
      routes: () => connection.routes,
      ask: (call) => connection.ask(call),
      request: (node) => connection.request(node),
      mediaHost: environment.mediaHost,
    })
    this.uploadMedia = media.uploadMedia
    this.downloadMedia = media.downloadMedia
    this.requestMediaAgain = media.requestMediaAgain
    this.#posts = createNewsletterPosts({
      sendNode: (node) => connection.socket.sendNode(node),
      request: (node) => connection.request(node),
      changes: connection.postChanges,
      handleOf: media.handleOf,
    })
  }

  start(): void {
    this.#connection.start()
  }

  stop(): Promise<void> {
    return this.#connection.end('stopped', 'stopped by the gateway')
  }

  async logout(): Promise<void> {
    try {
      const jid = this.#connection.socket.user?.id
      if (!jid) throw new EngineError('not-connected', 'the session has no device to unlink')
      await this.#connection.request(
        {
          tag: 'iq',
          attrs: { to: SERVER, type: 'set', xmlns: 'md' },
          content: [{ tag: 'remove-companion-device', attrs: { jid, reason: 'user_initiated' } }],
        },
        LOGOUT_TIMEOUT_MS,
      )
    } catch (error) {
      await this.#connection.end('stopped', 'log-out was not confirmed')
      // WhatsApp may hang up as unlinked before it answers: that is the confirmation too.
      if (this.#connection.closedBecause === 'logged-out') return
      throw error
    }
    await this.#connection.end('logged-out', 'logged out by the gateway')
  }

  async requestPairingCode(number: string): Promise<string> {
    const socket = await this.#connection.unpairedSocket()
    // The library forgets to look whether WhatsApp took the request.
    return this.#connection.ask(async () => {
      const [code, answer] = await Promise.all([socket.requestPairingCode(number), pairingAnswer(socket)])
      if (answer.attrs.type !== 'error') return code
      const error = Array.isArray(answer.content) ? answer.content.find(({ tag }) => tag === 'error') : undefined
      const serverCode = Number(error?.attrs.code ?? 0)
      throw new EngineError(serverCode === 429 ? 'rate-limited' : 'rejected', 'WhatsApp refused the pairing code', serverCode)
    })
  }

  async send(
    to: Address,
    message: WireMessage,
    { id, edit, nodes = nodesBeside(message), audience = [] }: SendOptions,
  ): Promise<{ timestamp: number }> {
    const { socket } = this.#connection
    const jid = targetOf(to)
    await this.#connection.ask(async () => {
      if (isNewsletterJid(jid)) return this.#posts.post(jid, message, { id, nodes })
      if (isGroupJid(jid)) await this.#connection.groupSide.keys.renewIfStale(jid)
      const issueToken = isPerson(jid)
        ? await claimToken(socket, await this.#connection.completed(to), this.#connection.options.logger)
        : null
      await this.#connection.absentDevices.writing(async () => {
        await this.#requireDevices(socket, jid)
        await socket.relayMessage(jid, message, {
          messageId: id,
          additionalAttributes: edit === undefined ? {} : { edit: editAttribute[edit] },
          additionalNodes: nodes.map(toBinaryNode),
          ...(audience.length === 0 ? {} : { statusJidList: audience.map(targetOf) }),
        })
      })
      issueToken?.()
    })
    await this.#connection.flushed()
    return { timestamp: Date.now() }
  }

  async markRead(messages: readonly MessageKey[]): Promise<void> {
    const { socket } = this.#connection
    const keys = messages.flatMap((message): WAMessageKey[] => {
      const remoteJid = receiptTargetOf(message.chat)
      if (remoteJid === null || message.fromMe) return []
      const inGroup = parseJid(remoteJid)?.server === 'g.us' || remoteJid.endsWith('@broadcast')
      return [
        { remoteJid, id: message.id, fromMe: false, ...(inGroup ? { participant: receiptTargetOf(message.sender) ?? undefined } : {}) },
      ]
    })
    if (keys.length > 0) await this.#connection.ask(() => socket.readMessages(keys))
  }

  setPresence(presence: 'available' | 'unavailable'): Promise<void> {
    return this.#connection.announce(presence)
  }

  async setChatState(to: Address, state: 'composing' | 'recording' | 'paused'): Promise<void> {
    const { socket } = this.#connection
    const jid = targetOf(to)
    await this.#connection.ask(() => socket.sendPresenceUpdate(state, jid))
  }

  async rejectCall({ id, from }: { id: string; from: Address }): Promise<void> {
    const { socket, self } = this.#connection
    const creator = receiptTargetOf(from)
    if (creator === null) throw new EngineError('rejected', 'the call has no caller')
    await this.#connection.request({
      tag: 'call',
      attrs: { from: socket.user?.id ?? self.jid ?? '', to: creator },
      content: [{ tag: 'reject', attrs: { 'call-id': id, 'call-creator': creator, count: '0' } }],
    })
  }

  async lookUpNumbers(numbers: readonly string[], { toWrite = false }: LookUpOptions = {}): Promise<NumberLookUp[]> {
    if (numbers.length > LOOK_UP_LIMIT) throw new RangeError(`at most ${LOOK_UP_LIMIT} numbers at once`)
    if (numbers.length === 0) return []
    const { socket, devices } = this.#connection
    const { me } = socket.authState.creds
    const { found } = await devices.learnFrom(
      async () => {
        const answer = await this.#connection.request(lookUpRequest(numbers, socket.generateMessageTag(), { devices: toWrite }))
        return { found: readLookUp(numbers, answer), told: me === undefined ? [] : readDevices(answer, me) }
      },
      ({ told }) => told,
      ({ found }) => this.#connection.learn(pairsIn(found)),
    )
    return Promise.all(
      found.map(async (one) => (one.address === null ? one : { ...one, address: await this.#connection.completed(one.address) })),
    )
  }

  async profilePicture(of: Address): Promise<string | null> {
    const { socket } = this.#connection
    const jid = targetOf(of)
    try {
      return (await this.#connection.ask(() => socket.profilePictureUrl(jid, 'image', PICTURE_TIMEOUT_MS))) ?? null
    } catch (error) {
      // 404: none, 401 and 403: not for us.
      if (error instanceof EngineError && error.serverCode !== null && [401, 403, 404].includes(error.serverCode)) return null
      throw error
    }
  }

  /** A device query that times out leaves the library with nobody to write to, and it would write an empty stanza. */
  async #requireDevices(socket: WASocket, jid: string): Promise<void> {
    if (!isPerson(jid) || (await this.#connection.devices.get(userOf(jid))) !== undefined) return
    const devices = await socket.getUSyncDevices([jid], true, false)
    if (devices.length === 0) throw new EngineError('not-registered', 'WhatsApp knows no device of this person')
  }
}

const pairsIn = (found: readonly NumberLookUp[]): { number: string; lid: string }[] =>
  found.flatMap(({ address }) => (address?.jid && address.lid ? [{ number: userOf(address.jid), lid: userOf(address.lid) }] : []))

const targetOf = (to: Address): string => {
  const jid = destinationOf(to)
  if (jid === null) throw new EngineError('rejected', 'the address is empty')
  return jid
}

const isPerson = (jid: string): boolean => isUserJid(jid) || isLid(jid)

const userOf = (jid: string): string => jid.slice(0, jid.indexOf('@'))

/** The answer to the companion's hello, or the error WhatsApp gives instead. */
const pairingAnswer = ({ ws }: WASocket): Promise<BinaryNode> =>
  new Promise((resolve, reject) => {
    const settle = (done: () => void): void => {
      clearTimeout(timer)
      ws.off('CB:iq,,link_code_companion_reg', answered)
      ws.off('CB:iq,type:error', answered)
      done()
    }
    const answered = (stanza: BinaryNode): void => settle(() => resolve(stanza))
    const timer = setTimeout(
      () => settle(() => reject(new EngineError('timeout', 'WhatsApp did not answer the pairing request'))),
      PAIRING_TIMEOUT_MS,
    )
    ws.on('CB:iq,,link_code_companion_reg', answered)
    ws.on('CB:iq,type:error', answered)
  })

/** The values WhatsApp Web writes (engine.md §8.2). */
const editAttribute = { edit: '1', pin: '2', revoke: '7', 'admin-revoke': '8' } as const
