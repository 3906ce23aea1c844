/** The engine adapter without the gateway, on a simulated network: what the programs of a bench's bare side have in common. */
import { tmpdir } from 'node:os'
import { createAddressGuard } from '../../gateway/src/outbound/address-guard.ts'
import { createLogger } from '../../gateway/src/runtime/logging.ts'
import { createBaileysEngine, parseNetwork } from '../../gateway/src/whatsapp/adapters/baileys/engine.ts'
import type { EngineEvent, EngineSession, IdentityStore, SessionStore } from '../../gateway/src/whatsapp/engine.ts'

export interface Stores {
  store: SessionStore
  identities: IdentityStore
}

export const bareEngine = async (simulator: string) => {
  const network = parseNetwork(await (await fetch(`${simulator}/network`)).json())
  const logger = createLogger('silent')
  const guard = createAddressGuard({ allow: ['127.0.0.1'], logger })
  const engine = createBaileysEngine({ network, guard, historyFolder: tmpdir() })

  const open = (number: string, { store, identities }: Stores, onEvent: (event: EngineEvent) => void): EngineSession => {
    const session = engine.open({
      instanceId: number,
      store,
      identities,
      proxy: null,
      historyDays: null,
      keepOnline: false,
      storedMessage: async () => null,
      logger,
      onEvent,
    })
    session.start()
    return session
  }

  const scan = async (number: string, qr: string): Promise<void> => {
    const response = await fetch(`${simulator}/phones/${number}/scan`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ qr }),
    })
    if (!response.ok) throw new Error(`scan: ${response.status} ${await response.text()}`)
  }

  /** Links a new session of this number; resolves when it is open. */
  const link = (number: string, stores: Stores): Promise<EngineSession> =>
    new Promise((resolve, reject) => {
      const session = open(number, stores, (event) => {
        if (event.type === 'qr') scan(number, event.text).catch(reject)
        if (event.type === 'open') resolve(session)
        if (event.type === 'closed') reject(new Error(`closed: ${event.reason} ${event.detail}`))
      })
    })

  return { network, guard, logger, open, link }
}
