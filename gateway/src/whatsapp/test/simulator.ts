/** A simulator in a process of its own, driven over its control API. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { proto } from 'baileys'
import { z } from 'zod'
import { createAddressGuard } from '../../outbound/address-guard.ts'
import { createLogger } from '../../runtime/logging.ts'
import { createBaileysEngine, parseNetwork } from '../adapters/baileys/engine.ts'
import type { MessageKey } from '../address.ts'
import type { ChatChange } from '../chat-changes.ts'
import type { EngineFactory } from '../engine.ts'
import { MemorySessionStore } from '../memory/session-store.ts'
import type { Person, World } from './world.ts'

const start = fileURLToPath(new URL('../../../../simulator/start.js', import.meta.url))

const readySchema = z.object({ api: z.string() })
const personSchema = z.object({ number: z.string(), jid: z.string(), lid: z.string(), name: z.string() })
const devicesSchema = z.object({ devices: z.array(z.object({ id: z.number() })) })
const sentSchema = z.object({ id: z.string() })
const callSchema = z.object({ callId: z.string() })
const messagesSchema = z.object({
  cursor: z.number(),
  messages: z.array(
    z.object({
      id: z.string(),
      fromMe: z.boolean(),
      text: z.string(),
      message: z.record(z.string(), z.unknown()),
      media: z.object({ base64: z.string() }).optional(),
    }),
  ),
})
const callsSchema = z.object({ calls: z.array(z.object({ callId: z.string(), state: z.string() })) })
const stanzasSchema = z.object({
  stanzas: z.array(
    z.object({
      direction: z.enum(['in', 'out']),
      phone: z.string().optional(),
      device: z.number().optional(),
      stanza: z.object({ tag: z.string(), attrs: z.record(z.string(), z.string()).default({}) }).loose(),
    }),
  ),
})

/** Everything a test talks to is on this machine. */
export const loopbackGuard = createAddressGuard({ allow: ['127.0.0.1'], logger: createLogger('silent') })

const MESSAGE_WAIT_MS = 30_000

export class Simulator {
  readonly api: string
  readonly #process: ChildProcess

  private constructor(api: string, child: ChildProcess) {
    this.api = api
    this.#process = child
  }

