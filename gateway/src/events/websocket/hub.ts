/**
 * The clients on `/ws/:instance`. An instance with clients has a room; an event is serialised once for the room, and not at all where
 * nobody listens. Nothing is kept for a client that is away: one that comes back with the id of its last event is read to from the log.
 * So is one that gets media in base64, from an event with media on: order is kept, and neither bytes nor events pile up meanwhile.
 */
import type { WebSocket } from 'ws'
import type { Clock } from '../../runtime/clock.ts'
import { ulid } from '../../runtime/ids.ts'
import type { Logger } from '../../runtime/logging.ts'
import { noBlobs, type OpenBlob } from '../blobs.ts'
import { carriesMedia, envelope, type InstanceData, type StoredEvent } from '../envelope.ts'
import type { EventHistory } from '../history.ts'
import { type Body, bodyWithMedia } from '../webhooks/body.ts'
import { type Client, closeCodes, type Farewell, type Member } from './client.ts'
import type { WebSocketSettings } from './configuration.ts'
import { createReplay, type Hall } from './replay.ts'

export interface Arrival {
  settings: WebSocketSettings
  instanceData: InstanceData
  /** Id of the last event the client has, `BEGINNING` for none; null = only what happens from now on. */
  after: string | null
}

export interface WebSocketHub {
  join(socket: WebSocket, member: Member, arrival: Arrival): void
  /** Sends to whom it may concern; returns at once. Events of one instance come in the order of their ids. */
  announce(event: StoredEvent): void
  reconfigure(instanceId: string, settings: WebSocketSettings): void
  dismissInstance(instanceId: string, farewell: Farewell): void
  /** Clients that came with the account's token. */
  dismissAccount(accountId: string, farewell: Farewell): void
  readonly clients: number
  start(): void
  /** Resolves when nothing of the log is being read any more. */
  stop(): Promise<void>
}

export interface HubLimits {
  pingEveryMs: number
  /** Unanswered pings after which a client is taken for dead. */
  missedPings: number
  /** Bytes that may wait for one client. */
  sendBuffer: number
  /** Events read from the log at a time for a client that was away. */
  replayPage: number
}

export const usualHubLimits: HubLimits = { pingEveryMs: 25_000, missedPings: 2, sendBuffer: 4 * 1024 * 1024, replayPage: 100 }

interface Room extends Hall {
  announced: string
  settings: WebSocketSettings
  clients: Set<Client>
}

interface Collaborators {
  history: EventHistory
  clock: Clock
  logger: Logger
  openBlob?: OpenBlob
  limits?: HubLimits
  /** For the test that counts. */
  serialise?: typeof envelope
}

export const createWebSocketHub = (collaborators: Collaborators): WebSocketHub => {
  const { history, clock, logger, openBlob = noBlobs, limits = usualHubLimits, serialise = envelope } = collaborators

  const withMedia = async (event: StoredEvent, instanceData: InstanceData): Promise<Body> => {
    try {
      return await bodyWithMedia(event, instanceData, openBlob)
    } catch (error) {
      logger.warn({ err: error, instance: event.instanceId }, 'Media cannot be read for WebSocket clients; its event goes without')
      return serialise(event, instanceData)
    }
  }

  const replay = createReplay({ history, serialise, withMedia, now: clock.now, pageSize: limits.replayPage })
  const rooms = new Map<string, Room>()
  const replays = new Set<Promise<void>>()
  let clients = 0
  let pinging: NodeJS.Timeout | null = null
  let stopped = false

  const leave = (client: Client): void => {
    const room = rooms.get(client.instanceId)
    if (!room?.clients.delete(client)) return
    client.left.abort()
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

  const roomOf = (instanceId: string, { settings, instanceData }: Arrival): Room => {
    const known = rooms.get(instanceId)
    if (known !== undefined) return known
    const room: Room = { announced: '', settings, instanceData, wants: wantedBy(settings), clients: new Set() }
    rooms.set(instanceId, room)
    return room
  }

  const beginReplay = (client: Client, room: Room, after: string, first?: StoredEvent): void => {
    // An id of the future would hide what happens until then.
    const present = ulid(clock.now())
    const reading = replay(client, room, after < present ? after : present, first)
      .catch((error: unknown) => {
        logger.error({ err: error, instance: client.instanceId }, 'Events cannot be read for a WebSocket client')
        dismiss(client, closeCodes.inDoubt)
      })
      .finally(() => replays.delete(reading))
    replays.add(reading)
  }

  return {
    join(socket, member, arrival) {
      const { after } = arrival
      const client: Client = { ...member, socket, missed: 0, live: after === null, left: new AbortController() }
      // A frame that cannot be written ends in `close`; without a listener it would end the process.
      socket.on('error', (error) => logger.debug({ err: error, instance: member.instanceId }, 'WebSocket client failed'))
      if (stopped) return dismiss(client, closeCodes.shutdown)
      const room = roomOf(member.instanceId, arrival)
      room.clients.add(client)
      clients++
      socket.on('pong', () => {
        client.missed = 0
      })
      socket.on('close', () => leave(client))
      if (after !== null) beginReplay(client, room, after)
    },
    announce(event) {
      const room = rooms.get(event.instanceId)
      if (room === undefined) return
      room.announced = event.id
      if (!room.wants(event)) return
      const withBytes = room.settings.mediaBase64 && carriesMedia(event)
      let frame: Buffer | null = null
      for (const client of room.clients) {
        if (!client.live) continue
        if (withBytes) {
          client.live = false
          beginReplay(client, room, event.id, event)
          continue
        }
        frame ??= Buffer.from(serialise(event, room.instanceData))
        if (client.socket.bufferedAmount + frame.length > limits.sendBuffer) dismiss(client, closeCodes.tooSlow)
        else client.socket.send(frame, { binary: false })
      }
    },
    reconfigure(instanceId, settings) {
      const room = rooms.get(instanceId)
      if (room !== undefined) Object.assign(room, { settings, wants: wantedBy(settings) })
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
    async stop() {
      stopped = true
      if (pinging !== null) clearInterval(pinging)
      for (const client of everybody()) dismiss(client, closeCodes.shutdown)
      await Promise.all(replays)
    },
  }
}

const wantedBy = ({ enabled, events }: WebSocketSettings): Hall['wants'] => {
  if (!enabled) return () => false
  if (events.length === 0) return () => true
  const names = new Set<string>(events)
  return ({ name }) => names.has(name)
}
