/** Finds the imports of a TypeScript file without a parser: the formatter keeps their shape predictable. */
import { posix } from 'node:path'
import type { Source } from './sources.ts'

export interface Import {
  /** File the import stands in. */
  from: string
  /** Path of one of our files, or a package's name with its subpath (`baileys`, `node:http`). */
  to: string
  ours: boolean
  typeOnly: boolean
}

const statement = /^[ \t]*(?:import|export)\b(?<clause>[^'"`;]*?\bfrom)?\s*['"](?<target>[^'"]+)['"]/gm
/** Not behind a quote on the same line: code in a string is data. */
const dynamic = /(?<!['"`][^'"`\n]*)\bimport\(\s*['"](?<target>[^'"]+)['"]\s*\)/g

export const importsOf = ({ path, text }: Source): Import[] => {
  const code = withoutComments(text)
  const found = [
    ...[...code.matchAll(statement)].map((match) => ({ match, typeOnly: /^\s*type\b/.test(match.groups?.clause ?? '') })),
    ...[...code.matchAll(dynamic)].map((match) => ({ match, typeOnly: false })),
  ]
  return found.map(({ match, typeOnly }) => {
    const target = match.groups?.target ?? ''
    const ours = target.startsWith('.')
    return { from: path, to: ours ? posix.join(posix.dirname(path), target) : target, ours, typeOnly }
  })
}

/** Blanks comments that stand on lines of their own; an import written in one is no import. */
const withoutComments = (text: string): string => text.replace(/^[ \t]*\/\*[\s\S]*?\*\//gm, '').replace(/^[ \t]*\/\/.*$/gm, '')
