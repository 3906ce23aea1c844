/**
 * Doors open one way: `runtime` ← `storage`, `outbound` ← `whatsapp`, `http` ← features ← `gateway.ts` ← `main.ts`, and no import circle.
 * What is said here about imports holds for type imports too, except for the names in `vocabulary`. Tests may reach anywhere inside their own workspace.
 */
import { type Import, importsOf } from './imports.ts'
import type { Source } from './sources.ts'

/** One line per offence: which file imports what, and the rule it breaks. */
export const offendingImports = (sources: readonly Source[]): string[] => {
  const imports = sources.flatMap(importsOf)
  return [
    ...imports.flatMap((one) => {
      const broken = brokenRule(one)
      return broken === null ? [] : [`${one.from} imports ${one.to}: ${broken}`]
    }),
    ...circles(imports).map((circle) => `import circle: ${circle.join(' → ')}`),
    ...sources.flatMap(forbiddenGlobals),
  ]
}

const features = ['accounts', 'instances', 'messages', 'events', 'media', 'groups', 'labels', 'chats']

/** Folders of gateway/src that a folder may import from, besides itself. `settings` stands for settings.ts, plain data everybody may be handed. */
const opensTo: Readonly<Record<string, readonly string[]>> = {
  settings: ['runtime'],
  runtime: [],
  storage: ['runtime', 'settings'],
  outbound: ['runtime', 'settings'],
  whatsapp: ['runtime', 'storage', 'outbound', 'settings'],
  http: ['runtime', 'storage', 'outbound', 'settings'],
  accounts: ['runtime', 'storage', 'outbound', 'settings', 'whatsapp', 'http'],
  events: ['runtime', 'storage', 'outbound', 'settings', 'whatsapp', 'http'],
  instances: ['runtime', 'storage', 'outbound', 'settings', 'whatsapp', 'http', 'accounts', 'events'],
  media: ['runtime', 'storage', 'outbound', 'settings', 'whatsapp', 'http', 'events'],
  messages: ['runtime', 'storage', 'outbound', 'settings', 'whatsapp', 'http', 'accounts', 'events', 'instances', 'media', 'chats'],
  labels: ['runtime', 'storage', 'outbound', 'settings', 'whatsapp', 'http', 'events'],
  chats: ['runtime', 'storage', 'outbound', 'settings', 'whatsapp', 'http', 'labels'],
  calls: ['runtime', 'storage', 'outbound', 'settings', 'whatsapp', 'http'],
  newsletters: ['runtime', 'storage', 'outbound', 'settings', 'whatsapp', 'http', 'media'],
  profile: ['runtime', 'storage', 'outbound', 'settings', 'whatsapp', 'http', 'media'],
  groups: ['runtime', 'storage', 'outbound', 'settings', 'whatsapp', 'http', 'instances', 'media', 'messages'],
  communities: ['runtime', 'storage', 'outbound', 'settings', 'whatsapp', 'http', 'instances', 'media', 'groups'],
}

/** What a feature shows the other features; its remaining files are its own business. */
const featureDoors: Readonly<Record<string, readonly string[]>> = {
  accounts: ['account.ts', 'accounts.ts'],
  events: ['event.ts'],
  instances: ['instance.ts', 'instances.ts', 'settings-values.ts'],
  media: ['media.ts', 'wire-media.ts'],
  messages: ['number-candidates.ts', 'recipient.ts'],
  groups: ['access.ts', 'presenting.ts', 'refusals.ts', 'views.ts'],
  communities: [],
  labels: ['chat-labels.ts', 'labels.ts'],
  chats: ['chat-table.ts', 'changes.ts', 'paging.ts', 'name-words.ts'],
  calls: [],
  newsletters: [],
  profile: [],
}

/** What an account, an instance and a capability of the engine are, in types alone: http and every feature may name them. */
const vocabulary = ['gateway/src/accounts/account.ts', 'gateway/src/instances/instance.ts', 'gateway/src/whatsapp/capabilities.ts']

const isTest = (path: string) => /\.test\.ts$|\/test\/|\/testing\//.test(path)
const workspaceOf = (path: string) => path.split('/')[0] ?? ''

