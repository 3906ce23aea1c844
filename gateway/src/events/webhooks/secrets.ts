/** Reading and replacing the secret that signs a webhook's deliveries. For a while a replaced one signs too, so that receivers can follow. */
import { ApiError, errors } from '../../http/errors.ts'
import type { Clock } from '../../runtime/clock.ts'
import type { Database } from '../../storage/database.ts'
import type { FormerSecret, WebhookRepository } from './repository.ts'
import { isSigningSecret, newSigningSecret } from './signature.ts'
import type { Targets } from './targets.ts'
import { webhookNotFound } from './webhook.ts'

export interface SigningSecrets {
  label: string
  secret: string
  /** Those that sign too, newest first. */
  former: readonly FormerSecret[]
}

export interface WebhookSecretKeeper {
  /** Throws 404 when there is no webhook of this label. */
  read(instanceId: string, label: string): Promise<SigningSecrets>
  /** `secret` null makes a random one. Throws 404 as above, 400 for a secret that is none. */
  rotate(instanceId: string, label: string, rotation: { secret: string | null; overlapMs: number }): Promise<SigningSecrets>
}

interface Collaborators {
  db: Database
  clock: Clock
  repository: WebhookRepository
  targets: Targets
}

/** Signatures in a header, at most: of the secret and those it replaced. */
const MOST_FORMER = 3

export const createWebhookSecretKeeper = ({ db, clock, repository, targets }: Collaborators): WebhookSecretKeeper => ({
  async read(instanceId, label) {
    const found = await repository.secrets(db.read, instanceId, label)
    if (found === null) throw webhookNotFound()
    return { label, secret: found.secret, former: valid(found.former, clock.now()) }
  },
  async rotate(instanceId, label, { secret: chosen, overlapMs }) {
    if (chosen !== null && !isSigningSecret(chosen)) throw errors.invalidBody('secret must be whsec_ and 24 to 64 bytes in base64')
    const rotated = await db.write(async (tx) => {
      const found = await repository.secrets(tx, instanceId, label)
      if (found === null) throw webhookNotFound()
      if (found.secret === chosen) throw new ApiError(409, 'This is the present secret already')
      const now = clock.now()
      const secret = chosen ?? newSigningSecret()
      const replaced = { secret: found.secret, until: now + overlapMs }
      const former = valid([replaced, ...found.former], now).filter((one) => one.secret !== secret)
      const kept = former.slice(0, MOST_FORMER)
      await repository.setSecrets(tx, found.id, secret, kept)
      return { label, secret, former: kept }
    })
    targets.forget(instanceId)
    return rotated
  },
})

const valid = (former: readonly FormerSecret[], now: number): FormerSecret[] => former.filter(({ until }) => until > now)
