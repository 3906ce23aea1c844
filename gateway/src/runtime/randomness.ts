/** Random bytes out of a stock: asking the system for eight of them costs as much as asking for a thousand, and each message needs several. */
import { randomFillSync } from 'node:crypto'

const STOCK = 4_096

const stock = Buffer.alloc(STOCK)
let used = STOCK

/** As good as `randomBytes(length)` of node:crypto. What is handed out is wiped here: nobody can look up afterwards what a nonce or an id was made of. */
export const randomness = (length: number): Buffer => {
  if (length > STOCK) return randomFillSync(Buffer.alloc(length))
  if (used + length > STOCK) {
    randomFillSync(stock)
    used = 0
  }
  const bytes = Buffer.allocUnsafe(length)
  stock.copy(bytes, 0, used, used + length)
  stock.fill(0, used, used + length)
  used += length
  return bytes
}
