/** Whether what one person sends gets to another. */
import type { Account } from '../accounts/account.ts'

/** Messages of blocked people are accepted and go nowhere: the sender is not told. */
export function mayReach(sender: Account, receiver: Account): boolean {
  return sender === receiver || !receiver.isBlocking(sender)
}
