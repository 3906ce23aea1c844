/** The simulated WhatsApp network as its own process, driven over its control API. */
import { createApi } from './api.ts'
import { eventually } from './eventually.ts'
import { createInbox } from './inbox.ts'
import { at, type Json, list, type Pattern, text } from './json.ts'
import { type Exit, startProgram } from './program.ts'

export interface Simulator {
  /** Control API; the gateway's WHATSAPP_NETWORK. */
  readonly url: string
  readonly pid: number
  /** A person with a phone. Without a number the next free Spanish one. */
  phone(options?: { number?: string; name?: string; echo?: boolean; business?: boolean }): Promise<Phone>
  /** A group made by one of the phones; gives its JID. Members name each other by LID unless told otherwise. */
  group(options: { by: Phone; subject: string; participants: readonly Phone[]; addressing?: 'lid' | 'pn' }): Promise<string>
  /** Stanzas seen on the wire after `cursor`, decoded. `in` is towards the network. */
  traffic(filter?: { after?: number; phone?: string; device?: number; tag?: string; direction?: 'in' | 'out' }): Promise<Json[]>
  /** Where the traffic stands now, for `after`. */
  trafficCursor(): Promise<number>
  /** Makes the network misbehave; the function returned ends it. */
  fault(fault: { [key: string]: Json }): Promise<() => Promise<void>>
  /** Ends every fault. */
  liftFaults(): Promise<void>
  /** Requests the network did not understand. */
  unanswered(): Promise<Json[]>
  /** Clients of an older revision are refused from now on. */
  requireRevision(least: number): Promise<void>
  stop(): Promise<Exit>
}

/** Of the message with this id: a button or row by its id, or a form; `card` of a carousel, from 0. */
export type Tap = { message: string; card?: number } & ({ button: string } | { row: string } | { form: { [key: string]: Json } })

export interface Phone {
  readonly number: string
  /** `<number>@s.whatsapp.net` */
  readonly jid: string
  readonly lid: string
  readonly name: string
  scan(qr: string): Promise<void>
  /** Scans a code that WhatsApp then has replaced: nothing is linked. */
  scanInVain(qr: string): Promise<void>
  typePairingCode(code: string): Promise<void>
  /** Linked devices, without the phone itself. */
  devices(): Promise<{ id: number; connected: boolean }[]>
  unlink(device: number): Promise<void>
  /** Hands a linked device a stanza as it is: `{tag, attrs, content}`, content being `{base64}` or children. */
  stanza(device: number, stanza: { [key: string]: Json }): Promise<void>
  /** Sends a text to a number or JID, or a WAProto message, with the file that belongs to it; gives the message id. */
  send(
    to: string,
    content: string | { [key: string]: Json },
    options?: { edit?: string; id?: string; file?: { bytes: Buffer; mimetype: string } },
  ): Promise<string>
  /** Votes in a poll it has got; gives the message id. */
  vote(to: string, poll: string, options: readonly string[]): Promise<string>
  /** Taps what a message shows; gives the message id. */
  tap(to: string, tap: Tap): Promise<string>
  /** Answers an event it has got; gives the message id. */
  respond(to: string, event: string, response: 'GOING' | 'NOT_GOING' | 'MAYBE', guests?: number): Promise<string>
  /** Reacts the way phones do in announcement groups of communities, to a message with a secret; gives the message id. */
  react(to: string, message: string, emoji: string): Promise<string>
  /** Comments on a message with a secret, the way phones do there; gives the message id. */
  comment(to: string, message: string, words: string): Promise<string>
  /** Edits an own message with a secret, the way phones do since May 2026: new text, or the event's new name; gives the edit's message id. */
  rewrite(to: string, message: string, words: string): Promise<string>
  /** Writes to these people by a broadcast list, which each of them sees as written to them alone; gives the message id. */
  spread(words: string, people: readonly Phone[]): Promise<string>
  /** Posts a story for these people; gives the message id. */
  post(story: string, audience: readonly Phone[]): Promise<string>
  /** The next message this phone decrypted (own ones included) that looks like this. */
  next(pattern: Pattern, waitMs?: number): Promise<Json>
  /** Everything this phone decrypted or sent. */
  messages(): Promise<Json[]>
  receipts(chat: string, ids: string[], type: 'read' | 'played'): Promise<void>
  /** Rings; gives the call id. */
  call(to: string, options?: { video?: boolean }): Promise<string>
  pickUp(callId: string): Promise<void>
  /** Rejects a call that rings here, ends any other. */
  hangUp(callId: string): Promise<void>
  /** Gives the phone a past; gives its chats. */
  remember(past: { [key: string]: Json }): Promise<readonly Json[]>
  /** Settings all devices of the account share: by collection, then by index (JSON), the action last set. */
  appState(): Promise<Json>
  /** The person changes such a setting there (a SyncActionValue of WAProto as JSON), or with null takes it away. */
  set(collection: string, index: readonly string[], action: { [key: string]: Json } | null): Promise<void>
  /** The person blocks somebody, or hears them again. */
  block(person: string, blocked: boolean): Promise<void>
  calls(): Promise<Json[]>
  /** Makes, changes or deletes a label, or puts one on a chat or takes it off (docs/simulator.md); gives its id. */
  label(label: { [key: string]: Json }): Promise<string>
  /** The server forgets single changes of settings. */
  foldAppState(): Promise<void>
  /** From now on settings are written with a new key, which companions get now, when they ask, or never. */
  renewAppStateKey(share: 'now' | 'asked' | 'never'): Promise<void>
  change(patch: { [key: string]: Json }): Promise<void>
  /** What its contacts see of it. */
  profile(): Promise<Json>
}

