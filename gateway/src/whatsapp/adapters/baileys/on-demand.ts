/**
 * The adapter for those who may do without it, or with it a moment later: Baileys and the code of WhatsApp's protocol take a third of a second
 * to load, and are when they are first needed.
 */
import type { EngineFactory } from '../../engine.ts'
import { claimed } from './claims.ts'
import type { BaileysEngineOptions } from './engine.ts'

export interface EngineOnDemand extends Pick<EngineFactory, 'capabilities' | 'forget'> {
  /** Always the same one. Rejects when the process already trusts another network. */
  load(): Promise<EngineFactory>
}

export const baileysOnDemand = (options: BaileysEngineOptions): EngineOnDemand => {
  let loading: Promise<EngineFactory> | null = null
  let loaded: EngineFactory | null = null

  const load = async (): Promise<EngineFactory> => {
    const { createBaileysEngine } = await import('./engine.ts')
    loaded = createBaileysEngine(options)
    return loaded
  }

  return {
    capabilities: claimed,
    load() {
      loading ??= load()
      return loading
    },
    // What was never loaded remembers nobody.
    forget: (instanceId) => loaded?.forget(instanceId),
  }
}
