/**
 * Every setting of the gateway. The list below drives validation at start, `docs/configuration.md` and the README's table; nobody else
 * reads the environment.
 */
import { delimiter, resolve } from 'node:path'
import {
  clientVersion,
  list,
  oneOf,
  onOff,
  passphrase,
  proxies,
  type SettingType,
  secret,
  text,
  url,
  wholeNumber,
} from './settings-types.ts'

interface Setting<T> {
  name: string
  type: SettingType<T>
  /** As it would be written in the environment; null = not set. */
  default: string | null
  /** The default in words, where it can't be written down. */
  defaultText?: string
  meaning: string
}

const optional = <T>(setting: Omit<Setting<T>, 'default'>): Setting<T | null> => ({ ...setting, default: null }) as Setting<T | null>
const withDefault = <T>(setting: Setting<T> & { default: string }): Setting<T> => setting

const schema = {
  port: withDefault({
    name: 'PORT',
    type: wholeNumber(0, 65535),
    default: '3000',
    meaning: 'TCP port to listen on; 0 takes any free one',
  }),
  host: withDefault({ name: 'HOST', type: text, default: '0.0.0.0', meaning: 'Address to listen on; `127.0.0.1` for this machine only' }),
  dataDir: withDefault({
    name: 'DATA_DIR',
    type: text,
    default: './data',
    meaning: 'Folder of the embedded database and of the key file. One gateway per folder',
  }),
  databaseUrl: optional({
    name: 'DATABASE_URL',
    type: url(['postgres:', 'postgresql:'], { secret: true }),
    defaultText: 'SQLite in `DATA_DIR`',
    meaning: 'PostgreSQL to use in place of the embedded database',
  }),
  baseUrl: optional({
    name: 'BASE_URL',
    type: url(['http:', 'https:']),
    defaultText: '`http://localhost:PORT`',
    meaning: 'Address under which clients reach this gateway; reported in every event',
  }),
  encryptionKey: optional({
    name: 'ENCRYPTION_KEY',
    type: passphrase(16),
    defaultText: 'key file in `DATA_DIR`, made on first start',
    meaning: 'Seals tokens, credentials and Signal keys at rest. Losing it loses them',
  }),
  previousEncryptionKeys: withDefault({
    name: 'PREVIOUS_ENCRYPTION_KEYS',
    type: list,
    default: '',
    defaultText: 'none',
    meaning: 'Keys of former times, comma-separated: they still open what they sealed',
  }),
  adminToken: optional({
    name: 'ADMIN_TOKEN',
    type: secret(16),
    defaultText: 'administration routes are off',
    meaning: 'Opens `/admin/accounts`',
  }),
  accountToken: optional({
    name: 'ACCOUNT_TOKEN',
    type: secret(16),
    defaultText: 'a random one, printed once',
    meaning: 'Token given to the account `default` on first start; later starts ignore it',
  }),
  requestsPerMinute: withDefault({
    name: 'REQUESTS_PER_MINUTE',
    type: wholeNumber(1, 1_000_000),
    default: '100',
    meaning: 'Rate limit per token of a new account; changed per account through `/admin/accounts`',
  }),
  createsPerMinute: withDefault({
    name: 'CREATES_PER_MINUTE',
    type: wholeNumber(1, 1_000_000),
    default: '20',
    meaning: 'The same for `POST /api/instance/new`',
  }),
  unknownTokensPerMinute: withDefault({
    name: 'UNKNOWN_TOKENS_PER_MINUTE',
    type: wholeNumber(1, 1_000_000),
    default: '100',
    meaning: 'Requests with a missing or unknown token answered per client address',
  }),
  trustProxy: withDefault({
    name: 'TRUST_PROXY',
    type: proxies,
    default: 'off',
    meaning: 'Reverse proxies whose `X-Forwarded-For` is believed. Set it behind a proxy, or all its clients count as one address',
  }),
  bodyLimitKib: withDefault({
    name: 'BODY_LIMIT_KIB',
    type: wholeNumber(16, 1_048_576),
    default: '1024',
    meaning: 'Largest request body, in KiB',
  }),
  whatsappNetwork: optional({
    name: 'WHATSAPP_NETWORK',
    type: url(['http:', 'https:']),
    defaultText: 'WhatsApp',
    meaning: 'Control address of a simulated network (`npm run simulator`) to connect to in place of WhatsApp',
  }),
  whatsappVersion: optional({
    name: 'WHATSAPP_VERSION',
    type: clientVersion,
    defaultText: 'found out',
    meaning:
      "Version of WhatsApp Web to connect as. Left out, it is the library's, and the one WhatsApp Web has itself once WhatsApp calls that outdated",
  }),
  connectConcurrency: withDefault({
    name: 'CONNECT_CONCURRENCY',
    type: wholeNumber(1, 1000),
    default: '10',
    meaning: 'Instances that may connect to WhatsApp at the same time, e.g. after a restart',
  }),
  unreadableMessageSeconds: withDefault({
    name: 'UNREADABLE_MESSAGE_SECONDS',
    type: wholeNumber(1, 86_400),
    default: '60',
    meaning:
      'How long a message that could not be decrypted is asked for, of its sender and of the own phone, before it is reported as `unknown`',
  }),
  outboundAllow: withDefault({
    name: 'OUTBOUND_ALLOW',
    type: list,
    default: '',
    defaultText: 'public addresses only',
    meaning:
      'Private addresses that webhooks, link previews and the proxies of instances may reach: comma-separated hosts, host:port or CIDR',
  }),
  deliveryConcurrency: withDefault({
    name: 'DELIVERY_CONCURRENCY',
    type: wholeNumber(1, 1000),
    default: '64',
    meaning: 'Webhook deliveries under way at the same time',
  }),
  eventRetentionDays: withDefault({
    name: 'EVENT_RETENTION_DAYS',
    type: wholeNumber(1, 3650),
    default: '7',
    meaning: 'How long events are kept, and what became of their deliveries',
  }),
  deadLetterRetentionDays: withDefault({
    name: 'DEAD_LETTER_RETENTION_DAYS',
    type: wholeNumber(1, 3650),
    default: '30',
    meaning: 'How long deliveries that were given up are kept for redelivery, their events included',
  }),
  eventToken: withDefault({
    name: 'EVENT_TOKEN',
    type: onOff,
    default: 'on',
    meaning: '`instanceData.token` of events carries the TokenInstance in clear; `off` sends an empty text',
  }),
  mediaLimitMib: withDefault({
    name: 'MEDIA_LIMIT_MIB',
    type: wholeNumber(1, 2048),
    default: '100',
    meaning: 'Largest media file in MiB that is sent or, when it arrives, kept',
  }),
  mediaRetentionDays: withDefault({
    name: 'MEDIA_RETENTION_DAYS',
    type: wholeNumber(1, 3650),
    default: '30',
    meaning: 'How long media of messages is kept in `DATA_DIR`. What is in the S3 bucket of an instance stays there',
  }),
  mediaConcurrency: withDefault({
    name: 'MEDIA_CONCURRENCY',
    type: wholeNumber(1, 100),
    default: '4',
    meaning: 'Media of arriving messages downloaded, or put into buckets, at the same time',
  }),
  ffmpegPath: withDefault({
    name: 'FFMPEG_PATH',
    type: text,
    default: 'ffmpeg',
    meaning:
      'The program that converts sounds and videos, with ffprobe beside it. Without it only what WhatsApp plays as it is can be sent',
  }),
  conversionConcurrency: withDefault({
    name: 'CONVERSION_CONCURRENCY',
    type: wholeNumber(1, 64),
    default: '2',
    meaning: 'Media files converted at the same time, one processor core each',
  }),
  conversionSeconds: withDefault({
    name: 'CONVERSION_SECONDS',
    type: wholeNumber(1, 3600),
    default: '120',
    meaning: 'How long converting one file may take',
  }),
  metricsToken: optional({
    name: 'METRICS_TOKEN',
    type: secret(16),
    defaultText: '`/metrics` is open',
    meaning: 'Token that `/metrics` asks for',
  }),
  logLevel: withDefault({
    name: 'LOG_LEVEL',
    type: oneOf(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']),
    default: 'info',
    meaning: 'Least serious log line that is written',
  }),
}

type Values = { readonly [K in keyof typeof schema]: (typeof schema)[K] extends Setting<infer T> ? T : never }
export type Settings = Omit<Values, 'baseUrl'> & {
  readonly baseUrl: string
  /** Where the system looks for programs. */
  readonly programFolders: readonly string[]
}

/** Settings that can't be used: one line per setting, and the exit code `EX_CONFIG` of sysexits.h. */
export class SettingsError extends Error {
  readonly exitCode = 78
}

/** Reads and checks all settings. An empty variable counts as not set. Throws {@link SettingsError}; secrets are never repeated in it. */
export const readSettings = (environment: Readonly<Record<string, string | undefined>>): Settings => {
  const problems: string[] = []
  const values: Record<string, unknown> = {}
  for (const [key, setting] of Object.entries<Setting<unknown>>(schema)) {
    const written = environment[setting.name]?.trim() || setting.default
    if (written === null) {
      values[key] = null
      continue
    }
    const read = setting.type.parse(written)
    if ('problem' in read) problems.push(`${setting.name} ${read.problem}; allowed: ${setting.type.allowed}`)
    else values[key] = read.value
  }
  if (problems.length > 0) throw new SettingsError(problems.join('\n'))
  const settings = values as unknown as Values
  return {
    ...settings,
    dataDir: resolve(settings.dataDir),
    programFolders: (environment.PATH ?? '').split(delimiter),
    baseUrl: (settings.baseUrl ?? `http://localhost:${settings.port}`).replace(/\/+$/, ''),
  }
}

/** The settings as a Markdown table, for the README and `docs/configuration.md`. */
export const settingsTable = (): string =>
  [
    '| Setting | Default | Allowed | Meaning |',
    '|---|---|---|---|',
    ...Object.values<Setting<unknown>>(schema).map(
      ({ name, type, default: written, defaultText, meaning }) =>
        `| \`${name}\` | ${defaultText ?? `\`${written}\``} | ${type.allowed} | ${meaning} |`,
    ),
  ].join('\n')