/** `nodeArguments` are for Node itself. */
export const startSimulator = async (args: readonly string[] = [], nodeArguments: readonly string[] = []): Promise<Simulator> => {
  const program = startProgram([...nodeArguments, 'simulator/start.js', '--port', '0', '--quiet', ...args])
  const ready = await eventually('the simulator to be ready', async () => {
    if (program.exit() !== null) throw new Error(`the simulator ended:\n${program.output()}`)
    return program
      .output()
      .split('\n')
      .find((line) => line.includes('"ready":true'))
  })
  const url = text(JSON.parse(ready) as Json, 'api')
  const api = createApi(url)
  let lastNumber = 34_600_000_000

  const ok = async (method: 'get' | 'post' | 'put' | 'patch' | 'delete', path: string, body?: Json): Promise<Json> => {
    const answer = await (method === 'get' || method === 'delete' ? api[method](path) : api[method](path, body))
    if (answer.status >= 300) throw new Error(`simulator: ${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`)
    return answer.body
  }
  const trafficPage = (filter: Record<string, string | number>) =>
    ok('get', `/traffic?${new URLSearchParams(Object.entries(filter).map(([key, value]): [string, string] => [key, String(value)]))}`)

  return {
    url,
    pid: program.pid,
    async phone({ number, name = '', echo = false, business = false } = {}) {
      if (number === undefined) lastNumber += 1
      return createPhone(await ok('post', '/phones', { number: number ?? String(lastNumber), name, echo, business }), ok)
    },
    async group({ by, subject, participants, addressing = 'lid' }) {
      const numbers = participants.map((phone) => phone.number)
      return text(await ok('post', '/groups', { by: by.number, subject, participants: numbers, addressing }), 'id')
    },
    async traffic(filter = {}) {
      const stanzas: Json[] = []
      for (let after = filter.after ?? 0; ; ) {
        const page = await trafficPage({ ...filter, after })
        stanzas.push(...list(page, 'stanzas'))
        const cursor = Number(at(page, 'cursor'))
        if (list(page, 'stanzas').length === 0 || cursor <= after) return stanzas
        after = cursor
      }
    },
    trafficCursor: async () => Number(at(await trafficPage({ after: Number.MAX_SAFE_INTEGER }), 'cursor')),
    async fault(fault) {
      const id = text(await ok('post', '/faults', fault), 'id')
      return async () => {
        await api.delete(`/faults/${id}`)
      }
    },
    liftFaults: async () => void (await ok('delete', '/faults')),
    async unanswered() {
      const body = await ok('get', '/unanswered')
      return Array.isArray(body) ? body : list(body, 'requests')
    },
    requireRevision: async (leastRevision) => void (await ok('put', '/network/clients', { leastRevision })),
    async stop() {
      program.kill('SIGTERM')
      return program.exited
    },
  }
}

type Call = (method: 'get' | 'post' | 'patch' | 'delete', path: string, body?: Json) => Promise<Json>