  static async start(): Promise<Simulator> {
    // The same seed gives the same root key: test files share a process, and a process trusts one root only.
    const child = spawn(process.execPath, [start, '--port', '0', '--quiet', '--seed', 'engine-tests'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const line = await new Promise<string>((resolve, reject) => {
      createInterface({ input: child.stdout }).once('line', resolve)
      child.once('exit', (code) => reject(new Error(`the simulator did not start (exit code ${code})`)))
    })
    return new Simulator(readySchema.parse(JSON.parse(line)).api, child)
  }

  async call(method: string, path: string, body?: unknown): Promise<unknown> {
    const response = await fetch(this.api + path, {
      method,
      ...(body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    })
    const answer = await response.text()
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${answer}`)
    return answer === '' ? null : JSON.parse(answer)
  }

  async engine(): Promise<EngineFactory> {
    return createBaileysEngine({ network: parseNetwork(await this.call('GET', '/network')), guard: loopbackGuard, historyFolder: tmpdir() })
  }

  async person(number: string, name: string, options: { echo?: boolean } = {}): Promise<Person> {
    const made = personSchema.parse(await this.call('POST', '/phones', { number, name, ...options }))
    const phone = `/phones/${number}`
    return {
      ...made,
      scan: async (qr) => void (await this.call('POST', `${phone}/scan`, { qr })),
      typePairingCode: async (code) => void (await this.call('POST', `${phone}/pairing-code`, { code })),
      send: async (to, message, edit) => {
        const body = {
          to: to.number,
          message: proto.Message.fromObject(message).toJSON(),
          ...(edit === undefined ? {} : { edit: edit === 'edit' ? '1' : '7' }),
        }
        return sentSchema.parse(await this.call('POST', `${phone}/messages`, body)).id
      },
      sendFile: async (to, message, bytes) => {
        const media = { base64: Buffer.from(bytes).toString('base64'), mimetype: 'application/octet-stream' }
        const body = { to: to.number, message: proto.Message.fromObject(message).toJSON(), media }
        return sentSchema.parse(await this.call('POST', `${phone}/messages`, body)).id
      },
      file: async (id) => Buffer.from((await this.#received(phone, id)).media?.base64 ?? '', 'base64'),
      received: (id) => this.#received(phone, id),
      read: async (chat, id) => void (await this.call('POST', `${phone}/receipts`, { chat: chat.number, ids: [id], type: 'read' })),
      call: async (to) => callSchema.parse(await this.call('POST', `${phone}/calls`, { to: to.number })).callId,
      callState: async (id) => {
        const { calls } = callsSchema.parse(await this.call('GET', `${phone}/calls`))
        return calls.find(({ callId }) => callId === id)?.state ?? ''
      },
      label: async (label) => void (await this.call('POST', `${phone}/labels`, label)),
      carry: async (id, chat, options = {}) => void (await this.call('POST', `${phone}/labels`, { id, chat: chat.jid, ...options })),
      labels: async () => labelsIn(await this.call('GET', `${phone}/app-state`)),
      change: async (change) => {
        const done = onPhone(change)
        await this.call('POST', `${phone}/${'action' in done ? 'app-state' : 'blocklist'}`, done)
      },
      save: async (other, called) => {
        const action = called === null ? null : { contactAction: { fullName: called } }
        await this.call('POST', `${phone}/app-state`, { collection: 'critical_unblock_low', index: ['contact', other.jid], action })
      },
      unlinkAll: async () => {
        const { devices } = devicesSchema.parse(await this.call('GET', phone))
        for (const { id } of devices) await this.call('DELETE', `${phone}/devices/${id}`)
      },
    }
  }

  async traffic(query: string): Promise<z.infer<typeof stanzasSchema>['stanzas']> {
    return stanzasSchema.parse(await this.call('GET', `/traffic?${query}`)).stanzas
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode !== null) return
    const gone = once(this.#process, 'exit')
    this.#process.kill('SIGTERM')
    await gone
  }

  async #received(
    phone: string,
    id: string,
  ): Promise<Awaited<ReturnType<Person['received']>> & { media?: { base64: string } | undefined }> {
    const until = Date.now() + MESSAGE_WAIT_MS
    let after = 0
    while (Date.now() < until) {
      const page = messagesSchema.parse(await this.call('GET', `${phone}/messages?after=${after}&wait=1000`))
      const found = page.messages.find((message) => message.id === id)
      if (found !== undefined) return { ...found, message: proto.Message.fromObject(found.message) }
      after = page.cursor
    }
    throw new Error(`${phone} has not got message ${id}`)
  }
}

const appStateSchema = z.object({
  regular: z
    .record(
      z.string(),
      z.looseObject({
        labelEditAction: z
          .object({ name: z.string().default(''), color: z.number().default(0), deleted: z.boolean().default(false) })
          .optional(),
        labelAssociationAction: z.object({ labeled: z.boolean().default(false) }).optional(),
      }),
    )
    .default({}),
})

const labelsIn = (appState: unknown): Awaited<ReturnType<Person['labels']>> => {
  const all = Object.entries(appStateSchema.parse(appState).regular).map(([index, action]) => ({
    index: z.array(z.string()).parse(JSON.parse(index)),
    action,
  }))
  return all.flatMap(({ index: [kind, id = ''], action: { labelEditAction } }) => {
    if (kind !== 'label_edit' || labelEditAction === undefined) return []
    const chats = all.flatMap(({ index, action }) =>
      index[0] === 'label_jid' && index[1] === id && action.labelAssociationAction?.labeled ? [index[2] ?? ''] : [],
    )
    return [{ id, ...labelEditAction, chats }]
  })
}

export const simulatedWorld = async (): Promise<World & { simulator: Simulator }> => {
  const simulator = await Simulator.start()
  let last = 5_511_900_000_000
  return {
    simulator,
    engine: await simulator.engine(),
    store: () => new MemorySessionStore(),
    freeNumber: () => String(++last),
    person: (name, { number = String(++last) } = {}) => simulator.person(number, name),
    cut: async (person) => void (await simulator.call('POST', '/faults', { action: 'close', match: { phone: person.number }, times: 1 })),
    close: async () => {
      const unanswered = await simulator.call('GET', '/unanswered')
      await simulator.stop()
      if (JSON.stringify(unanswered) !== '[]') throw new Error(`the simulator could not answer: ${JSON.stringify(unanswered)}`)
    },
  }
}

/** What the phone writes, and where (`SyncActionValue` of WAProto as JSON). */
const onPhone = (change: ChatChange) => {
  const range = (at: number | null) => ({ messageRange: at === null ? {} : { lastMessageTimestamp: Math.floor(at / 1000) } })
  const named = ({ id, chat, sender, fromMe }: MessageKey) => {
    const author = chat.jid?.endsWith('@g.us') && !fromMe ? (sender.jid ?? '0') : '0'
    return [chat.jid ?? '', id, fromMe ? '1' : '0', author]
  }
  const chat = 'chat' in change ? (change.chat.jid ?? '') : ''
  switch (change.kind) {
    case 'archive':
      return {
        collection: 'regular_low',
        index: ['archive', chat],
        action: { archiveChatAction: { archived: change.archived, ...range(change.lastMessageAt) } },
      }
    case 'pin':
      return { collection: 'regular_low', index: ['pin_v1', chat], action: { pinAction: { pinned: change.pinned } } }
    case 'mute':
      return {
        collection: 'regular_high',
        index: ['mute', chat],
        action: { muteAction: { muted: change.muted, muteEndTimestamp: change.until ?? -1 } },
      }
    case 'mark-read':
      return {
        collection: 'regular_low',
        index: ['markChatAsRead', chat],
        action: { markChatAsReadAction: { read: change.read, ...range(change.lastMessageAt) } },
      }
    case 'clear-chat':
      return {
        collection: 'regular_high',
        index: ['clearChat', chat, change.starredToo ? '1' : '0', '0'],
        action: { clearChatAction: range(change.lastMessageAt) },
      }
    case 'delete-chat':
      return { collection: 'regular_high', index: ['deleteChat', chat, '1'], action: { deleteChatAction: range(change.lastMessageAt) } }
    case 'star':
      return { collection: 'regular_high', index: ['star', ...named(change.message)], action: { starAction: { starred: change.starred } } }
    case 'delete-for-me':
      return {
        collection: 'regular_high',
        index: ['deleteMessageForMe', ...named(change.message)],
        action: { deleteMessageForMeAction: { deleteMedia: true } },
      }
    case 'favorites':
      return {
        collection: 'regular_high',
        index: ['favorites'],
        action: { favoritesAction: { favorites: change.chats.map(({ jid }) => ({ id: jid })) } },
      }
    case 'block':
      return { person: change.person.jid, blocked: change.blocked }
    case 'blocklist':
      throw new Error('a phone blocks people one by one')
  }
}
