/** The Signal repository Baileys wants, on the simulator's own sessions: a check of the phone's Signal code from the other side. */
import type { makeWASocket, SignalAuthState, SignalRepositoryWithLIDStore } from 'baileys'
import { LIDMappingStore } from 'baileys/lib/Signal/lid-mapping.js'
import { AddressBook, signalAddress } from '../src/phone/addresses.ts'
import type { OwnKeys } from '../src/phone/device-keys.ts'
import { Sessions } from '../src/phone/sessions.ts'

type MakeRepository = NonNullable<Parameters<typeof makeWASocket>[0]['makeSignalRepository']>

/** Sessions outlive the socket: Baileys makes a new repository at every reconnect. */
export class CompanionSignal {
  private readonly book: AddressBook
  private sessions: Sessions | undefined

  constructor() {
    this.book = new AddressBook((number, lid) => this.sessions?.move(number, signalAddress(`${lid}@lid`).name))
  }

  /** The phone forgets nothing, a companion that lost its database does. */
  loseSessions(): void {
    this.sessions = undefined
  }

  readonly makeRepository: MakeRepository = (auth, logger, pnToLid) => {
    const { book } = this
    const sessions = () => {
      this.sessions ??= new Sessions(ownKeys(auth), book)
      return this.sessions
    }
    class Mapping extends LIDMappingStore {
      override async storeLIDPNMappings(pairs: { lid: string; pn: string }[]): Promise<void> {
        for (const { lid, pn } of pairs) book.learn(pn, lid)
        await super.storeLIDPNMappings(pairs)
      }
    }
    const repository: SignalRepositoryWithLIDStore = {
      // Baileys hands in a store with transactions; its type says less.
      lidMapping: new Mapping(auth.keys as ConstructorParameters<typeof LIDMappingStore>[0], logger, pnToLid),
      decryptMessage: ({ jid, type, ciphertext }) => sessions().decrypt(jid, type, ciphertext),
      encryptMessage: ({ jid, data }) => sessions().encrypt(jid, data),
      decryptGroupMessage: ({ group, authorJid, msg }) => sessions().decryptGroup(group, authorJid, msg),
      async encryptGroupMessage({ group, meId, data }) {
        const { distribution, ciphertext } = await sessions().encryptGroup(group, meId, data)
        return { senderKeyDistributionMessage: distribution, ciphertext }
      },
      getSenderKeyDistributionMessage: ({ group, meId }) => sessions().groupDistribution(group, meId),
      hasSenderKey: async ({ group, meId }) => sessions().hasGroupKey(group, meId),
      async processSenderKeyDistributionMessage({ item, authorJid }) {
        const { groupId, axolotlSenderKeyDistributionMessage: distribution } = item
        if (groupId && distribution) await sessions().acceptDistribution(groupId, authorJid, distribution)
      },
      injectE2ESession: ({ jid, session }) =>
        sessions().open(jid, {
          registrationId: session.registrationId,
          identity: session.identityKey,
          signedPreKey: {
            id: session.signedPreKey.keyId,
            public: session.signedPreKey.publicKey,
            signature: session.signedPreKey.signature,
          },
          preKey: session.preKey && { id: session.preKey.keyId, public: session.preKey.publicKey },
        }),
      getSessionInfo: async (jid) => sessions().info(jid) ?? null,
      validateSession: async (jid) => (sessions().has(jid) ? { exists: true } : { exists: false, reason: 'no session' }),
      async deleteSession(jids) {
        for (const jid of jids) sessions().drop(jid)
      },
      // Done by the address book, as soon as the LID is known.
      migrateSession: async () => ({ migrated: 0, skipped: 0, total: 0 }),
      jidToSignalProtocolAddress(jid) {
        const { name, device } = signalAddress(jid)
        return `${name}.${device}`
      },
    }
    return repository
  }
}

function ownKeys({ creds, keys }: SignalAuthState): OwnKeys {
  return {
    identity: creds.signedIdentityKey,
    registrationId: creds.registrationId,
    signedPreKey: {
      id: creds.signedPreKey.keyId,
      keyPair: creds.signedPreKey.keyPair,
      signature: creds.signedPreKey.signature,
    },
    loadPreKey: async (id) => (await keys.get('pre-key', [String(id)]))[String(id)],
    removePreKey: (id) => keys.set({ 'pre-key': { [String(id)]: null } }),
  }
}
