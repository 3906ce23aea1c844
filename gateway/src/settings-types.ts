/** The kinds of value a setting can have: how it is written, what is allowed, in words an operator reads. */

export interface SettingType<T> {
  /** Completes "allowed: …". */
  allowed: string
  /** `problem` completes "PORT …". */
  parse(written: string): { value: T } | { problem: string }
}

const shown = (written: string) => `is ${JSON.stringify(written.slice(0, 80))}`

export const text: SettingType<string> = { allowed: 'any text', parse: (written) => ({ value: written }) }

export const wholeNumber = (least: number, most: number): SettingType<number> => ({
  allowed: `a whole number from ${least} to ${most}`,
  parse: (written) => {
    const value = Number(written)
    if (!/^\d+$/.test(written)) return { problem: `${shown(written)}, not a whole number` }
    return value >= least && value <= most ? { value } : { problem: `${shown(written)}, out of range` }
  },
})

/** As WhatsApp Web writes it. */
export const clientVersion: SettingType<[number, number, number]> = {
  allowed: 'three numbers with dots between them, e.g. 2.3000.1043857760',
  parse: (written) => {
    const [, primary, secondary, tertiary] = /^(\d{1,10})\.(\d{1,10})\.(\d{1,10})$/.exec(written) ?? []
    if (primary === undefined || secondary === undefined || tertiary === undefined) return { problem: `${shown(written)}, no such version` }
    return { value: [Number(primary), Number(secondary), Number(tertiary)] }
  },
}

export const oneOf = <const T extends string>(words: readonly T[]): SettingType<T> => ({
  allowed: words.join(', '),
  parse: (written) => {
    const value = words.find((word) => word === written.toLowerCase())
    return value === undefined ? { problem: `${shown(written)}, an unknown word` } : { value }
  },
})

export const onOff: SettingType<boolean> = {
  allowed: 'on, off',
  parse: (written) => {
    const word = written.toLowerCase()
    if (['on', 'true', '1', 'yes'].includes(word)) return { value: true }
    if (['off', 'false', '0', 'no'].includes(word)) return { value: false }
    return { problem: `${shown(written)}, neither on nor off` }
  },
}

/** Printable ASCII without spaces, as it has to fit into a header; never repeated in a message. */
export const secret = (shortest: number): SettingType<string> => ({
  allowed: `${shortest} to 256 printable ASCII characters without spaces`,
  parse: (written) => {
    if (!/^[\x21-\x7e]*$/.test(written)) return { problem: 'holds a space or a character outside printable ASCII (value not shown)' }
    if (written.length < shortest) return { problem: `has only ${written.length} characters (value not shown)` }
    if (written.length > 256) return { problem: `has ${written.length} characters (value not shown)` }
    return { value: written }
  },
})

/** 32 bytes in base64 or hex, or words; the vault tells them apart. */
export const passphrase = (shortest: number): SettingType<string> => ({
  allowed: `32 random bytes in base64 or hex, or a passphrase of at least ${shortest} characters`,
  parse: (written) =>
    written.length >= shortest ? { value: written } : { problem: `has only ${written.length} characters (value not shown)` },
})

export const url = (protocols: readonly string[], { secret = false } = {}): SettingType<string> => ({
  allowed: `a URL that begins with ${protocols.map((protocol) => `${protocol}//`).join(' or ')}`,
  parse: (written) => {
    const seen = secret ? '(value not shown)' : shown(written)
    const parsed = URL.parse(written)
    if (parsed === null) return { problem: secret ? `is not a URL ${seen}` : `${seen}, not a URL` }
    if (protocols.includes(parsed.protocol)) return { value: written }
    return { problem: secret ? `has another protocol ${seen}` : `${seen}, another protocol` }
  },
})

export const list: SettingType<readonly string[]> = {
  allowed: 'a comma-separated list',
  parse: (written) => ({
    value: written
      .split(',')
      .map((entry) => entry.trim())
      .filter((entry) => entry !== ''),
  }),
}

const address = /^([0-9.]+|[0-9a-f:]*:[0-9a-f:.]*)(\/\d{1,3})?$/i

/** `false`, a number of hops, or the proxies' addresses; the forms Fastify's `trustProxy` takes. */
export const proxies: SettingType<false | number | readonly string[]> = {
  allowed: 'off, a number of proxies in a row from 1 to 10, or a comma-separated list of addresses or CIDR (loopback, uniquelocal)',
  parse: (written) => {
    if (['off', 'false', '0', 'no'].includes(written.toLowerCase())) return { value: false }
    if (/^\d+$/.test(written)) return Number(written) <= 10 ? { value: Number(written) } : { problem: `${shown(written)}, too many` }
    const entries = written.split(',').map((entry) => entry.trim())
    const wrong = entries.find((entry) => !['loopback', 'linklocal', 'uniquelocal'].includes(entry) && !address.test(entry))
    return wrong === undefined ? { value: entries } : { problem: `holds ${JSON.stringify(wrong)}, not an address` }
  },
}
