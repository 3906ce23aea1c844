/** What an account shows of itself, and who may see it. */
import type { Address } from './address.ts'

/** WhatsApp's names of what can be restricted. */
export type PrivacyCategory = 'last' | 'status' | 'profile' | 'online' | 'readreceipts' | 'calladd' | 'groupadd'

/** What a business says about itself; null is what it leaves open. */
export interface BusinessProfile {
  description: string | null
  category: string | null
  address: string | null
  email: string | null
  websites: readonly string[]
}

/** All of them throw {@link EngineError}. */
export interface ProfileSession {
  profile: {
    /** JPEG; null takes it away. */
    setPicture(picture: Uint8Array | null): Promise<void>
    setName(name: string): Promise<void>
    setAbout(about: string): Promise<void>
    /** Null when it is empty or not for us. */
    about(of: Address): Promise<string | null>
    /** Null when it is no business, or one that says nothing. */
    business(of: Address): Promise<BusinessProfile | null>
    /** As far as WhatsApp tells. */
    privacy(): Promise<Partial<Record<PrivacyCategory, string>>>
    setPrivacy(category: PrivacyCategory, value: string): Promise<void>
  }
}
