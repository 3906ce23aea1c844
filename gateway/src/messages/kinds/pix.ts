/** A card with a PIX key, which its button copies. Nothing is charged and nobody hears of a payment. */
import { randomBytes } from 'node:crypto'
import { z } from 'zod'
import { ApiError } from '../../http/errors.ts'
import { interactive } from './interactive-wire.ts'
import type { Composed, Composing, OutgoingKind } from './kind.ts'
import { MAX_TEXT } from './text.ts'

const MAX_ITEMS = 100
const MAX_NAME = 256
const keyTypes = ['CPF', 'CNPJ', 'EMAIL', 'PHONE', 'RANDOM'] as const
type KeyType = (typeof keyTypes)[number]

const item = z.object({
  name: z.string().max(MAX_NAME).nullish().meta({ example: 'Haircut', description: 'Required' }),
  description: z.string().max(1_024).nullish().meta({ example: 'With wash' }),
  quantity: z.int().min(1).max(1_000_000).nullish().meta({ example: 1, description: 'Default 1' }),
  unitPrice: z.number().min(0).max(1_000_000_000).nullish().meta({ example: 49.9, description: 'In reais; default 0' }),
})

const body = z.object({
  merchantName: z.string().max(MAX_NAME).nullish().meta({ example: 'Acme Ltda', description: 'Who is paid. Required' }),
  pixKey: z.string().max(MAX_NAME).nullish().meta({ example: 'pay@example.org', description: 'Required' }),
  pixKeyType: z.enum(keyTypes).nullish().meta({ example: 'EMAIL', description: 'Required' }),
  message: z.string().max(MAX_TEXT).nullish().meta({ example: 'Thank you', description: 'Text above the card' }),
  items: z
    .array(item)
    .max(MAX_ITEMS)
    .nullish()
    .meta({ description: 'WhatsApp adds up quantity × price; without items whoever pays types the amount' }),
})

type Body = z.infer<typeof body>

export const outgoingPix = {
  id: 'message.pix',
  needs: ['interactive'],
  path: '/api/message/pix/:instance',
  summary: 'Send a PIX key',
  description: 'A card whose button copies the key.',
  body,
  errors: [
    { status: 400, message: 'MerchantName is required' },
    { status: 400, message: 'PixKey is required' },
    { status: 400, message: 'PixKeyType is required' },
    { status: 400, message: 'Invalid pixKey for type <TYPE>' },
    { status: 400, message: 'Item name is required' },
  ],
  check({ merchantName, pixKey, pixKeyType, items }: Body) {
    if (!merchantName?.trim()) throw new ApiError(400, 'MerchantName is required')
    if (!pixKey?.trim()) throw new ApiError(400, 'PixKey is required')
    if (!pixKeyType) throw new ApiError(400, 'PixKeyType is required')
    if (!keyShapes[pixKeyType].test(pixKey.trim())) throw new ApiError(400, `Invalid pixKey for type ${pixKeyType}`)
    if (items?.some(({ name }) => !name?.trim())) throw new ApiError(400, 'Item name is required')
  },
  async compose(body: Body, { contextInfo }: Pick<Composing, 'contextInfo'>): Promise<Composed> {
    const text = body.message?.trim() ? body.message : ''
    const merchantName = body.merchantName?.trim() ?? ''
    return {
      messageType: 'interactive',
      content: text || merchantName,
      message: {
        interactiveMessage: interactive({
          body: text,
          buttons: [{ name: 'payment_info', params: payment(body, merchantName) }],
          contextInfo,
        }),
      },
    }
  },
} satisfies OutgoingKind<typeof body>

/** Lengths and alphabets only: whether a key exists, the payer's bank says. A CNPJ may hold letters since July 2026. */
const keyShapes: Readonly<Record<KeyType, RegExp>> = {
  CPF: /^\d{11}$/,
  CNPJ: /^[0-9A-Z]{12}\d{2}$/,
  EMAIL: /^(?=.{3,77}$)[^\s@]+@[^\s@]+\.[^\s@]+$/,
  PHONE: /^\d{8,15}$/,
  RANDOM: /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i,
}

/** The key as banks take it: the button puts it into the clipboard as it is. */
const written = (key: string, type: KeyType | null | undefined): string => (type === 'PHONE' ? `+${key}` : key)

const payment = ({ pixKey, pixKeyType, items }: Body, merchantName: string): Record<string, unknown> => {
  const lines = (items ?? []).map(({ name, description, quantity, unitPrice }) => {
    const price = amount(cents(unitPrice ?? 0))
    return {
      name: name?.trim() ?? '',
      ...(description?.trim() ? { description: description.trim() } : {}),
      amount: price,
      quantity: quantity ?? 1,
      sale_amount: price,
    }
  })
  const total = amount(lines.reduce((sum, line) => sum + line.amount.value * line.quantity, 0))
  return {
    currency: 'BRL',
    total_amount: total,
    reference_id: randomBytes(6).toString('hex').toUpperCase(),
    type: 'physical-goods',
    order: {
      status: 'pending',
      subtotal: total,
      order_type: 'ORDER',
      items: lines.length > 0 ? lines : [{ name: '', amount: amount(0), quantity: 0, sale_amount: amount(0) }],
    },
    payment_settings: [
      {
        type: 'pix_static_code',
        pix_static_code: {
          merchant_name: merchantName,
          key: written(pixKey?.trim() ?? '', pixKeyType),
          // EVP is what the central bank calls a random key.
          key_type: pixKeyType === 'RANDOM' ? 'EVP' : pixKeyType,
        },
      },
    ],
    share_payment_status: false,
  }
}

const cents = (reais: number): number => Math.round(reais * 100)

const amount = (value: number) => ({ value, offset: 100 })
