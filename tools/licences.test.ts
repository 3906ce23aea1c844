import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { forbiddenLicences, isForbidden } from './licences.ts'

const nodeModules = fileURLToPath(new URL('../node_modules', import.meta.url))

it('no GPL package is installed', () => {
  expect(forbiddenLicences(nodeModules)).toEqual([])
})

it('libsignal is our stand-in', () => {
  const { name, license, description } = JSON.parse(readFileSync(`${nodeModules}/libsignal/package.json`, 'utf8')) as Record<string, string>
  expect({ name, license }).toEqual({ name: 'libsignal', license: 'MIT' })
  expect(description).toMatch(/stand-in/i)
})

it.each([
  ['libsignal', 'GPL-3.0', true],
  ['x', 'AGPL-3.0-only', true],
  ['x', 'LGPL-3.0-or-later', true],
  ['x', '', true],
  ['@img/sharp-libvips-linux-x64', 'LGPL-3.0-or-later', false],
  ['x', '(MIT OR GPL-3.0)', false],
  ['x', 'Apache-2.0', false],
])('%s under "%s" is refused: %s', (name, stated, refused) => {
  expect(isForbidden(name, stated)).toBe(refused)
})
