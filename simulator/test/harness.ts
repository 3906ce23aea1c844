/** The network in this process, driven through its HTTP API as any program would. */
import { z } from 'zod'
import { type Network, startNetwork } from '../src/network.ts'
import type { NetworkInfo } from '../src/network-info.ts'
import { createPhone } from '../src/phone/phone.ts'
import { type CompanionIdentity, RawCompanion } from './raw-companion.ts'

const phoneShape = z.object({
  number: z.string(),
  jid: z.string(),
  lid: z.string(),
  name: z.string(),
  business: z.boolean(),
  online: z.boolean(),
  devices: z.array(z.object({ id: z.number(), platform: z.string(), linkedAt: z.number(), connected: z.boolean() })),
})
export type ShownPhone = z.infer<typeof phoneShape>

export interface Answer {
  status: number
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers whose shape they assert themselves
  body: any
}

export class Simulator {
  readonly #network: Network
  readonly troubles: string[]
  readonly #shift: { ms: number }

  private constructor(network: Network, troubles: string[], shift: { ms: number }) {
    this.#network = network
    this.troubles = troubles
    this.#shift = shift
  }

  static async start(options: { seed?: string } = {}): Promise<Simulator> {
    const troubles: string[] = []
    const shift = { ms: 0 }
    const clock = { now: () => Date.now() + shift.ms }
    const network = await startNetwork({ port: 0, seed: options.seed, createPhone, clock, trouble: (words) => troubles.push(words) })
    return new Simulator(network, troubles, shift)
  }

  get info(): NetworkInfo {
    return this.#network.info
  }

  /** Lets that much time pass for the network. */
  advance(ms: number): void {
    this.#shift.ms += ms
  }

  stop(): Promise<void> {
    return this.#network.close()
  }

  async call(method: string, path: string, body?: unknown): Promise<Answer> {
    const response = await fetch(this.info.api + path, {
      method,
      ...(body !== undefined && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    })
    const text = await response.text()
    return { status: response.status, body: text === '' ? undefined : JSON.parse(text) }
  }

  async phone(number: string, more: Record<string, unknown> = {}): Promise<ShownPhone> {
    return phoneShape.parse((await this.call('POST', '/phones', { number, name: `Person ${number}`, ...more })).body)
  }

  async show(number: string): Promise<ShownPhone> {
    return phoneShape.parse((await this.call('GET', `/phones/${number}`)).body)
  }

  /** Links a new companion by QR and logs it in. */
  async companion(number: string): Promise<RawCompanion> {
    const me = await this.link(number)
    return this.login(me)
  }

  /** Links a new companion; it is not logged in yet. */
  async link(number: string): Promise<CompanionIdentity> {
    const companion = await RawCompanion.connect(this.info)
    const qr = await companion.qr()
    const [scanned] = await Promise.all([this.call('POST', `/phones/${number}/scan`, { qr }), companion.acceptPairing()])
    if (scanned.status !== 200) throw new Error(JSON.stringify(scanned.body))
    return companion.me
  }

  async login(me: CompanionIdentity): Promise<RawCompanion> {
    const companion = await RawCompanion.connect(this.info, me)
    await companion.goActive()
    return companion
  }
}
