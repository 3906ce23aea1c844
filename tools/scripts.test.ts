/** What `npm start` and the other scripts begin with, before any of our TypeScript runs. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))
const { scripts } = JSON.parse(readFileSync(`${root}package.json`, 'utf8')) as { scripts: Record<string, string> }

const run = (...args: string[]) => spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' })

test.each(Object.entries(scripts))('npm run %s is understood by every shell', (_, command) => {
  expect(command).toMatch(/^(exec )?node [\w./-]+( [\w./-]+)*$/)
})

test.each(['gateway/start.js', 'simulator/start.js', 'tools/run.js'])('%s says in one line that Node is too old', (program) => {
  const pretend = "Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '22.17.9' } })"
  const { status, stderr, stdout } = run('--import', `data:text/javascript,${encodeURIComponent(pretend)}`, program)
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
  expect(stderr).toMatch(/^[^\n]*22\.17\.9[^\n]*\n$/)
  expect(stderr).toContain('22.18')
})

test('where a shell has no exec, ours hands on arguments, output and exit code', () => {
  const { status, stdout } = run(
    'gateway/stand-ins/exec.js',
    'node',
    '-e',
    'console.log(process.argv.slice(1).join()); process.exit(3)',
    'a b',
    'c',
  )
  expect({ status, stdout }).toEqual({ status: 3, stdout: 'a b,c\n' })
  expect(run('gateway/stand-ins/exec.js', 'no-such-program').status).toBe(127)
})
