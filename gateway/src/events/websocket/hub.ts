/**
 * The clients on `/ws/:instance`. An instance with clients has a room; an event is serialised once for the room, and not at all where
 * nobody listens. Nothing is kept for a client that is away.
 */
import type { WebSocket } from 'ws'
import type { Logger } from '../../runtime/logging.ts'
import { envelope, type InstanceData, type StoredEvent } from '../envelope.ts'
import type { WebSocketSettings } from './configuration.ts'

/** Close codes of decisions.md §3. */
export const closeCodes = {
  shutdown: { code: 1001, reason: 'Server is shutting down' },
  tooSlow: { code: 1013, reason: 'Consumer too slow' },
  tokenRevoked: { code: 4001, reason: 'Token revoked' },
  instanceDeleted: { code: 4004, reason: 'Instance deleted' },
} as const
type Farewell = (typeof closeCodes)[keyof typeof closeCodes]

export interface Member {
  instanceId: string
  accountId: string
  /** Which kind of token opened the connection. */
  by: 'account' | 'instance'
}

export interface Room {
  settings: WebSocketSettings
  instanceData: InstanceData
}

export interface WebSocketHub {
  join(socket: WebSocket, member: Member, room: Room): void
  /** Sends to whom it may concern; returns at once. */
  announce(events: readonly StoredEvent[]): void
  reconfigure(instanceId: string, settings: WebSocketSettings): void
  dismissInstance(instanceId: string, farewell: Farewell): void
  /** Clients that came with the account's token. */
  dismissAccount(accountId: string, farewell: Farewell): void
  readonly clients: number
  start(): void
  stop(): void
}

export interface HubLimits {
  pingEveryMs: number
  /** Unanswered pings after which a client is taken for dead. */
  missedPings: number
  /** Bytes that may wait for one client. */
  sendBuffer: number
}

export const usualHubLimits: HubLimits = { pingEveryMs: 25_000, missedPings: 2, sendBuffer: 4 * 1024 * 1024 }

interface Client extends Member {
  socket: WebSocket
  missed: number
}

export const createWebSocketHub = ({ logger, limits = usualHubLimits }: { logger: Logger; limits?: HubLimits }): WebSocketHub => {
  const rooms = new Map<string, Room & { filter: ReadonlySet<string> | null; clients: Set<Client> }>()
  let clients = 0
  let pinging: NodeJS.Timeout | null = null
  let stopped = false

  const filterOf = ({ events }: WebSocketSettings) => (events.length === 0 ? null : new Set(events))

  const leave = (client: Client): void => {
    const room = rooms.get(client.instanceId)
    if (!room?.clients.delete(client)) return
    clients--
    if (room.clients.size === 0) rooms.delete(client.instanceId)
  }

  /** Says good-bye and forgets the client at once: what is closing must get nothing more. */
  const dismiss = (client: Client, { code, reason }: Farewell): void => {
    leave(client)
    client.socket.close(code, reason)
    // One that does not answer the closing handshake is cut off.
    setTimeout(() => client.socket.terminate(), 5_000).unref()
  }

  const everybody = function* (): Generator<Client> {
    for (const room of [...rooms.values()]) yield* [...room.clients]
  }

  const ping = (): void => {
    for (const client of everybody()) {
      if (client.missed >= limits.missedPings) {
        leave(client)
        client.socket.terminate()
        continue
      }
      client.missed++
      client.socket.ping()
    }
  }

  return {
    join(socket, member, { settings, instanceData }) {
      const client: Client = { ...member, socket, missed: 0 }
      // A frame that cannot be written ends in `close`; without a listener it would end the process.
      socket.on('error', (error) => logger.debug({ err: error, instance: member.instanceId }, 'WebSocket client failed'))
      if (stopped) return dismiss(client, closeCodes.shutdown)
      let room = rooms.get(member.instanceId)
      if (room === undefined) {
        room = { settings, instanceData, filter: filterOf(settings), clients: new Set() }
        rooms.set(member.instanceId, room)
      }
      room.clients.add(client)
      clients++
      socket.on('pong', () => {
        client.missed = 0
      })
      socket.on('close', () => leave(client))
    },
    announce(events) {
      if (rooms.size === 0) return
      for (const event of events) {
        const room = rooms.get(event.instanceId)
        if (room === undefined || !room.settings.enabled) continue
        if (room.filter !== null && !room.filter.has(event.name)) continue
        const frame = Buffer.from(envelope(event, room.instanceData))
        for (const client of room.clients) {
          if (client.socket.bufferedAmount + frame.length > limits.sendBuffer) dismiss(client, closeCodes.tooSlow)
          else client.socket.send(frame, { binary: false })
        }
      }
    },
    reconfigure(instanceId, settings) {
      const room = rooms.get(instanceId)
      if (room === undefined) return
      room.settings = settings
      room.filter = filterOf(settings)
    },
    dismissInstance(instanceId, farewell) {
      for (const client of [...(rooms.get(instanceId)?.clients ?? [])]) dismiss(client, farewell)
    },
    dismissAccount(accountId, farewell) {
      for (const client of everybody()) if (client.by === 'account' && client.accountId === accountId) dismiss(client, farewell)
    },
    get clients() {
      return clients
    },
    start() {
      pinging = setInterval(ping, limits.pingEveryMs)
      pinging.unref()
    },
    stop() {
      stopped = true
      if (pinging !== null) clearInterval(pinging)
      for (const client of everybody()) dismiss(client, closeCodes.shutdown)
    },
  }
}
