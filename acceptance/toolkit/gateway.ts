/** The gateway as its own process, started the way an operator starts it. */
import { access, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Api, createApi } from './api.ts'
import { eventually } from './eventually.ts'
import { text } from './json.ts'
import { freePort } from './port.ts'
import { type Exit, type Program, startProgram } from './program.ts'
import { leaksOf, witness } from './witness.ts'

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
  /** Has it end by SIGKILL when this message, or any (`*`), comes to the named point; it must have been started with `killable`. */
  killAt(point: string, id: string): Promise<void>
  /** Sends a signal and nothing else. */
  signal(name: NodeJS.Signals): void
  readonly exited: () => Promise<Exit>
  /** Ends it and removes its data. Throws when a secret got out: into its log, an error answer or an event. */
  dispose(): Promise<void>
}

/** Node's arguments for a gateway that {@link Gateway.killAt} can end. */
export const killable = ['--import', './acceptance/toolkit/kill-at.ts']

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
  const transcript = join(notes, 'gateway.log')
  const encryptionKeys = new Set<string>()
  const killAtFile = join(notes, 'kill-at')
  const launch = async (more: Record<string, string> = {}) => {
    const present: Record<string, string> = { ...settings, KILL_AT_FILE: killAtFile, ...more }
    for (const secret of [present.ACCOUNT_TOKEN, present.ADMIN_TOKEN, present.METRICS_TOKEN]) witness.learn(secret ?? '')
    for (const key of [present.ENCRYPTION_KEY, ...(present.PREVIOUS_ENCRYPTION_KEYS?.split(',') ?? [])]) {
      if (key === undefined) continue
      witness.learn(key)
      encryptionKeys.add(key)
    }
    const program = startProgram([...nodeArguments, 'gateway/start.js'], present, transcript)
    await listening(program, url)
    return program
  }
  let program = await launch()
  const end = async (signal: NodeJS.Signals) => {
    program.kill(signal)
    return program.exited
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
    async dispose() {
      if (program.exit() === null) await end('SIGKILL')
      const leaks = await leaksOf({ dataDir, databaseUrl, encryptionKeys: [...encryptionKeys], transcript })
      for (const folder of [dataDir, notes]) await rm(folder, { recursive: true, force: true })
      if (leaks.length > 0) throw new Error(`secrets got out of the gateway:\n${leaks.join('\n')}`)
    },
  }
}

/** A token of a fresh account without practical rate limits, so that a story is not about them. */
export const createAccount = async (gateway: Gateway, name: string): Promise<string> => {
  const answer = await gateway.api(adminToken).post('/admin/accounts', { name, requestsPerMinute: 1_000_000, createsPerMinute: 1_000_000 })
  return text(answer.body, 'token')
}

/** Waits until the program answers `/health`; throws with its log when it ends instead. */
const listening = (program: Program, url: string) =>
  eventually(
    'the gateway to listen',
    async () => {
      if (program.exit() !== null) throw new Error(`the gateway ended with ${JSON.stringify(program.exit())}:\n${program.output()}`)
      return fetch(`${url}/health`).then(
        (response) => response.status === 200,
        () => false,
      )
    },
    30_000,
  )
