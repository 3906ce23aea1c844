/**
 * The session of an instance: starts it, follows what it reports, ends it. One session at a time per instance; whoever starts or ends
 * one holds the instance's command queue. Events of a session that has been let go of change nothing any more.
 */
import { errors } from '../http/errors.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Logger } from '../runtime/logging.ts'
import type {
  Address,
  CloseReason,
  EngineEvent,
  EngineFactory,
  EngineSession,
  IdentityStore,
  ProxyConfiguration,
  SessionStore,
} from '../whatsapp/engine.ts'
import { bareJid } from '../whatsapp/jid.ts'
import type { WireMessage } from '../whatsapp/wire.ts'
import type { Attempt, Outcome } from './attempt.ts'
import { type Edge, inputOfClose, type LifeCycleInput, type LifeCycleLimits, limitOf } from './life-cycle.ts'
import type { LiveInstance } from './registry.ts'
import type { ChangeDetails, StateChanges } from './state-changes.ts'
import { endsWithin } from './time-limit.ts'

export interface BeginOptions {
  by: 'owner' | 'supervisor'
  input: 'connect' | 'reconnect' | 'retry'
  number?: string | null
  historyDays?: number | null
  release?: () => void
}

export interface EndedSession {
  edge: Edge
  reason: CloseReason | 'timed-out' | 'failed'
  /** How long it had been open, ms; 0 when it never was. */
  lastedMs: number
}

export interface OpenOptions {
  historyDays: number | null
  keepOnline: boolean
  onEvent(event: EngineEvent): void | Promise<void>
}

export interface Connections {
  /** Lets go of the present session and starts a new one. `stored` resolves when the new state is durable. */
  begin(instance: LiveInstance, options: BeginOptions): Promise<{ attempt: Attempt; stored: Promise<void> }>
  /** Lets go of the present session without stopping it: its events change nothing any more and nobody waits for it. */
  detach(instance: LiveInstance, detail: string): Attempt | null
  /** Stops a session that was let go of. */
  stop(attempt: Attempt): Promise<void>
  /** The next thing that becomes of the session; an `ended` when nothing does in time. */
  outcome(attempt: Attempt, ms: number, signal?: AbortSignal): Promise<Outcome>
  /** A session outside the life cycle, not started, with the instance's store, identities and proxy. */
  open(instanceId: string, options: OpenOptions): Promise<EngineSession>
}

export interface ConnectionsOptions {
  engine(): Promise<EngineFactory>
  sessionStoreOf(instanceId: string): SessionStore
  identitiesOf(instanceId: string): IdentityStore
  proxyOf(instanceId: string): Promise<ProxyConfiguration | null>
  storedMessage(instanceId: string, messageId: string): Promise<WireMessage | null>
  changes: StateChanges
  /** Hands an event on, in order. Must not throw. */
  hand(instance: LiveInstance, event: EngineEvent): Promise<void>
  /** A session ended by itself or by its time limit. */
  onEnded(instance: LiveInstance, ended: EndedSession): void
  /** Aborted when the gateway stops: no session is started from then on. */
  stopping: AbortSignal
  limits: LifeCycleLimits
  clock: Clock
  logger: Logger
}

export const timedOut = 'timed out waiting for WhatsApp'
export const gatewayStops = 'the gateway is stopping'

