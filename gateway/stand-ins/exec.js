#!/usr/bin/env node
// The npm scripts begin with `exec`, a word of every POSIX shell: it puts the program in place of the shell, so that signals reach it. The
// shell of Windows has no such word and finds this instead, which runs the program and ends as it does.
import { spawn } from 'node:child_process'
import process from 'node:process'

const [, , program = '', ...args] = process.argv
// Ctrl-C reaches the program by itself; we stay until it has ended.
process.on('SIGINT', () => {})
spawn(program === 'node' ? process.execPath : program, args, { stdio: 'inherit' })
  .on('error', ({ message }) => {
    process.stderr.write(`${message}\n`)
    process.exitCode = 127
  })
  .on('close', (code) => {
    process.exitCode ??= code ?? 1
  })
