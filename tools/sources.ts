/** The project's own TypeScript files with their text, by path from the repository root. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export interface Source {
  /** `gateway/src/http/server.ts` */
  path: string
  text: string
}

const folders = ['gateway', 'simulator', 'acceptance', 'bench', 'tools']

export const readSources = (root: string): Source[] =>
  folders
    .flatMap((folder) => readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((path) => `${folder}/${path}`))
    .filter((path) => path.endsWith('.ts') && !path.includes('node_modules/'))
    .sort()
    .map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }))
