/** Messages: the send routes, and the recording of what arrives. */
import type { EventLog } from '../events/event.ts'
import type { Operation } from '../http/operation.ts'
import type { Instance } from '../instances/instance.ts'
import type { Outbound } from '../outbound/outbound.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Logger } from '../runtime/logging.ts'
import type { Database, Writer } from '../storage/database.ts'
import type { Vault } from '../storage/vault.ts'
import type { EngineEvent, EngineFactory, IdentityStore } from '../whatsapp/engine.ts'
import { decodeWireMessage, type WireMessage } from '../whatsapp/wire.ts'
import { historyOperation } from './chat-history.ts'
import { syncOperation } from './chat-sync.ts'
import { contactsOperation } from './contact-list.ts'
import { deleteOperation } from './deleting.ts'
import { statusOperation } from './delivery-status.ts'
import { editOperation } from './editing.ts'
import { findMessageOperation } from './find-message.ts'
import { forwardOperation } from './forwarding.ts'
import { createLeftovers } from './leftovers.ts'
import { createLinkPreviews } from './link-preview.ts'
import { findMessages } from './message-repository.ts'
import { createNamelessGroups } from './nameless-groups.ts'
import { checkOperation } from './number-check.ts'
import { sendOperations } from './operations.ts'
import { createPeople } from './people.ts'
import { pinMessageOperation } from './pinning.ts'
import { pollOperation } from './poll-results.ts'
import { createRecipients } from './recipient.ts'
import { createRecorder } from './recorder.ts'
import { createSender, type Sender, type SenderMedia, type SendingInstances } from './send.ts'
import { createStoredChats, type StoredChats } from './stored-chats.ts'
import { createTurns } from './turns.ts'
import { createUnconfirmed } from './unconfirmed.ts'

export interface Messages extends StoredChats {
  operations: readonly Operation[]
  sender: Sender
  /** To be given to `instances.listen`. Returns at once unless too much waits; what it takes is stored soon, and survives a crash. */
  handle(instance: Pick<Instance, 'id'>, event: EngineEvent): Promise<void>
  /** A message of ours, for peers that could not decrypt it. */
  storedMessage(instanceId: string, messageId: string): Promise<WireMessage | null>
  instanceDeleted(instanceId: string): void
  /** Takes up what the last run left. To be awaited before sessions start. */
  start(): Promise<void>
  /** After sessions have stopped: stores what they reported last. */
  stop(): Promise<void>
}

interface Collaborators {
  db: Database
  vault: Vault
  clock: Clock
  logger: Logger
  outbound: Outbound
  /** Loads it when it is first needed. */
  engine(): Promise<Pick<EngineFactory, 'readInbox' | 'readGroupNews' | 'withoutContent'>>
  instances: SendingInstances
  events: EventLog
  identitiesOf(instanceId: string): IdentityStore
  media: SenderMedia
  /** How long the content of a message nobody could read is waited for. */
  unreadablePatienceMs: number
  /** A chat known by LID alone turned out to belong to a number: others move what they keep of it, in the same transaction. */
  chatJoined(tx: Writer, instanceId: string, chat: { lid: string; jid: string }): Promise<void>
}

export const createMessages = ({
  db,
  vault,
  clock,
  logger,
  outbound,
  engine,
  instances,
  events,
  identitiesOf,
  media,
  unreadablePatienceMs,
  chatJoined,
}: Collaborators): Messages => {
  const people = createPeople({ db, clock, identitiesOf })
  const nameless = createNamelessGroups({ session: (instanceId) => instances.session(instanceId), clock, logger })
  const recorder = createRecorder({ db, events, people, instances, clock, logger, media, namelessGroup: nameless.met, chatJoined })
  const leftovers = createLeftovers({
    db,
    vault,
    clock,
    logger,
    engine,
    instances,
    events,
    people,
    recorder,
    patienceMs: unreadablePatienceMs,
  })
  const recipients = createRecipients({ clock, identitiesOf })
  const chats = createStoredChats({ db, instances, recipients, people, identitiesOf })
  const unconfirmed = createUnconfirmed({ clock, logger })
  const sender = createSender({
    db,
    clock,
    logger,
    instances,
    people,
    recipients,
    recorder,
    turns: createTurns(),
    unconfirmed,
    linkPreview: createLinkPreviews({ outbound, logger }),
    media,
  })

  return {
    operations: [
      ...sendOperations(sender),
      findMessageOperation({ db, instances }),
      historyOperation({ db, chats }),
      syncOperation({ db, instances, chats }),
      statusOperation({ db }),
      pollOperation({ db }),
      forwardOperation({ db, sender }),
      editOperation({ db, clock, sender }),
      contactsOperation({ db, identitiesOf }),
      checkOperation({ instances }),
      pinMessageOperation({ db, clock, sender }),
      deleteOperation({ db, sender, instances }),
    ],
    sender,
    async handle(instance, event) {
      unconfirmed.heed(instance.id, event)
      return recorder.take(instance.id, event)
    },
    async storedMessage(instanceId, messageId) {
      const message = (await findMessages(db.read, instanceId, messageId)).find(({ fromMe }) => fromMe)
      return message === undefined ? null : decodeWireMessage(message.wire)
    },
    ...chats,
    instanceDeleted(instanceId) {
      for (const part of [recorder, people, nameless, recipients, unconfirmed]) part.forget(instanceId)
    },
    async start() {
      await leftovers.takeUp()
      leftovers.start()
    },
    async stop() {
      await leftovers.stop()
      await recorder.stop()
    },
  }
}
