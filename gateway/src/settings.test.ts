import { describe, expect, it } from 'vitest'
import { readSettings, SettingsError, settingsTable } from './settings.ts'

const problem = (environment: Record<string, string>): string => {
  try {
    readSettings(environment)
  } catch (error) {
    if (error instanceof SettingsError) return error.message
    throw error
  }
  return 'none'
}

describe('Settings', () => {
  it('have defaults, and empty ones count as not set', () => {
    const settings = readSettings({ PORT: '', ADMIN_TOKEN: '  ' })
    expect(settings).toMatchObject({ port: 3000, databaseUrl: null, adminToken: null, baseUrl: 'http://localhost:3000', outboundAllow: [] })
    expect(settings).toEqual(readSettings({}))
  })

  it('are read by their type', () => {
    expect(
      readSettings({
        PORT: '8080',
        BASE_URL: 'https://api.example.com/',
        OUTBOUND_ALLOW: 'a.local, 10.0.0.0/8 ,',
        EVENT_TOKEN: 'false',
        LOG_LEVEL: 'DEBUG',
        DATABASE_URL: 'postgres://u:p@db/x',
        TRUST_PROXY: '10.0.0.0/8, ::1',
      }),
    ).toMatchObject({
      port: 8080,
      baseUrl: 'https://api.example.com',
      outboundAllow: ['a.local', '10.0.0.0/8'],
      eventToken: false,
      logLevel: 'debug',
      databaseUrl: 'postgres://u:p@db/x',
      trustProxy: ['10.0.0.0/8', '::1'],
    })
    expect(readSettings({ PORT: '8080' }).baseUrl).toBe('http://localhost:8080')
    expect(readSettings({ TRUST_PROXY: '1' }).trustProxy).toBe(1)
    expect(readSettings({ TRUST_PROXY: '0' }).trustProxy).toBe(false)
  })

  it.each([
    ['PORT', '70000', 'PORT is "70000", out of range; allowed: a whole number from 0 to 65535'],
    ['PORT', '3000.5', 'PORT is "3000.5", not a whole number; allowed: a whole number from 0 to 65535'],
    ['LOG_LEVEL', 'loud', 'LOG_LEVEL is "loud", an unknown word; allowed: fatal, error, warn, info, debug, trace, silent'],
    ['EVENT_TOKEN', 'maybe', 'EVENT_TOKEN is "maybe", neither on nor off; allowed: on, off'],
    ['BASE_URL', 'nowhere', 'BASE_URL is "nowhere", not a URL; allowed: a URL that begins with http:// or https://'],
    ['BASE_URL', 'ftp://x', 'BASE_URL is "ftp://x", another protocol; allowed: a URL that begins with http:// or https://'],
    ['TRUST_PROXY', 'everybody', expect.stringContaining('TRUST_PROXY holds "everybody", not an address')],
    ['TRUST_PROXY', '11', expect.stringContaining('TRUST_PROXY is "11", too many')],
  ])('%s=%s says what is wrong and what is allowed', (name, value, message) => {
    expect(problem({ [name]: value })).toEqual(message)
  })

  it('that hold secrets never repeat them', () => {
    for (const [name, value] of [
      ['ADMIN_TOKEN', 'hunter22'],
      ['ACCOUNT_TOKEN', 'hunter22 with a space in it'],
      ['METRICS_TOKEN', `hunter22${'x'.repeat(300)}`],
      ['ENCRYPTION_KEY', 'hunter22'],
      ['DATABASE_URL', 'mysql://root:hunter22@db/x'],
      ['DATABASE_URL', 'root:hunter22@db'],
    ] as const) {
      const message = problem({ [name]: value })
      expect(message).toMatch(new RegExp(`^${name} .*; allowed: `))
      expect(message).not.toContain('hunter22')
    }
  })

  it('that are wrong are named together, a line each', () => {
    expect(problem({ PORT: 'x', LOG_LEVEL: 'y', ADMIN_TOKEN: 'z' }).split('\n')).toHaveLength(3)
  })

  it('are listed in one table, each with default, values and meaning', () => {
    const rows = settingsTable().split('\n').slice(2)
    // Where programs are is said by the system, not set.
    const { programFolders: _, ...settings } = readSettings({})
    expect(rows.length).toBe(Object.keys(settings).length)
    for (const row of rows) expect(row).toMatch(/^\| `[A-Z_]+` \| [^|]+ \| [^|]+ \| [^|]+ \|$/)
  })
})
