/**
 * Cards that WhatsApp draws by itself: a product of a catalogue, an order of one, an invite to a group. The contract has no type for them; they
 * can be tapped like a message with buttons, and read as `interactive`.
 */
import type { WireMessage } from '../../whatsapp/wire.ts'
import type { IncomingKind, Reading } from './kind.ts'

export const incomingCard: IncomingKind = {
  read({ productMessage, orderMessage, groupInviteMessage }) {
    if (productMessage) return productIn(productMessage)
    if (orderMessage) return orderIn(orderMessage)
    return groupInviteMessage ? inviteIn(groupInviteMessage) : null
  },
}

const productIn = ({ product, businessOwnerJid, body, footer }: NonNullable<WireMessage['productMessage']>): Reading =>
  reading(product?.title || body || '', {
    product: {
      id: product?.productId || null,
      title: product?.title || null,
      description: product?.description || null,
      currency: product?.currencyCode || null,
      price: amountOf(product?.priceAmount1000),
      salePrice: amountOf(product?.salePriceAmount1000),
      retailerId: product?.retailerId || null,
      url: product?.url || null,
      business: businessOwnerJid || null,
      body: body || null,
      footer: footer || null,
    },
  })

const orderIn = ({
  orderId,
  orderTitle,
  message,
  itemCount,
  totalAmount1000,
  totalCurrencyCode,
  sellerJid,
  token,
}: NonNullable<WireMessage['orderMessage']>): Reading =>
  reading(message || orderTitle || '', {
    order: {
      id: orderId || null,
      title: orderTitle || null,
      itemCount: itemCount ?? 0,
      total: amountOf(totalAmount1000),
      currency: totalCurrencyCode || null,
      seller: sellerJid || null,
      // With it the items can be asked for.
      token: token || null,
    },
  })

const inviteIn = ({
  groupJid,
  groupName,
  inviteCode,
  inviteExpiration,
  caption,
}: NonNullable<WireMessage['groupInviteMessage']>): Reading => {
  return reading(caption || groupName || '', {
    groupInvite: {
      groupJid: groupJid || null,
      groupName: groupName || null,
      inviteCode: inviteCode || null,
      expiresAt: timeOf(inviteExpiration),
    },
  })
}

const reading = (content: string, interactive: Record<string, unknown>): Reading => ({
  type: 'interactive',
  content,
  changes: null,
  mediaType: null,
  details: { interactive },
})

type Long = number | { toNumber(): number } | null | undefined

/** WhatsApp counts in thousandths. */
const amountOf = (thousandths: Long): number | null => {
  const value = numberOf(thousandths)
  return value === null ? null : value / 1000
}

/** Seconds, as RFC 3339. Null for none, and for what is no time: anybody can write anything here. */
const timeOf = (seconds: Long): string | null => {
  const date = new Date((numberOf(seconds) ?? Number.NaN) * 1000)
  return Number.isNaN(date.getTime()) ? null : date.toISOString()
}

/** Null for none: protobuf leaves a 0 out or not as it likes. */
const numberOf = (value: Long): number | null => Number(typeof value === 'object' ? value?.toNumber() : value) || null
