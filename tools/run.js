// Runs one of the project's TypeScript programs, or says in one line why this Node cannot: `node tools/run.js tools/check.ts [arguments]`.
// Plain JavaScript on purpose: a Node that is too old must get as far as the explanation.
import { resolve } from 'node:path'
import process from 'node:process'
import { pathToFileURL } from 'node:url'

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
const [, , program, ...rest] = process.argv

if (major < 22 || (major === 22 && minor < 18)) {
  process.stderr.write(
    `Node ${process.versions.node} is too old: 22.18 or newer is needed. After "npm ci", use the npm scripts: they bring a current Node on Linux x64.\n`,
  )
  process.exit(1)
}
if (program === undefined) {
  process.stderr.write('Usage: node tools/run.js <program.ts> [arguments]\n')
  process.exit(1)
}
process.argv.splice(1, process.argv.length, resolve(program), ...rest)
await import(pathToFileURL(resolve(program)).href)
