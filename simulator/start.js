/** Entry of `npm run simulator`: plain JavaScript, so that an old Node can say what it lacks instead of a syntax error. */
import module from 'node:module'
import { fileURLToPath } from 'node:url'

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
if (major < 22 || (major === 22 && minor < 18)) {
  process.stderr.write(`The simulator needs Node 22.18 or newer, this is ${process.versions.node}. Start it with "npm run simulator".\n`)
  process.exit(1)
}
// As the gateway does: later starts are quicker.
module.enableCompileCache(fileURLToPath(new URL('../node_modules/.cache/compiled', import.meta.url)))
await import('./src/main.ts')
// Also when it ends by being killed.
module.flushCompileCache()
