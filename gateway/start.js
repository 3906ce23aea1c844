// Plain JavaScript that any Node reads: says what is wrong when it is too old for the rest, which is TypeScript run directly.
import module from 'node:module'
import { fileURLToPath } from 'node:url'

const [major, minor] = process.versions.node.split('.').map(Number)

if (major < 22 || (major === 22 && minor < 18)) {
  process.stderr.write(`RyzeAPI needs Node 22.18 or newer, this is ${process.versions.node}; "npm start" brings its own\n`)
  process.exit(1)
}

// Later starts take half the time. In a folder of ours: what is found in a cache is run, and others may write to /tmp.
module.enableCompileCache(fileURLToPath(new URL('../node_modules/.cache/compiled', import.meta.url)))

await import('./src/main.ts')
