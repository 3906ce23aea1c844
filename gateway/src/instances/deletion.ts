/**
 * Deleting an instance, as contract/delete-instance.md says. The steps, each durable before the next begins:
 *
 *   marked      state `deleting` is stored, name and token are free again; nobody finds the instance any more
 *   logged-out  WhatsApp was asked to unlink the device, if it had one: at most 10 s, whatever comes of it
 *   erased      one transaction removed the row and with it everything that hangs on its id
 *   forgotten   nothing of it is left in memory, its WebSocket clients are closed; only now it is answered
 *
 * A crash in between is finished at the next start: `marked` rows are looked for, and the log-out is tried again where it is owed.
 */
import { errors, orElse } from '../http/errors.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Logger } from '../runtime/logging.ts'
import { milestones } from '../runtime/milestones.ts'
import type { Database } from '../storage/database.ts'
import type { SessionStore } from '../whatsapp/engine.ts'
import type { Connections } from './connections.ts'
import type { Farewell } from './farewell.ts'
import { instanceErrors } from './instance-errors.ts'
import type { InstanceRepository } from './instance-repository.ts'
import type { LifeCycleLimits } from './life-cycle.ts'
import { inOrder, type LiveInstance, type Registry } from './registry.ts'
import type { Supervisor } from './supervisor.ts'
import { endsWithin } from './time-limit.ts'

export const deletionSteps = ['marked', 'logged-out', 'erased', 'forgotten'] as const
export type DeletionStep = (typeof deletionSteps)[number]

export interface Deletion {
  /** Resolves when all is gone. Throws 404 when somebody else deletes it already, 500 when the store fails; then it is finished later. */
  remove(instance: LiveInstance): Promise<void>
  /** Finishes what a crash or a failing store interrupted; resolves when nothing is left to finish. Of one account, or of all. */
  finishAll(accountId?: string): Promise<void>
  /** Waits a little for what is under way; what is not done by then is done at the next start. */
  stop(): Promise<void>
}

export interface DeletionOptions {
  db: Database
  repository: InstanceRepository
  registry: Registry
  connections: Connections
  farewell: Farewell
  supervisor: Supervisor
  sessionStoreOf(instanceId: string): SessionStore
  /** What others remember of an instance goes here. */
  forget(instanceId: string): void
  /** Called after each step, for tests that stop the world in between. */
  onStep(step: DeletionStep, instanceId: string): void | Promise<void>
  /** Aborted when the gateway stops: cuts log-outs short. */
  stopping: AbortSignal
  limits: LifeCycleLimits
  clock: Clock
  logger: Logger
}

export const createDeletion = (options: DeletionOptions): Deletion => {
  const { db, repository, registry, connections, farewell, supervisor, stopping, limits, clock, logger } = options
  /** Deletions under way in this process, by instance id. */
  const running = new Map<string, Promise<void>>()
  let finishLater: NodeJS.Timeout | null = null

  const onStep = (step: DeletionStep, id: string) => {
    milestones.deletion[step].publish({ ids: [id] })
    return options.onStep(step, id)
  }

  const mark = async (instance: LiveInstance) => {
    // Behind the writes of its state, which it ends.
    const marked = await inOrder(instance, () => db.write((tx) => repository.markDeleting(tx, instance.id, clock.now())))
    if (!marked) throw errors.instanceNotFound()
    instance.state = 'deleting'
    registry.remove(instance)
    supervisor.release(instance)
    await onStep('marked', instance.id)
  }

  /** Whether there is something to log out: a session in use, or a saved one that is to be used again. */
  const logOut = async (id: string, instance: LiveInstance | null, owed: boolean) => {
    const attempt = instance === null ? null : connections.detach(instance, 'the instance was deleted')
    if (attempt !== null) {
      if (attempt.linked) await farewell.logOut(id, attempt, { signal: stopping })
      else await connections.stop(attempt)
    } else if (owed && (await options.sessionStoreOf(id).loadCredentials()) !== null) {
      await farewell.logOut(id, null, { signal: stopping })
    }
  }

  const finish = async (id: string, instance: LiveInstance | null, owed: boolean) => {
    // A command that runs already is waited for, but no longer than the log-out may take altogether.
    const loggedOut = instance === null ? logOut(id, null, owed) : instance.commands.run(() => logOut(id, instance, owed))
    try {
      if (!(await endsWithin(limits.logoutMs + 1_000, loggedOut))) logger.warn({ instance: id }, 'Deleted without waiting for the log-out')
    } catch (error) {
      logger.warn({ instance: id, err: error }, 'Deleted although the log-out failed')
    }
    await onStep('logged-out', id)
    await db.write((tx) => repository.erase(tx, id))
    await onStep('erased', id)
    options.forget(id)
    await onStep('forgotten', id)
    logger.info({ instance: id }, 'Instance deleted')
  }

  /** One at a time per instance, whoever asks. */
  const once = (id: string, work: () => Promise<void>): Promise<void> => {
    const known = running.get(id)
    if (known !== undefined) return known
    const work_ = work().finally(() => running.delete(id))
    running.set(id, work_)
    return work_
  }

  const finishAll = async (accountId?: string) => {
    const rows = await repository.unfinishedDeletions(accountId)
    for (let from = 0; from < rows.length; from += atOnce) {
      await Promise.all(rows.slice(from, from + atOnce).map(({ id, wanted }) => once(id, () => finish(id, null, wanted))))
    }
  }

  /** A store that failed may be back soon; the instance is invisible meanwhile, so nobody else would finish it. */
  const retryLater = () => {
    if (stopping.aborted) return
    finishLater ??= setTimeout(() => {
      finishLater = null
      finishAll().catch((error: unknown) => {
        logger.error({ err: error }, 'A deletion could not be finished')
        retryLater()
      })
    }, limits.retryFirstMs)
  }

  return {
    async remove(instance) {
      const work = once(instance.id, async () => {
        await mark(instance)
        try {
          await finish(instance.id, instance, instance.wanted)
        } catch (error) {
          retryLater()
          throw error
        }
      })
      await orElse(work, (error) => {
        logger.error({ instance: instance.id, err: error }, 'An instance could not be deleted')
        return instanceErrors.deleteFailed('the database did not take it')
      })
    },

    async finishAll(accountId) {
      try {
        await finishAll(accountId)
      } catch (error) {
        retryLater()
        throw error
      }
    },

    async stop() {
      if (finishLater !== null) clearTimeout(finishLater)
      await endsWithin(limits.stopMs, Promise.allSettled([...running.values()]))
    },
  }
}

/** Log-outs of an interrupted run that are tried side by side. */
const atOnce = 8
