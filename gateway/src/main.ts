/** The program: `start` (default), `accounts …`, `settings`. Reads the settings, runs, and ends with an exit code that says why. */
import { flushCompileCache } from 'node:module'
import { accountsUsage } from './accounts/command-line.ts'
import { surviveFaults } from './runtime/faults.ts'
import { createLogger, exitAfterLog, type Logger } from './runtime/logging.ts'
import { readSettings, type Settings, SettingsError, settingsTable } from './settings.ts'

const usage = `Usage: npm start [-- <command>]
  start      runs the gateway (default)
  settings   prints every setting
  accounts   administers accounts

${accountsUsage}`

const main = async ([command = 'start', ...rest]: readonly string[]): Promise<void> => {
  // Whatever is written, by the programs we run too, is for this user alone.
  process.umask(0o077)
  switch (command) {
    case 'start':
      return start(settings())
    case 'accounts':
      return administer(settings(), rest)
    case 'settings':
      return print(settingsTable())
    case 'help':
    case '--help':
      return print(usage)
    default:
      return fail(usage, 64)
  }
}

const print = (text: string): void => void process.stdout.write(`${text}\n`)

/** A line or two, which every pipe takes at once: `never` cannot wait. */
const fail = (text: string, code: number): never => {
  process.stderr.write(`${text}\n`)
  process.exit(code)
}

const settings = (): Settings => {
  try {
    return readSettings(process.env)
  } catch (error) {
    if (error instanceof SettingsError) return fail(error.message, error.exitCode)
    throw error
  }
}

const start = async (settings: Settings): Promise<void> => {
  const logger = createLogger(settings.logLevel)
  const stopped = stopSignals(logger)
  surviveFaults(logger)
  const { createGateway } = await import('./gateway.ts')
  const gateway = await createGateway(settings, logger).catch((error: unknown) => failToStart(error, settings))
  if (gateway.newToken !== null) {
    print(`The account "default" was made. Its TokenAccount is shown this once:\n\n    ${gateway.newToken}\n`)
  }
  print(`RyzeAPI listens on http://${settings.host}:${gateway.port} · documentation: http://localhost:${gateway.port}/docs`)
  // Here, and not when the process ends: it may be killed, and the next start is to be quick all the same.
  flushCompileCache()
  await stopped
  await gateway.close()
  exitAfterLog(0)
}

/** Resolves at the first SIGTERM or SIGINT, which begins an orderly stop; the second one ends the process at once. */
const stopSignals = (logger: Logger): Promise<void> =>
  new Promise((resolve) => {
    let seen = false
    for (const [signal, number] of [
      ['SIGTERM', 15],
      ['SIGINT', 2],
    ] as const) {
      process.on(signal, () => {
        if (seen) process.exit(128 + number)
        seen = true
        logger.info({ signal }, 'stopping')
        resolve()
      })
    }
  })

const administer = async (settings: Settings, args: readonly string[]): Promise<void> => {
  const [{ administerAccounts }, { UsageError }, { ApiError }] = await Promise.all([
    import('./gateway.ts'),
    import('./accounts/command-line.ts'),
    import('./http/errors.ts'),
  ])
  try {
    const lines = await administerAccounts(settings, createLogger('silent'), args)
    print(lines.join('\n'))
  } catch (error) {
    if (error instanceof UsageError) fail(error.message, 64)
    if (error instanceof ApiError) fail(error.message, 1)
    failToStart(error, settings)
  }
  process.exit(0)
}

/** One line for what an operator can mend; everything else with all there is to know. */
const failToStart = (error: unknown, { host, port }: Settings): never => {
  if (error instanceof SettingsError) fail(error.message, error.exitCode)
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (code === 'EADDRINUSE') fail(`Port ${port} is in use by another program; stop it or set PORT to another one`, 1)
  if (code === 'EACCES') fail(`Port ${port} may not be opened by this user; set PORT to one above 1023`, 1)
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') fail(`HOST ${host} is not an address of this machine`, 1)
  if (error instanceof Error && operatorErrors.has(error.name)) fail(error.message, 1)
  return fail(error instanceof Error ? (error.stack ?? error.message) : String(error), 1)
}

/** Their messages are one line that says what to do. */
const operatorErrors = new Set(['DataInUseError', 'StoreUnavailableError', 'WrongKeyError', 'NetworkUnavailableError'])

await main(process.argv.slice(2))
