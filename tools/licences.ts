/** Nothing under the GPL or AGPL is installed: linking it would put the whole gateway under it. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** LGPL binaries that sharp loads at run time; replaceable, so they ask nothing of our code. */
const tolerated = /^@img\/sharp(-libvips)?-/

/** Says MIT in its Readme and nothing in its package.json. Only tests install it, below their S3 server. */
const statedElsewhere = new Map([['humanize-number', 'MIT']])

/** One line per installed package that may not be there. */
export const forbiddenLicences = (nodeModules: string): string[] =>
  packageFiles(nodeModules).flatMap((path) => {
    const { name = path, version = '', license, licenses } = JSON.parse(readFileSync(path, 'utf8')) as PackageFile
    const stated = statedLicence(license ?? licenses ?? statedElsewhere.get(name))
    return isForbidden(name, stated) ? [`${name}@${version} is under ${stated === '' ? 'no stated licence' : stated}`] : []
  })

/** True for GPL and AGPL without another choice, for LGPL outside sharp, and for a package that states nothing. */
export const isForbidden = (name: string, stated: string): boolean => {
  if (stated === '') return true
  const choices = stated.replace(/[()]/g, '').split(/\s+OR\s+/i)
  return choices.every((choice) => /\bA?GPL/i.test(choice) || (/\bLGPL/i.test(choice) && !tolerated.test(name)))
}

interface PackageFile {
  name?: string
  version?: string
  license?: unknown
  licenses?: unknown
}

/** Old packages write `{ type }` or a list of them, meaning a choice. */
const statedLicence = (value: unknown): string => {
  if (typeof value === 'string') return value
  if (Array.isArray(value)) return value.map(statedLicence).join(' OR ')
  return typeof value === 'object' && value !== null && 'type' in value ? statedLicence(value.type) : ''
}

/** package.json of every installed package, nested ones too; a package.json deeper inside a package is none. */
const packageFiles = (nodeModules: string): string[] =>
  readdirSync(nodeModules)
    .flatMap((name) => (name.startsWith('@') ? readdirSync(join(nodeModules, name)).map((inner) => `${name}/${inner}`) : [name]))
    .filter((name) => !name.startsWith('.'))
    .map((name) => join(nodeModules, name))
    .flatMap((folder) => [
      ...(existsSync(join(folder, 'package.json')) ? [join(folder, 'package.json')] : []),
      ...(existsSync(join(folder, 'node_modules')) ? packageFiles(join(folder, 'node_modules')) : []),
    ])
