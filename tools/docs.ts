/** `npm run docs`: writes the settings, as the code declares them, into docs/configuration.md and the README. A test notices when they are old. */
import { readFileSync, writeFileSync } from 'node:fs'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { settingsTable } from '../gateway/src/settings.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const marks = /(<!-- settings -->\n)[\s\S]*?(<!-- \/settings -->)/

/** Files with a settings table, and what should stand in them. */
export const documents = (): { path: string; now: string; wanted: string }[] =>
  ['docs/configuration.md', 'README.md'].map((path) => {
    const now = readFileSync(`${root}${path}`, 'utf8')
    if (!marks.test(now)) throw new Error(`${path} has no settings marks`)
    return { path, now, wanted: now.replace(marks, (_, before: string, after: string) => `${before}${settingsTable()}\n${after}`) }
  })

if (process.argv[1] === fileURLToPath(import.meta.url)) for (const { path, wanted } of documents()) writeFileSync(`${root}${path}`, wanted)
