/** The gateway as its own process, started the way an operator starts it. */
import { rmSync } from 'node:fs'
import { access, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Api, createApi } from './api.ts'
import { eventually } from './eventually.ts'
import { list, text } from './json.ts'
import { freePort } from './port.ts'
import { type Exit, type Program, startProgram } from './program.ts'
import { leaksIn, learnStored, witness } from './witness.ts'

export const accountToken = 'ryz_a_acceptance-account-token-0000000001'
export const adminToken = 'acceptance-admin-token-0000000001'

export interface Gateway {
  /** `http://127.0.0.1:<port>`, the same after a restart. */
  readonly url: string
  readonly dataDir: string
  readonly databaseUrl: string | undefined
  pid(): number
  /** Log of the present process. */
  output(): string
  api(token?: string): Api
  /** SIGTERM; gives how it ended. */
  stop(): Promise<Exit>
  /** SIGKILL. */
  kill(): Promise<void>
  /** Starts it again on the same port and data (stops it first when it runs). */
  restart(env?: Record<string, string>): Promise<void>
  /** Has it end by SIGKILL when this message, or any (`*`), comes to the named point; it must have been started with {@link killAtArguments}. */
  killAt(point: string, id: string): Promise<void>
  /** Sends a signal and nothing else. */
  signal(name: NodeJS.Signals): void
  readonly exited: () => Promise<Exit>
  runs(): boolean
  /** Ends it and removes its data. Throws when a secret got out: into its log, an error answer or an event. */
  dispose(): Promise<void>
  /** Deletes all accounts but the default one, with all they own: it is as after its first start. Throws as `dispose` does. */
  clear(): Promise<void>
  /** Ends it and removes its data before the next event: the process ends, and nobody waits for anything any more. */
  abandon(): void
}

/** Node's arguments for a gateway that {@link Gateway.killAt} can end. */
export const killAtArguments = ['--import', './acceptance/toolkit/kill-at.ts']

export interface GatewayOptions {
  /** Control API of the simulator. */
  network?: string
  databaseUrl?: string | undefined
  /** Folder to use, e.g. the copy of another gateway's; an empty one is made without it. */
  dataDir?: string
  /** For Node itself, e.g. `--inspect=0`. */
  nodeArguments?: readonly string[]
  env?: Record<string, string>
}

export const startGateway = async ({
  network,
  databaseUrl,
  dataDir: given,
  nodeArguments = [],
  env = {},
}: GatewayOptions = {}): Promise<Gateway> => {
  const dataDir = given ?? (await mkdtemp(join(tmpdir(), 'ryzeapi-')))
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const settings = {
    HOST: '127.0.0.1',
    PORT: String(port),
    DATA_DIR: dataDir,
    ACCOUNT_TOKEN: accountToken,
    ADMIN_TOKEN: adminToken,
    OUTBOUND_ALLOW: '127.0.0.0/8',
    LOG_LEVEL: 'info',
    ...(network === undefined ? {} : { WHATSAPP_NETWORK: network }),
    ...(databaseUrl === undefined ? {} : { DATABASE_URL: databaseUrl }),
    ...env,
  }
  const notes = await mkdtemp(join(tmpdir(), 'ryzeapi-log-'))
  const folders = [dataDir, notes]
  const transcript = join(notes, 'gateway.log')
  const secrets = new Set<string>()
  const encryptionKeys = new Set<string>()
  const killAtFile = join(notes, 'kill-at')
  const launch = async (more: Record<string, string> = {}) => {
    const present: Record<string, string> = { ...settings, KILL_AT_FILE: killAtFile, ...more }
    for (const key of [present.ENCRYPTION_KEY, ...(present.PREVIOUS_ENCRYPTION_KEYS?.split(',') ?? [])]) encryptionKeys.add(key ?? '')
    for (const token of [present.ACCOUNT_TOKEN, present.ADMIN_TOKEN, present.METRICS_TOKEN, ...encryptionKeys]) secrets.add(token ?? '')
    const program = startProgram([...nodeArguments, 'gateway/start.js'], present, transcript)
    await listening(program, url)
    return program
  }
  let program = await launch()
  const end = async (signal: NodeJS.Signals) => {
    program.kill(signal)
    return program.exited
  }
  /** `last`: what is done before the log is looked at, and after the last moment at which the secrets are still there to be known. */
  const expectNoLeaks = async (last: () => Promise<void>) => {
    secrets.forEach(witness.learn)
    await learnStored({ dataDir, databaseUrl, encryptionKeys: [...encryptionKeys] })
    await last()
    const leaks = await leaksIn(transcript)
    if (leaks.length > 0) throw new Error(`secrets got out of the gateway:\n${leaks.join('\n')}`)
  }
  return {
    url,
    dataDir,
    databaseUrl,
    pid: () => program.pid,
    output: () => program.output(),
    api: (token) => createApi(url, token, witness),
    stop: () => end('SIGTERM'),
    kill: async () => void (await end('SIGKILL')),
    async restart(more) {
      if (program.exit() === null) await end('SIGTERM')
      program = await launch(more)
    },
    async killAt(point, id) {
      await writeFile(killAtFile, `${point} ${id}`)
      program.kill('SIGUSR2')
      await eventually('the gateway to know where it ends', () =>
        access(killAtFile).then(
          () => false,
          () => true,
        ),
      )
    },
    signal: (name) => program.kill(name),
    exited: () => program.exited,
    runs: () => program.exit() === null,
    async dispose() {
      if (program.exit() === null) await end('SIGKILL')
      await expectNoLeaks(async () => {}).finally(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true }))))
    },
    async clear() {
      await expectNoLeaks(() => deleteAccounts(createApi(url, settings.ADMIN_TOKEN)))
      await truncate(transcript)
    },
    abandon() {
      program.kill('SIGKILL')
      for (const folder of folders) rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** A token of a fresh account without practical rate limits, so that a story is not about them. */
export const createAccount = async (gateway: Gateway, name: string): Promise<string> => {
  const answer = await gateway.api(adminToken).post('/admin/accounts', { name, requestsPerMinute: 1_000_000, createsPerMinute: 1_000_000 })
  return text(answer.body, 'token')
}

const deleteAccounts = async (admin: Api): Promise<void> => {
  for (;;) {
    const others = list((await admin.get('/admin/accounts')).body, 'accounts').filter((account) => text(account, 'name') !== 'default')
    if (others.length === 0) return
    for (const id of others.map((account) => text(account, 'id'))) {
      const answer = await admin.delete(`/admin/accounts/${id}`)
      if (answer.status !== 200) throw new Error(`account ${id} cannot be deleted: ${answer.status} ${JSON.stringify(answer.body)}`)
    }
  }
}

/** Waits until the program says that it listens and answers `/health`; throws with its log when it ends instead. */
const listening = (program: Program, url: string) =>
  eventually(
    'the gateway to listen',
    async () => {
      if (program.exit() !== null) throw new Error(`the gateway ended with ${JSON.stringify(program.exit())}:\n${program.output()}`)
      if (!program.output().includes('RyzeAPI listens on')) return false
      return fetch(`${url}/health`).then(
        (response) => response.status === 200,
        () => false,
      )
    },
    60_000,
  )
