/** The program as it is started: `node simulator/start.js`. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterEach, expect, test } from 'vitest'
import { RawCompanion } from './raw-companion.ts'

const START = fileURLToPath(new URL('../start.js', import.meta.url))
let running: ChildProcess | undefined

afterEach(() => {
  running?.kill('SIGKILL')
})

function start(...options: string[]): ChildProcess {
  running = spawn(process.execPath, [START, ...options], { stdio: ['ignore', 'pipe', 'pipe'] })
  return running
}

async function firstLine(child: ChildProcess): Promise<string> {
  if (!child.stdout) throw new Error('no stdout')
  const [line] = await once(createInterface(child.stdout), 'line')
  return line
}

test('it says on one line where it is, serves there, and ends cleanly on SIGTERM with a companion connected', async () => {
  const child = start('--port', '0', '--seed', 'start', '--quiet')
  const ready = JSON.parse(await firstLine(child))
  expect(Object.keys(ready).toSorted()).toEqual(['api', 'mediaCa', 'mediaUrl', 'ready', 'rootKey', 'whatsappUrl'])
  const { ready: isReady, ...info } = ready
  expect(isReady).toBe(true)
  expect(await (await fetch(`${ready.api}/network`)).json()).toEqual(info)
  const companion = await RawCompanion.connect(ready)
  await companion.qr()
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  expect(await ended).toEqual([0, null])
  await companion.closed
})

test.each([['--port', 'many'], ['--port', '70000'], ['--colour']])('%s %s: it says how it is used', async (...options) => {
  const child = start(...options)
  let complaint = ''
  child.stderr?.on('data', (data) => {
    complaint += data
  })
  expect(await once(child, 'close')).toEqual([2, null])
  expect(complaint).toContain('usage: simulator')
})
