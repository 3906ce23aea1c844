/** What the parts that answer requests may use: built once by the composition root (`network.ts`). */
import type { Device } from './accounts/account.ts'
import type { Directory } from './accounts/directory.ts'
import type { Clock } from './clock.ts'
import type { GroupNews } from './groups/group-news.ts'
import type { GroupStore } from './groups/group-store.ts'
import type { MediaHost } from './media/media-host.ts'
import type { NewsletterStore } from './newsletters/newsletter-store.ts'
import type { CallRouter } from './router/call-router.ts'
import type { MessageRouter } from './router/message-router.ts'
import type { NewsletterRouter } from './router/newsletter-router.ts'
import type { Notifier } from './router/notifier.ts'
import type { PresenceBoard } from './router/presence-board.ts'
import type { ReceiptRouter } from './router/receipt-router.ts'
import type { Seed } from './seed.ts'
import type { UnansweredLog } from './unanswered.ts'

export interface Services {
  readonly clock: Clock
  readonly seed: Seed
  readonly directory: Directory
  readonly groups: GroupStore
  readonly groupNews: GroupNews
  readonly newsletters: NewsletterStore
  readonly newsletterRouter: NewsletterRouter
  readonly messages: MessageRouter
  readonly receipts: ReceiptRouter
  readonly calls: CallRouter
  readonly presence: PresenceBoard
  readonly notifier: Notifier
  readonly media: MediaHost
  readonly unanswered: UnansweredLog
  /** Removes a companion from its account, tells everybody and ends its connection. */
  unlink(device: Device): void
}
