/** The profile of the account and of others, and who may see what (chat-profile-calls.md §26–30). */
import type { Operation } from '../http/operation.ts'
import type { MediaSource } from '../media/media.ts'
import type { Address, EngineSession } from '../whatsapp/engine.ts'
import { privacyOperations } from './privacy.ts'
import { readProfileOperation } from './read-profile.ts'
import { updateProfileOperation } from './update-profile.ts'

export interface ProfileFeature {
  readonly operations: readonly Operation[]
}

/** What this feature needs of others. */
interface Collaborators {
  /** Throws 503 when the instance is not connected. */
  session(instanceId: string): EngineSession
  self(instanceId: string): Address
  /** The person a number or JID means. Throws 400s. */
  find(instanceId: string, number: string): Promise<Address>
  personOf(instanceId: string, address: Address): Promise<{ jid: string | null; lid: string | null; name: string | null }>
  /** JPEG, cut to what WhatsApp wants. Throws 400s. */
  picture(source: MediaSource): Promise<Uint8Array>
}

export const createProfileFeature = (collaborators: Collaborators): ProfileFeature => ({
  operations: [updateProfileOperation(collaborators), readProfileOperation(collaborators), ...privacyOperations(collaborators)],
})
