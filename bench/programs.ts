/** The programs a benchmark is made of, each a process of its own, and the JSON lines they print. */
import process from 'node:process'
import { setTimeout as pause } from 'node:timers/promises'
import { type Program, startProgram } from '../acceptance/toolkit/program.ts'
import { type Simulator, startSimulator } from '../acceptance/toolkit/simulator.ts'

/** A file of `bench/programs`. */
export const startBench = (file: string, ...args: readonly (string | number)[]): Program =>
  startProgram([...profiling(), `bench/programs/${file}.ts`, ...args.map(String)])

/** The simulated network. */
export const startNetwork = (): Promise<Simulator> => startSimulator([], profiling())

/** The n-th JSON line the program prints, soon after it did: what is measured may begin or end with it. Throws with its output when it ends without, or fails. */
export const lineOf = async <T>(program: Program, n = 0): Promise<T> => {
  for (const end = Date.now() + LONGEST_WAIT_MS; Date.now() < end; await pause(5)) {
    const line = jsonLines(program)[n]
    if (line !== undefined) return JSON.parse(line) as T
    if (program.exit() !== null) throw new Error(`the program ended:\n${program.output().slice(-4000)}`)
  }
  throw new Error(`the program prints no line ${n}:\n${program.output().slice(-4000)}`)
}

const LONGEST_WAIT_MS = 120_000

/** The line a program ends with. */
export const resultOf = async <T>(program: Program): Promise<T> => {
  const { code } = await program.exited
  const last = jsonLines(program).at(-1)
  if (code !== 0 || last === undefined) throw new Error(`the program failed:\n${program.output().slice(-4000)}`)
  return JSON.parse(last) as T
}

/** Every line of a program that ends by itself. */
export const resultsOf = async <T>(program: Program): Promise<T[]> => {
  const { code } = await program.exited
  const lines = jsonLines(program)
  if (code !== 0 || lines.length === 0) throw new Error(`the program failed:\n${program.output().slice(-4000)}`)
  return lines.map((one) => JSON.parse(one) as T)
}

const jsonLines = (program: Program): string[] =>
  program
    .output()
    .split('\n')
    .slice(0, -1)
    .filter((line) => line.startsWith('{') && !line.startsWith('{"level"'))

/** `BENCH_CPU_PROFILES=<folder>`: a CPU profile of every program. Arguments for Node. */
export const profiling = (): string[] => {
  const folder = process.env.BENCH_CPU_PROFILES
  return folder === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${folder}`]
}
