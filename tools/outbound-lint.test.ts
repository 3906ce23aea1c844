/** The lint rule that keeps other HTTP clients out, on a project that consists of offences. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))
const offence = "export const page = fetch('http://127.0.0.1/')\n"

const files: [path: string, text: string, allowed: boolean][] = [
  ['gateway/src/messages/fetches.ts', offence, false],
  ['gateway/src/whatsapp/adapters/memory/fetches.ts', offence, false],
  ['gateway/src/outbound/fetches.ts', offence, true],
  ['gateway/src/whatsapp/adapters/baileys/fetches.ts', offence, true],
  ['gateway/src/messages/fetches.test.ts', offence, true],
  ['gateway/src/messages/test/fetches.ts', offence, true],
  ['acceptance/toolkit/fetches.ts', offence, true],
  ...['undici', 'undici/lib/api', 'axios', 'got', 'node-fetch', 'node:https', 'node:http2', 'node:net', 'node:tls', 'node:dgram'].map(
    (name): [string, string, boolean] => [
      `gateway/src/events/imports-${name.replace(/\W/g, '-')}.ts`,
      `import { connect } from '${name}'\n\nexport const c = connect\n`,
      false,
    ],
  ),
  ['gateway/src/events/loads.ts', "export const load = () => import('undici')\n", false],
  ['gateway/src/events/asks.ts', "import { request } from 'node:http'\n\nexport const r = request\n", false],
  ['gateway/src/events/serves.ts', "import { createServer } from 'node:http'\n\nexport const s = createServer\n", true],
  ['gateway/src/events/socket.ts', "export const s = new WebSocket('ws://127.0.0.1/')\n", false],
]

let project: string
let report: string
beforeAll(() => {
  project = mkdtempSync(join(tmpdir(), 'ryzeapi-lint-'))
  const { vcs: _, ...configuration } = JSON.parse(readFileSync(join(root, 'biome.json'), 'utf8'))
  const all: [string, string][] = [
    ['biome.json', JSON.stringify(configuration)],
    ...files.map(([path, text]): [string, string] => [path, text]),
  ]
  for (const [path, text] of all) {
    mkdirSync(dirname(join(project, path)), { recursive: true })
    writeFileSync(join(project, path), text)
  }
  const biome = join(root, 'node_modules/.bin/biome')
  report = spawnSync(biome, ['lint', '--colors=off', '--max-diagnostics=none', '.'], { cwd: project, encoding: 'utf8' }).stderr
})
afterAll(() => rmSync(project, { recursive: true, force: true }))

it.each(files)('%s', (path, _text, allowed) => {
  const refused = report.split('\n').some((line) => line.startsWith(`${path}:`) && /lint\/style\/noRestricted(Imports|Globals)/.test(line))
  expect(refused).toBe(!allowed)
})
