/**
 * `npm run soak [minutes] [-- --seed N] [--database URL]`: life under fire for so many minutes (5), and what had to be complained about.
 * Ends with 1 when there is anything. See docs/testing.md.
 */
import process from 'node:process'
import { parseArgs } from 'node:util'
import { soakScale } from './plan.ts'
import { runChaos } from './run.ts'

/** Webhook attempts stand minutes apart when a receiver has failed again and again. */
const REST_MS = 13 * 60_000

const say = (line: string) => process.stdout.write(`${line}\n`)

const { values, positionals } = parseArgs({
  options: { seed: { type: 'string' }, database: { type: 'string' } },
  allowPositionals: true,
})
const minutes = Number(positionals[0] ?? 5)
const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31))
if (!Number.isInteger(seed) || !(minutes > 0)) {
  process.stderr.write('Usage: npm run soak [minutes] [-- --seed N] [--database URL]\n')
  process.exit(64)
}

// An end of ours takes the gateway and the simulator along (`program.ts`).
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))

const { complaints, counts } = await runChaos({ seed, scale: soakScale(minutes), databaseUrl: values.database, restMs: REST_MS, say })
say('')
for (const [what, times] of Object.entries(counts).sort()) say(`${String(times).padStart(7)}  ${what}`)
say('')
for (const complaint of complaints) say(`- ${complaint}`)
say(complaints.length === 0 ? `Nothing to complain about. Seed ${seed}.` : `${complaints.length} complaints. Repeat with --seed ${seed}.`)
process.exit(complaints.length === 0 ? 0 : 1)
