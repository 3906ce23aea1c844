/** Runs the program that uses the library without the gateway, and reads the one JSON line it ends with. */
import { type Program, startProgram } from '../acceptance/toolkit/program.ts'

export const startBareLibrary = (...args: string[]): Program => startProgram(['bench/programs/bare-library.ts', ...args])

/** The result of a program that ends by itself. Throws with its output when it failed. */
export const resultOf = async (program: Program): Promise<Record<string, number>> => {
  const { code } = await program.exited
  const last = program.output().trim().split('\n').at(-1) ?? ''
  if (code !== 0 || !last.startsWith('{')) throw new Error(`the bare library failed:\n${program.output().slice(-4000)}`)
  return JSON.parse(last) as Record<string, number>
}
