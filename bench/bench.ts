/**
 * `npm run bench [name…]`: all without a name. Every figure is a ratio against the bare library or
 * framework measured in the same run, or a limit of its own; a broken bound makes the exit code 1.
 */
import { cpus } from 'node:os'
import process from 'node:process'
import { cold } from './cold.ts'
import { connect } from './connect.ts'
import { conversion } from './conversion.ts'
import { delivery } from './delivery.ts'
import { groups } from './groups.ts'
import { history } from './history.ts'
import { holds, line, type Measurement } from './measurement.ts'
import { media } from './media.ts'
import { memory } from './memory.ts'
import { outbox } from './outbox.ts'
import { paging } from './paging.ts'
import { read } from './read.ts'
import { receive } from './receive.ts'
import { send } from './send.ts'
import { sendImage } from './send-image.ts'
import { start } from './start.ts'
import { websocket } from './websocket.ts'

const benchmarks: Readonly<Record<string, () => Promise<Measurement | Measurement[]>>> = {
  start,
  read,
  send,
  'sends-image': sendImage,
  'sends-cold': cold,
  groups,
  history,
  receive,
  connect,
  memory,
  media,
  conversion,
  delivery,
  websocket,
  outbox: outbox('SQLite'),
  'outbox-postgres': outbox('PostgreSQL'),
  paging: paging('SQLite'),
  'paging-postgres': paging('PostgreSQL'),
}

const wanted = process.argv.slice(2)
const unknown = wanted.filter((name) => !(name in benchmarks))
if (unknown.length > 0) {
  process.stderr.write(`No benchmark ${unknown.join(', ')}; there are ${Object.keys(benchmarks).join(', ')}\n`)
  process.exit(1)
}

process.stdout.write(`Node ${process.versions.node}, ${cpus().length} × ${cpus()[0]?.model ?? 'unknown CPU'}\n\n`)
for (const [name, measure] of Object.entries(benchmarks)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue
  for (const measurement of [await measure()].flat()) {
    process.stdout.write(`${line(measurement)}\n`)
    if (!holds(measurement)) process.exitCode = 1
  }
}