/** The rule this import breaks, or null. */
const brokenRule = (one: Import): string | null => {
  if (!one.ours) return brokenPackageRule(one)
  const [here, there] = [workspaceOf(one.from), workspaceOf(one.to)]
  if (here !== there) {
    if (here === 'bench' && there === 'gateway') return null
    if (one.from === 'tools/docs.ts' && one.to === 'gateway/src/settings.ts') return null
    if (there === 'acceptance' && one.to.startsWith('acceptance/toolkit/')) return null
    return `${here}/ shares no code with ${there}/`
  }
  if (!one.from.startsWith('gateway/src/') || isTest(one.from)) return null
  if (isTest(one.to)) return 'the gateway does not import its tests'
  return brokenGatewayRule(one)
}

const brokenGatewayRule = ({ from, to, typeOnly }: Import): string | null => {
  const [source, target] = [partOf(from), partOf(to)]
  if (to.startsWith(adapter) && !from.startsWith(adapter) && !typeOnly && !beforeItIsLoaded.includes(to))
    return 'the adapter is loaded on demand'
  if (source === target || source === 'main' || (source === 'gateway' && target !== 'main')) return null
  if (typeOnly && vocabulary.includes(to) && (source === 'http' || features.includes(source))) return null
  if (!(opensTo[source] ?? []).includes(target)) return `${source} may not use ${target}`
  if (features.includes(target) && !(featureDoors[target] ?? []).some((door) => to === `gateway/src/${target}/${door}`))
    return `${target} shows only ${(featureDoors[target] ?? []).join(', ')} to other features`
  return null
}

/** `http` for gateway/src/http/…, `settings` for gateway/src/settings.ts and settings-types.ts. */
const partOf = (path: string): string => (path.split('/')[2] ?? '').replace(/(-\w+)?\.ts$/, '')

const adapter = 'gateway/src/whatsapp/adapters/baileys/'

/** What the start needs of the adapter, whose library takes a third of a second to load. */
const beforeItIsLoaded = ['claims.ts', 'network.ts', 'on-demand.ts'].map((file) => adapter + file)

const brokenPackageRule = ({ from, to, typeOnly }: Import): string | null => {
  if (!from.startsWith('gateway/src/') || isTest(from)) return null
  const inAdapter = from.startsWith(adapter)
  if (/^(baileys|whatsapp-rust-bridge)($|\/)/.test(to)) {
    if (!inAdapter && from !== 'gateway/src/whatsapp/wire.ts') return 'only whatsapp/wire.ts and the Baileys adapter know the library'
    if (!typeOnly && (!inAdapter || beforeItIsLoaded.includes(from))) return 'the library is loaded on demand'
  }
  const opensConnections = /^(undici|node:https?|https?|node:http2|node:net|node:tls|node:dgram|axios|got|node-fetch)($|\/)/.test(to)
  if (opensConnections && !typeOnly && !inAdapter && !from.startsWith('gateway/src/outbound/')) return 'only outbound/ opens connections'
  return null
}

/** Rules that are about a word, not an import. */
const forbiddenGlobals = ({ path, text }: Source): string[] => {
  if (!path.startsWith('gateway/src/') || isTest(path)) return []
  const lines = text.split('\n').map((line, index) => ({ line, where: `${path}:${index + 1}` }))
  const code = lines.filter(({ line }) => !/^\s*(\*|\/\/|\/\*)/.test(line))
  const inOutbound = path.startsWith('gateway/src/outbound/') || path.startsWith(adapter)
  return code.flatMap(({ line, where }) => [
    ...(/\bprocess\.env\b/.test(line) && !/^gateway\/src\/(settings|main)\.ts$/.test(path)
      ? [`${where} reads process.env: only settings.ts does`]
      : []),
    ...(/(?<![.\w])(?:globalThis\.|global\.)?fetch\(/.test(line) && !inOutbound
      ? [`${where} calls fetch: only outbound/ opens connections`]
      : []),
  ])
}

/** Every import circle once, as the files along it with the first repeated at the end. */
const circles = (imports: readonly Import[]): string[][] => {
  const edges = new Map<string, string[]>()
  for (const { from, to, ours } of imports) if (ours) edges.set(from, [...(edges.get(from) ?? []), to])
  const found: string[][] = []
  const done = new Set<string>()
  const visit = (file: string, trail: readonly string[]): void => {
    const start = trail.indexOf(file)
    if (start >= 0) found.push([...trail.slice(start), file])
    if (start >= 0 || done.has(file)) return
    for (const next of edges.get(file) ?? []) visit(next, [...trail, file])
    done.add(file)
  }
  for (const file of edges.keys()) visit(file, [])
  return found
}
