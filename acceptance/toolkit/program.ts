/** A program of ours as its own process. */
import { type ChildProcess, spawn } from 'node:child_process'
import { appendFileSync, existsSync } from 'node:fs'
import { dirname } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))

export interface Exit {
  code: number | null
  signal: NodeJS.Signals | null
}

export interface Program {
  readonly pid: number
  /** What it wrote so far, both streams, at most the last half megabyte. */
  output(): string
  readonly exited: Promise<Exit>
  /** Null while it runs. */
  exit(): Exit | null
  kill(signal: NodeJS.Signals): void
}

const outputLimit = 512 * 1024

/** They do not outlive us. */
const running = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

/**
 * Runs `node <args>` in the repository root. The environment is PATH, HOME and `env`: nothing of the developer's shell leaks in. Everything
 * it writes is appended to the file `transcript`, too.
 */
export const startProgram = (args: readonly string[], env: Readonly<Record<string, string>> = {}, transcript?: string): Program => {
  const { PATH = '', HOME = '/tmp', TMPDIR } = process.env
  const child = spawn(process.execPath, [...args], {
    cwd: root,
    env: { PATH, HOME, ...(TMPDIR === undefined ? {} : { TMPDIR }), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    // A process group of its own: Ctrl-C in a terminal is for us, and we end our programs in order.
    detached: true,
  })
  let output = ''
  let exit: Exit | null = null
  const keep = (chunk: Buffer) => {
    output = (output + chunk.toString('utf8')).slice(-outputLimit)
    if (transcript !== undefined && existsSync(dirname(transcript))) appendFileSync(transcript, chunk)
  }
  child.stdout.on('data', keep)
  child.stderr.on('data', keep)
  running.add(child)
  const exited = new Promise<Exit>((resolve) => {
    child.once('close', (code, signal) => {
      exit = { code, signal }
      running.delete(child)
      resolve(exit)
    })
  })
  return { pid: child.pid ?? -1, output: () => output, exited, exit: () => exit, kill: (signal) => void child.kill(signal) }
}