const createPhone = (described: Json, ok: Call): Phone => {
  const number = text(described, 'number')
  const path = `/phones/${number}`
  const inbox = createInbox<Json>(`phone ${number}`)
  let cursor = 0
  let reading: Promise<void> | null = null

  /** Reads on until something new came or the wait is over; readers share one request. */
  const read = (waitMs: number) => {
    reading ??= ok('get', `${path}/messages?after=${cursor}&wait=${waitMs}`)
      .then((page) => {
        cursor = Number(at(page, 'cursor'))
        for (const message of list(page, 'messages')) inbox.put(message)
      })
      .finally(() => {
        reading = null
      })
    return reading
  }

  return {
    number,
    jid: text(described, 'jid'),
    lid: text(described, 'lid'),
    name: text(described, 'name'),
    scan: async (qr) => void (await ok('post', `${path}/scan`, { qr })),
    scanInVain: async (qr) => void (await ok('post', `${path}/scan`, { qr, refresh: true })),
    typePairingCode: async (code) => void (await ok('post', `${path}/pairing-code`, { code })),
    devices: async () =>
      list(await ok('get', path), 'devices').map((device) => ({
        id: Number(at(device, 'id')),
        connected: at(device, 'connected') === true,
      })),
    unlink: async (device) => void (await ok('delete', `${path}/devices/${device}`)),
    stanza: async (device, stanza) => void (await ok('post', `${path}/devices/${device}/stanzas`, stanza)),
    async send(to, content, options = {}) {
      const body: { [key: string]: Json } = { to, ...(typeof content === 'string' ? { text: content } : { message: content }) }
      if (options.edit !== undefined) body.edit = options.edit
      if (options.id !== undefined) body.id = options.id
      if (options.file !== undefined) body.media = { base64: options.file.bytes.toString('base64'), mimetype: options.file.mimetype }
      return text(await ok('post', `${path}/messages`, body), 'id')
    },
    vote: async (to, poll, options) => text(await ok('post', `${path}/messages`, { to, vote: { poll, options: [...options] } }), 'id'),
    tap: async (to, tap) => text(await ok('post', `${path}/messages`, { to, tap: { ...tap } }), 'id'),
    async respond(to, event, response, guests) {
      const answer = { event, response, ...(guests === undefined ? {} : { guests }) }
      return text(await ok('post', `${path}/messages`, { to, response: answer }), 'id')
    },
    async react(to, message, emoji) {
      return text(await ok('post', `${path}/messages`, { to, reaction: { message, emoji } }), 'id')
    },
    comment: async (to, message, words) => text(await ok('post', `${path}/messages`, { to, comment: { message, text: words } }), 'id'),
    rewrite: async (to, message, words) => text(await ok('post', `${path}/messages`, { to, rewrite: { message, text: words } }), 'id'),
    async spread(words, people) {
      const body = { to: '1700000000@broadcast', text: words, audience: people.map((phone) => phone.number) }
      return text(await ok('post', `${path}/messages`, body), 'id')
    },
    async post(story, audience) {
      const body = { to: 'status@broadcast', text: story, audience: audience.map((phone) => phone.number) }
      return text(await ok('post', `${path}/messages`, body), 'id')
    },
    async next(pattern, waitMs = 60_000) {
      let settled = false
      const found = inbox.next(pattern, waitMs).finally(() => {
        settled = true
      })
      // A failure to read shows as "got nothing like …"; the loop must not outlive the wait.
      void (async () => {
        while (!settled) await read(500)
      })().catch(() => {})
      return found
    },
    async messages() {
      for (let before = -1; before !== cursor; ) {
        before = cursor
        await read(0)
      }
      return [...inbox.all()]
    },
    receipts: async (chat, ids, type) => void (await ok('post', `${path}/receipts`, { chat, ids, type })),
    call: async (to, { video = false } = {}) => text(await ok('post', `${path}/calls`, { to, video }), 'callId'),
    pickUp: async (callId) => void (await ok('post', `${path}/calls/${callId}/accept`)),
    hangUp: async (callId) => void (await ok('delete', `${path}/calls/${callId}`)),
    remember: async (past) => list(await ok('post', `${path}/history`, past), 'chats'),
    calls: async () => list(await ok('get', `${path}/calls`), 'calls'),
    appState: () => ok('get', `${path}/app-state`),
    set: async (collection, index, action) => void (await ok('post', `${path}/app-state`, { collection, index: [...index], action })),
    block: async (person, blocked) => void (await ok('post', `${path}/blocklist`, { person, blocked })),
    label: async (label) => text(await ok('post', `${path}/labels`, label), 'id'),
    foldAppState: async () => void (await ok('post', `${path}/app-state/fold`)),
    renewAppStateKey: async (share) => void (await ok('post', `${path}/app-state/key`, { share })),
    change: async (patch) => void (await ok('patch', path, patch)),
    profile: () => ok('get', `${path}/profile`),
  }
}
