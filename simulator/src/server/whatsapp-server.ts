/** The WebSocket side of the network: connections, who they are, and their end. */
import type { IncomingMessage, Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { WebSocketServer } from 'ws'
import type { Device } from '../accounts/account.ts'
import type { Faults, LineOwner } from '../faults/faults.ts'
import type { Services } from '../services.ts'
import type { TrafficLog } from '../traffic.ts'
import { node } from '../wire/nodes.ts'
import { CompanionLine } from './companion-line.ts'
import { readRegistration } from './companion-registration.ts'
import { CompanionSession } from './companion-session.ts'
import { Connection, type Hello, type ServerIdentity, type Session } from './connection.ts'
import type { PairingDesk } from './pairing-desk.ts'
import { RegistrationSession } from './registration-session.ts'
import type { StanzaDesk } from './stanza-desk.ts'

export const WHATSAPP_PATH = '/ws/chat'
const MAX_CONNECTIONS = 5_000
const SWEEP_MS = 30_000
/** Clients ping every 30 s; one that has been mute for this long is gone. */
const MUTE_MS = 120_000

export interface WhatsAppServerParts {
  identity: ServerIdentity
  services: Services
  desk: StanzaDesk
  pairing: PairingDesk
  faults: Faults
  traffic: TrafficLog
  /** A companion was signed in by its phone. */
  linked: (device: Device) => void
  /** A companion is ready for the first time since it was linked. */
  introduced: (device: Device) => void
}

export class WhatsAppServer {
  readonly #parts: WhatsAppServerParts
  readonly #sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false, maxPayload: 16 * 1024 * 1024 })
  readonly #connections = new Set<Connection>()
  readonly #sessions = new Set<CompanionSession>()
  readonly #sweep: NodeJS.Timeout
  /** Client revision (last part of the version) that older clients are refused for. */
  leastRevision = 0

  constructor(parts: WhatsAppServerParts) {
    this.#parts = parts
    this.#sweep = setInterval(() => this.#dropMute(), SWEEP_MS)
    this.#sweep.unref()
  }

  /** Takes the upgrades of `server` at {@link WHATSAPP_PATH}. */
  serve(server: Server): void {
    server.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head))
  }

  /** Lines of all companions that are logged in. */
  *lines(): Generator<CompanionLine> {
    for (const session of this.#sessions) yield session.line
  }

  get connections(): number {
    return this.#connections.size
  }

  close(): void {
    clearInterval(this.#sweep)
    for (const session of [...this.#sessions]) session.shutdown()
    for (const connection of [...this.#connections]) connection.terminate()
    this.#sockets.close()
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', () => {})
    const path = (request.url ?? '').split('?')[0]
    const nobody: LineOwner = { phone: undefined, device: undefined }
    const refusal =
      path !== WHATSAPP_PATH
        ? '404 Not Found'
        : this.#connections.size >= MAX_CONNECTIONS || this.#parts.faults.refusal(nobody) !== undefined
          ? '503 Service Unavailable'
          : undefined
    if (refusal !== undefined) {
      refuse(socket, refusal)
      return
    }
    this.#sockets.handleUpgrade(request, socket, head, (webSocket) => {
      const connection = new Connection(webSocket, socket, this.#parts.identity, (opened, hello) => this.#opened(opened, hello))
      this.#connections.add(connection)
      webSocket.once('close', () => this.#connections.delete(connection))
    })
  }

  #opened(connection: Connection, hello: Hello): Session | undefined {
    if ((hello.payload.userAgent?.appVersion?.tertiary ?? 0) < this.leastRevision) return fail(connection, 405)
    return hello.payload.devicePairingData ? this.#register(connection, hello) : this.#logIn(connection, hello)
  }

  #register(connection: Connection, { payload, clientStatic }: Hello): Session | undefined {
    const registration = payload.devicePairingData && readRegistration(payload.devicePairingData)
    if (!registration) return fail(connection, 400)
    const session = new RegistrationSession({
      line: this.#line(connection, { phone: undefined, device: undefined }),
      desk: this.#parts.pairing,
      clock: this.#parts.services.clock,
      registration,
      noiseKey: clientStatic,
      linked: this.#parts.linked,
    })
    session.start()
    return session
  }

  #logIn(connection: Connection, { payload, clientStatic }: Hello): Session | undefined {
    const { services, faults } = this.#parts
    const account = services.directory.byNumber(payload.username?.toString() ?? '')
    const device = account?.devices.get(payload.device ?? 0)
    // Another Noise key means that it is not the device that was linked, however well it knows the name.
    if (device?.noiseKey === undefined || !device.noiseKey.equals(clientStatic)) return fail(connection, 401)
    const owner: LineOwner = { phone: device.account.number, device: device.id }
    const refusal = faults.refusal(owner)
    if (refusal !== undefined) return fail(connection, refusal)
    const session = new CompanionSession({
      device,
      line: this.#line(connection, owner),
      services,
      desk: this.#parts.desk,
      ended: (over) => this.#sessions.delete(over),
      introduced: this.#parts.introduced,
    })
    this.#sessions.add(session)
    session.start({ passive: payload.passive ?? false })
    return session
  }

  #line(connection: Connection, owner: LineOwner): CompanionLine {
    const { faults, traffic, services } = this.#parts
    return new CompanionLine({ connection, owner, faults, traffic, now: () => services.clock.now() })
  }

  #dropMute(): void {
    const now = Date.now()
    for (const connection of this.#connections) {
      if (now - connection.lastHeard > MUTE_MS) connection.terminate()
    }
  }
}

function fail(connection: Connection, reason: number): undefined {
  connection.end(node('failure', { reason: String(reason), location: 'sim' }))
}

function refuse(socket: Duplex, status: string): void {
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
}
