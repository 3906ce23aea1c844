// Plain JavaScript that any Node reads: says what is wrong when it is too old for the rest, which is TypeScript run directly.
const [major, minor] = process.versions.node.split('.').map(Number)

if (major < 22 || (major === 22 && minor < 18)) {
  process.stderr.write(`RyzeAPI needs Node 22.18 or newer, this is ${process.versions.node}; "npm start" brings its own\n`)
  process.exit(1)
}

await import('./src/main.ts')
