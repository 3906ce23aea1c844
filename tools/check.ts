/** `npm run check`: types, formatting and lint, import doors, licences. Every check runs; any failure makes the exit code 1. */
import { spawnSync } from 'node:child_process'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { offendingImports } from './doors.ts'
import { forbiddenLicences } from './licences.ts'
import { readSources } from './sources.ts'

const root = fileURLToPath(new URL('..', import.meta.url))

/** Runs a program of node_modules/.bin; its output is the list of problems. */
const program = (name: string, ...args: string[]): string[] => {
  const { status, stdout, stderr, error } = spawnSync(`${root}node_modules/.bin/${name}`, args, { cwd: root, encoding: 'utf8' })
  return status === 0 ? [] : [error?.message ?? `${stdout}${stderr}`.trim()]
}

const checks: readonly [name: string, problems: () => string[]][] = [
  ['types', () => program('tsc', '-p', 'tsconfig.json')],
  ['format and lint', () => program('biome', 'check', '--max-diagnostics=50', '.')],
  ['import doors', () => offendingImports(readSources(root))],
  ['licences', () => forbiddenLicences(`${root}node_modules`)],
]

for (const [name, problemsOf] of checks) {
  const problems = problemsOf()
  process.stdout.write(`${problems.length === 0 ? 'ok    ' : 'FAILED'} ${name}\n${problems.map((problem) => `${problem}\n`).join('')}`)
  if (problems.length > 0) process.exitCode = 1
}
