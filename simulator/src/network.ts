/** The whole network: builds its parts once, in order, and closes them in reverse. */
import type { Device } from './accounts/account.ts'
import { Directory } from './accounts/directory.ts'
import { type Clock, systemClock, unixSeconds } from './clock.ts'
import { createControlApi } from './control/control-api.ts'
import { Faults } from './faults/faults.ts'
import { GroupNews } from './groups/group-news.ts'
import { GroupStore } from './groups/group-store.ts'
import { iqHandlers } from './iq/catalogue.ts'
import { IqDispatcher } from './iq/dispatcher.ts'
import { MediaHost } from './media/media-host.ts'
import { MediaStore } from './media/media-store.ts'
import { issueTlsMaterial } from './media/tls-certificate.ts'
import type { NetworkInfo } from './network-info.ts'
import { NewsletterStore } from './newsletters/newsletter-store.ts'
import { type PhoneFactory, Phones } from './phones.ts'
import { CallRouter } from './router/call-router.ts'
import { MessageRouter } from './router/message-router.ts'
import { NewsletterRouter } from './router/newsletter-router.ts'
import { Notifier } from './router/notifier.ts'
import { PresenceBoard } from './router/presence-board.ts'
import { ReceiptRouter } from './router/receipt-router.ts'
import { Seed } from './seed.ts'
import { PairingDesk } from './server/pairing-desk.ts'
import { StanzaDesk } from './server/stanza-desk.ts'
import { WHATSAPP_PATH, WhatsAppServer } from './server/whatsapp-server.ts'
import type { Services } from './services.ts'
import { TrafficLog } from './traffic.ts'
import { UnansweredLog } from './unanswered.ts'
import { issueCertificateChain } from './wire/certificate.ts'
import { keyPairFrom } from './wire/x25519.ts'

export interface NetworkOptions {
  /** Port of the API and the WebSocket; 0 for any. */
  port: number
  /** Repeatable keys and ids; without it every start is different. */
  seed?: string | undefined
  createPhone: PhoneFactory
  clock?: Clock
  /** Hears in words of what went wrong where nobody waits for the outcome; default: nobody. */
  trouble?: (words: string) => void
}

export interface Network {
  readonly info: NetworkInfo
  close(): Promise<void>
}

export async function startNetwork(options: NetworkOptions): Promise<Network> {
  const clock = options.clock ?? systemClock
  const seed = new Seed(options.seed)
  const directory = new Directory(seed)
  const traffic = new TrafficLog()
  const unanswered = new UnansweredLog()
  const faults = new Faults()
  const notifier = new Notifier(clock)
  const groups = new GroupStore(seed)
  const presence = new PresenceBoard(directory, clock, groups)
  const newsletters = new NewsletterStore(seed)
  const newsletterRouter = new NewsletterRouter(newsletters, notifier, clock)
  const pairing = new PairingDesk()
  const media = new MediaHost({ store: new MediaStore(), tls: issueTlsMaterial(clock.now()), seed })
  const services: Services = {
    clock,
    seed,
    directory,
    groups,
    groupNews: new GroupNews(notifier),
    newsletters,
    newsletterRouter,
    messages: new MessageRouter(directory, clock, groups, newsletterRouter),
    receipts: new ReceiptRouter(directory, clock),
    calls: new CallRouter(directory, clock, seed),
    presence,
    notifier,
    media,
    unanswered,
    unlink,
  }
  const iqs = new IqDispatcher(iqHandlers, services)
  const desk = new StanzaDesk(services, iqs)
  const phones = new Phones({
    services,
    desk,
    iqs,
    pairing,
    traffic,
    createPhone: options.createPhone,
    trouble: options.trouble ?? (() => {}),
  })

  function link(device: Device): void {
    device.account.devices.set(device.id, device)
    notifier.devicesChanged(device, 'add')
  }

  function unlink(device: Device): void {
    if (!device.account.devices.delete(device.id)) return
    presence.gone(device)
    notifier.devicesChanged(device, 'remove')
    phones.deviceUnlinked(device)
    device.connection?.unlinked()
  }

  const secretKey = (purpose: string) => keyPairFrom(seed.secret(purpose))
  const root = secretKey('root certificate')
  const staticKey = secretKey('noise static')
  const certificate = issueCertificateChain(
    { root, intermediate: secretKey('intermediate certificate'), leaf: staticKey },
    unixSeconds(clock),
  )
  const ephemeral = seed.stream('noise ephemeral')
  const server = new WhatsAppServer({
    identity: { staticKey, certificate, ephemeralKey: () => keyPairFrom(ephemeral(32)) },
    services,
    desk,
    pairing,
    faults,
    traffic,
    linked: link,
    introduced: (device) => phones.introduce(device),
  })

  await media.listen()
  const info: NetworkInfo = {
    api: '',
    whatsappUrl: '',
    rootKey: root.publicKey.toString('base64'),
    mediaUrl: media.url,
    mediaCa: media.caPem,
  }
  const api = createControlApi({ info, phones, services, faults, traffic, server, lines: () => server.lines() })
  server.serve(api.server)
  await api.listen({ port: options.port, host: '127.0.0.1' })
  const address = api.server.address()
  const port = typeof address === 'object' && address !== null ? address.port : options.port
  info.api = `http://127.0.0.1:${port}`
  info.whatsappUrl = `ws://127.0.0.1:${port}${WHATSAPP_PATH}`

  return {
    info,
    async close() {
      server.close()
      phones.close()
      await api.close()
      await media.close()
    },
  }
}