export const createConnections = (options: ConnectionsOptions): Connections => {
  const { engine, sessionStoreOf, identitiesOf, onEnded, changes, stopping, limits, clock, logger } = options

  const settle = (attempt: Attempt, outcome: Outcome) => {
    for (const tell of [...attempt.waiters]) tell(outcome)
  }

  const letGo = (instance: LiveInstance, attempt: Attempt, outcome: Outcome) => {
    instance.attempt = null
    attempt.code = null
    attempt.ended = outcome
    if (attempt.timer !== null) clearTimeout(attempt.timer)
    attempt.timer = null
    attempt.release()
  }

  const detach = (instance: LiveInstance, detail: string): Attempt | null => {
    const attempt = instance.attempt
    if (attempt === null) return null
    const outcome: Outcome = { kind: 'ended', input: null, detail }
    letGo(instance, attempt, outcome)
    settle(attempt, outcome)
    return attempt
  }

  const stop = async (attempt: Attempt) => {
    try {
      if (!(await endsWithin(limits.stopMs, attempt.session.stop()))) logger.warn('A session has not stopped in time')
    } catch (error) {
      logger.warn({ err: error }, 'A session did not stop cleanly')
    }
  }

  /** Applies an input for the present session and winds the clock for the state it leads to. */
  const move = async (instance: LiveInstance, attempt: Attempt, input: LifeCycleInput, details: ChangeDetails) => {
    const moved = changes.apply(instance, input, details)
    if (moved === null) return
    wind(instance, attempt)
    await moved.stored.catch(() => undefined)
  }

  const wind = (instance: LiveInstance, attempt: Attempt) => {
    if (attempt.timer !== null) clearTimeout(attempt.timer)
    const limit = limitOf(instance.state, attempt.linked, limits)
    attempt.timer = limit === null ? null : setTimeout(() => giveUp(instance, attempt, limit.input, 'timed-out', timedOut), limit.ms)
  }

  /** The session is over for us: what that means, and what those who wait are told. Nothing here is waited for by the session. */
  const over = (instance: LiveInstance, attempt: Attempt, input: LifeCycleInput, reason: EndedSession['reason'], detail: string) => {
    const outcome: Outcome = { kind: 'ended', input, detail }
    letGo(instance, attempt, outcome)
    const moved = changes.apply(instance, input, {
      reason,
      quiet: attempt.by === 'supervisor' && attempt.openSince === null && input === 'lost',
    })
    if (moved !== null) {
      if (moved.edge.wipe) forgetSession(instance)
      onEnded(instance, { edge: moved.edge, reason, lastedMs: attempt.openSince === null ? 0 : clock.now() - attempt.openSince })
    }
    settle(attempt, outcome)
    return moved?.stored.catch(() => undefined)
  }

  /** Ends a session that is of no use although it has not ended by itself. */
  const giveUp = (instance: LiveInstance, attempt: Attempt, input: LifeCycleInput, reason: EndedSession['reason'], detail: string) => {
    if (instance.attempt !== attempt) return
    // In the queue before anything else can be, so that the next session starts after this one has stopped.
    void instance.commands.run(async () => {
      await stop(attempt)
      // What an unfinished pairing left behind is no saved session.
      if (!attempt.linked) await sessionStoreOf(instance.id).clear()
    })
    void over(instance, attempt, input, reason, detail)
  }

  const forgetSession = (instance: LiveInstance) => {
    instance.commands
      .run(async () => {
        if (instance.state === 'loggedout') await sessionStoreOf(instance.id).clear()
      })
      .catch((error: unknown) => logger.error({ instance: instance.id, err: error }, 'A session that is over could not be removed'))
  }

  const lifeCycle = async (instance: LiveInstance, attempt: Attempt, event: EngineEvent) => {
    switch (event.type) {
      case 'qr':
        return onQr(instance, attempt, event)
      case 'paired':
        attempt.code = null
        return move(instance, attempt, 'paired', {
          reason: 'paired',
          learned: { ...ownNames(event.self), businessName: event.businessName, platform: event.platform },
        })
      case 'open': {
        attempt.code = null
        attempt.openSince = clock.now()
        attempt.release()
        await move(instance, attempt, 'open', {
          reason: 'open',
          learned: { ...ownNames(event.self), profileName: event.name ?? undefined },
        })
        return settle(attempt, { kind: 'open' })
      }
      case 'closed': {
        const ended = over(
          instance,
          attempt,
          inputOfClose(event.reason, attempt.linked),
          event.reason,
          shortDetail(event.detail, event.reason),
        )
        if (!attempt.linked) void instance.commands.run(() => sessionStoreOf(instance.id).clear()).catch(logUncleared(instance))
        return ended
      }
    }
  }

  const logUncleared = (instance: LiveInstance) => (error: unknown) =>
    logger.error({ instance: instance.id, err: error }, 'An unfinished pairing could not be removed')

  const onQr = async (instance: LiveInstance, attempt: Attempt, { text, expiresAt }: { text: string; expiresAt: number }) => {
    // Credentials that were saved but never paired, as a crash in the middle of a pairing leaves them.
    attempt.linked = false
    if (!attempt.mayPair) return giveUp(instance, attempt, 'failed', 'failed', 'there is no saved session')
    if (attempt.number !== null) {
      if (instance.state === 'connecting' && attempt.code === null) void askForCode(instance, attempt, attempt.number)
      return
    }
    attempt.code = { kind: 'qr', text, expiresAt }
    await move(instance, attempt, 'code', { reason: 'qr', codes: [text] })
    settle(attempt, { kind: 'code', code: attempt.code })
  }

  /** Not awaited by the session's events: the answer needs the session to go on. */
  const askForCode = async (instance: LiveInstance, attempt: Attempt, number: string) => {
    // Taken at once, so that a second QR does not ask a second time; nobody sees it before the text is there.
    attempt.code = { kind: 'pairing-code', text: '', expiresAt: 0 }
    try {
      const text = await attempt.session.requestPairingCode(number)
      if (instance.attempt !== attempt || attempt.linked) return
      attempt.code = { kind: 'pairing-code', text: text.replaceAll('-', ''), expiresAt: clock.now() + limits.codeMs }
      await move(instance, attempt, 'code', { reason: 'pairing-code' })
      settle(attempt, { kind: 'code', code: attempt.code })
    } catch (error) {
      giveUp(instance, attempt, 'failed', 'failed', shortDetail(error instanceof Error ? error.message : '', 'no pairing code'))
    }
  }

  const open = async (instanceId: string, { historyDays, keepOnline, onEvent }: OpenOptions) =>
    (await engine()).open({
      instanceId,
      store: sessionStoreOf(instanceId),
      identities: identitiesOf(instanceId),
      proxy: await options.proxyOf(instanceId),
      historyDays,
      keepOnline,
      storedMessage: (messageId) => options.storedMessage(instanceId, messageId),
      logger: logger.child({ instance: instanceId }),
      onEvent,
    })

  const begin = async (
    instance: LiveInstance,
    { by, input, number = null, historyDays = instance.historyDays, release = () => {} }: BeginOptions,
  ): Promise<{ attempt: Attempt; stored: Promise<void> }> => {
    const linked = (await sessionStoreOf(instance.id).loadCredentials()) !== null
    if (!linked && input === 'retry') {
      changes.apply(instance, 'failed', { reason: 'no-session' })
      throw new Error('There is no saved session')
    }
    const opening = Promise.withResolvers<'open' | LifeCycleInput>()
    const session = await open(instance.id, {
      historyDays: historyDays ?? (instance.settings.disableHistorySync ? null : usualHistoryDays),
      keepOnline: instance.settings.keepOnlineStatus,
      onEvent: async (event) => {
        // Also when it was let go of meanwhile: what has been paired is not thrown away as an unfinished pairing.
        if (event.type === 'paired' || event.type === 'open') attempt.linked = true
        if (event.type === 'open') opening.resolve('open')
        if (event.type === 'closed') opening.resolve(inputOfClose(event.reason, attempt.linked))
        if (instance.attempt === attempt) await lifeCycle(instance, attempt, event)
        if (instance.state !== 'deleting') await options.hand(instance, event)
      },
    })
    const attempt: Attempt = {
      session,
      by,
      number,
      historyDays,
      mayPair: input === 'connect',
      linked,
      code: null,
      openSince: null,
      opening: opening.promise,
      ended: null,
      waiters: new Set(),
      timer: null,
      release,
    }
    // From here to `start` nothing is waited for: neither a stop nor a deletion can come in between.
    if (stopping.aborted) throw new Error(gatewayStops)
    const moved = changes.apply(instance, input, { reason: input })
    // It was deleted while we waited.
    if (moved === null) throw errors.instanceNotFound()
    instance.attempt = attempt
    instance.historyDays = historyDays
    wind(instance, attempt)
    session.start()
    return { attempt, stored: moved.stored }
  }

  return {
    detach,
    stop,
    open,

    async begin(instance, options) {
      const previous = detach(instance, 'another connect took over')
      try {
        if (previous !== null) {
          await stop(previous)
          if (!previous.linked) await sessionStoreOf(instance.id).clear()
        }
        return await begin(instance, options)
      } catch (error) {
        // The session before is gone and there is no new one: the instance must not look as if there were.
        const input = previous?.linked ? 'lost' : 'failed'
        const moved = previous === null ? null : changes.apply(instance, input, { reason: 'failed' })
        if (moved !== null) onEnded(instance, { edge: moved.edge, reason: 'failed', lastedMs: 0 })
        throw error
      }
    },

    outcome: (attempt, ms, signal) =>
      new Promise((resolve) => {
        const known = knownOutcome(attempt, clock.now())
        if (known !== null) return resolve(known)
        const tell = (outcome: Outcome) => {
          clearTimeout(timer)
          signal?.removeEventListener('abort', gone)
          attempt.waiters.delete(tell)
          resolve(outcome)
        }
        const gone = () => tell({ kind: 'ended', input: null, detail: 'the request was given up' })
        const timer = setTimeout(() => tell({ kind: 'ended', input: null, detail: timedOut }), ms)
        attempt.waiters.add(tell)
        if (signal?.aborted) gone()
        else signal?.addEventListener('abort', gone)
      }),
  }
}

/** What has become of it already. */
const knownOutcome = (attempt: Attempt, now: number): Outcome | null => {
  if (attempt.ended !== null) return attempt.ended
  if (attempt.openSince !== null) return { kind: 'open' }
  return attempt.code !== null && attempt.code.expiresAt > now ? { kind: 'code', code: attempt.code } : null
}

/** Asked for when history is wanted and no number of days was given. */
const usualHistoryDays = 30

const ownNames = (self: Address): { numberJid: string | null; lid: string | null } => ({
  numberJid: self.jid === null ? null : bareJid(self.jid),
  lid: self.lid === null ? null : bareJid(self.lid),
})

/** One short line: it ends up in an answer. */
const shortDetail = (detail: string, otherwise: string): string => (detail.split('\n')[0] ?? '').trim().slice(0, 200) || otherwise
