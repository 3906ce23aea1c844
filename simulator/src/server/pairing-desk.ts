/** Where phones find the companions that want to be linked: by the ref in their QR, or by the number their code was made for. */
import type { Account, Device } from '../accounts/account.ts'
import type { CompanionKeys, PhonePort } from '../ports.ts'
import { PairingError } from './pairing-error.ts'
import { type PairingQr, parsePairingQr } from './pairing-qr.ts'

/** A companion on a connection of its own that can be linked; both ways throw {@link PairingError}. */
export interface LinkableCompanion {
  refresh(ref: string): Promise<void>
  scanned(ref: string, noiseKey: Buffer, keys: CompanionKeys, account: Account, phone: PhonePort): Promise<Device>
  codeTyped(code: string, account: Account, phone: PhonePort): Promise<Device>
}

export class PairingDesk {
  readonly #byRef = new Map<string, LinkableCompanion>()
  readonly #byNumber = new Map<string, LinkableCompanion>()

  offer(ref: string, session: LinkableCompanion): void {
    this.#byRef.set(ref, session)
  }

  withdraw(ref: string): void {
    this.#byRef.delete(ref)
  }

  /** The latest companion that asks for a number gets its code. */
  offerHello(number: string, session: LinkableCompanion): void {
    this.#byNumber.set(number, session)
  }

  withdrawHello(number: string, session: LinkableCompanion): void {
    if (this.#byNumber.get(number) === session) this.#byNumber.delete(number)
  }

  /** Throws {@link PairingError}. */
  async scan(qr: string, account: Account, phone: PhonePort): Promise<Device> {
    const { read, session } = this.#find(qr)
    return session.scanned(read.ref, read.noiseKey, { identity: read.identity, advSecret: read.advSecret }, account, phone)
  }

  /** The scan links nothing: the network has the companion show another code first. Throws {@link PairingError}. */
  async scanInVain(qr: string): Promise<void> {
    const { read, session } = this.#find(qr)
    await session.refresh(read.ref)
  }

  #find(qr: string): { read: PairingQr; session: LinkableCompanion } {
    const read = parsePairingQr(qr)
    if (read === undefined) throw new PairingError('this is not a pairing QR')
    const session = this.#byRef.get(read.ref)
    if (session === undefined) throw new PairingError('the QR is unknown or has expired')
    return { read, session }
  }

  /** Throws {@link PairingError}. */
  async typeCode(code: string, account: Account, phone: PhonePort): Promise<Device> {
    const session = this.#byNumber.get(account.number)
    if (session === undefined) throw new PairingError('no companion waits for a code')
    return session.codeTyped(code.replace(/[\s-]/g, ''), account, phone)
  }
}
