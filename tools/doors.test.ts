import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { offendingImports } from './doors.ts'
import { readSources } from './sources.ts'

const file = (path: string, text: string) => ({ path, text })

describe('import doors', () => {
  it('are all respected by this repository', () => {
    expect(offendingImports(readSources(fileURLToPath(new URL('..', import.meta.url))))).toEqual([])
  })

  const forbidden: [string, string, string][] = [
    ['gateway/src/runtime/clock.ts', `import { open } from '../storage/open.ts'`, 'runtime may not use storage'],
    ['gateway/src/storage/open.ts', `import type { Server } from '../http/server.ts'`, 'storage may not use http'],
    ['gateway/src/http/server.ts', `import type { Accounts } from '../accounts/accounts.ts'`, 'http may not use accounts'],
    ['gateway/src/instances/delete.ts', `import {\n  send,\n} from '../messages/send.ts'`, 'instances may not use messages'],
    ['gateway/src/messages/send.ts', `import { hub } from '../events/websocket/hub.ts'`, 'events shows only event.ts'],
    ['gateway/src/messages/send.ts', `import { proto } from 'baileys'`, 'know the library'],
    ['gateway/src/whatsapp/wire.ts', `import { proto } from 'baileys'`, 'loaded on demand'],
    ['gateway/src/whatsapp/adapters/baileys/network.ts', `import { WA_CERT_DETAILS } from 'baileys'`, 'loaded on demand'],
    ['gateway/src/gateway.ts', `import { parse } from './whatsapp/adapters/baileys/engine.ts'`, 'loaded on demand'],
    ['gateway/src/events/webhooks/deliver.ts', `import { request } from 'undici'`, 'only outbound/ opens connections'],
    ['gateway/src/events/webhooks/deliver.ts', `const answer = await fetch(url)`, 'only outbound/ opens connections'],
    ['gateway/src/events/webhooks/deliver.ts', `const answer = await globalThis.fetch(url)`, 'only outbound/ opens connections'],
    ['gateway/src/http/server.ts', `const port = process.env.PORT`, 'only settings.ts does'],
    ['gateway/src/http/server.ts', `export { run } from '../gateway.ts'`, 'http may not use gateway'],
    ['acceptance/text.test.ts', `import { errors } from '../gateway/src/http/errors.ts'`, 'acceptance/ shares no code with gateway/'],
    ['simulator/src/jid.ts', `const jid = await import('../../gateway/src/whatsapp/jid.ts')`, 'simulator/ shares no code with gateway/'],
  ]
  it.each(forbidden)('%s: %s', (path, text, rule) => {
    expect(offendingImports([file(path, text)])).toEqual([expect.stringContaining(rule)])
  })

  const allowed: [string, string][] = [
    ['gateway/src/http/operation.ts', `import type { Account } from '../accounts/account.ts'`],
    ['gateway/src/messages/send.ts', `import { eventNames } from '../events/event.ts'`],
    ['gateway/src/whatsapp/adapters/baileys/session.ts', `import makeSocket from 'baileys'`],
    ['gateway/src/gateway.ts', `import { createEvents } from './events/events.ts'`],
    ['gateway/src/gateway.ts', `import { baileysOnDemand } from './whatsapp/adapters/baileys/on-demand.ts'`],
    ['gateway/src/whatsapp/wire.ts', `import type { proto } from 'baileys'`],
    ['gateway/src/http/server.test.ts', `import { createEvents } from '../events/events.ts'`],
    ['gateway/src/http/server.ts', `// import { proto } from 'baileys'`],
    ['bench/send.ts', `import { createBaileysEngine } from '../gateway/src/whatsapp/adapters/baileys/engine.ts'`],
  ]
  it.each(allowed)('%s may hold %s', (path, text) => {
    expect(offendingImports([file(path, text)])).toEqual([])
  })

  it('name a circle once, with every file along it', () => {
    const sources = [
      file('gateway/src/http/a.ts', `import { b } from './b.ts'`),
      file('gateway/src/http/b.ts', `import type { C } from './c.ts'`),
      file('gateway/src/http/c.ts', `import { a } from './a.ts'`),
    ]
    expect(offendingImports(sources)).toEqual([
      'import circle: gateway/src/http/a.ts → gateway/src/http/b.ts → gateway/src/http/c.ts → gateway/src/http/a.ts',
    ])
  })
})
