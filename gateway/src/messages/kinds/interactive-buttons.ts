/** Buttons as callers describe them, in a message of their own and on the cards of a carousel. */
import { z } from 'zod'
import { ApiError } from '../../http/errors.ts'
import type { NativeButton } from './interactive-wire.ts'

export const MAX_BUTTONS = 3
export const MAX_ID = 256
const MAX_URL = 2_048
export const MAX_LABEL = 256

export const buttonTypes = ['REPLY', 'URL', 'CALL', 'COPY'] as const

export const buttonFields = z.object({
  id: z
    .string()
    .max(MAX_URL)
    .nullish()
    .meta({
      example: 'confirm',
      description: `\`REPLY\`: comes back when it is tapped, up to ${MAX_ID} characters. \`URL\`: the address; \`CALL\`: the number; \`COPY\`: the text. Required`,
    }),
  displayText: z
    .string()
    .max(MAX_LABEL)
    .nullish()
    .meta({ example: 'Confirm', description: 'Label; phones show about 20 characters. Required' }),
  type: z.enum(buttonTypes).nullish().meta({ example: 'REPLY', description: 'Default `REPLY`' }),
})

export type ButtonBody = z.infer<typeof buttonFields>

export const buttonErrors = [
  { status: 400, message: `At most ${MAX_BUTTONS} buttons are allowed` },
  { status: 400, message: 'Button id is required' },
  { status: 400, message: `Button id must have at most ${MAX_ID} characters` },
  { status: 400, message: 'Button displayText is required' },
  { status: 400, message: 'Button ids must be unique' },
  { status: 400, message: 'Invalid URL: <id>' },
  { status: 400, message: 'Invalid phone: <id>' },
]

/** Throws 400. None at all is for the caller to judge. */
export const checkButtons = (buttons: readonly ButtonBody[]): void => {
  if (buttons.length > MAX_BUTTONS) throw new ApiError(400, `At most ${MAX_BUTTONS} buttons are allowed`)
  for (const button of buttons) {
    const { id, displayText, type } = plain(button)
    if (!id) throw new ApiError(400, 'Button id is required')
    if (!displayText) throw new ApiError(400, 'Button displayText is required')
    if (type !== 'URL' && id.length > MAX_ID) throw new ApiError(400, `Button id must have at most ${MAX_ID} characters`)
    if (type === 'URL' && !isWebAddress(id)) throw new ApiError(400, `Invalid URL: ${id}`)
    if (type === 'CALL' && !/^\+?\d{3,15}$/.test(bare(id))) throw new ApiError(400, `Invalid phone: ${id}`)
  }
  const replies = buttons.map(plain).filter(({ type }) => type === 'REPLY')
  // Nobody could tell which of two was tapped.
  if (new Set(replies.map(({ id }) => id)).size < replies.length) throw new ApiError(400, 'Button ids must be unique')
}

/** Of a checked one. */
export const nativeButton = (button: ButtonBody): NativeButton => {
  const { id, displayText: display_text, type } = plain(button)
  switch (type) {
    case 'REPLY':
      return { name: 'quick_reply', params: { display_text, id } }
    case 'URL':
      return { name: 'cta_url', params: { display_text, url: id, merchant_url: id } }
    case 'CALL':
      return { name: 'cta_call', params: { display_text, phone_number: bare(id) } }
    case 'COPY':
      return { name: 'cta_copy', params: { display_text, copy_code: id } }
  }
}

const plain = ({ id, displayText, type }: ButtonBody) => ({
  id: id?.trim() ?? '',
  displayText: displayText?.trim() ?? '',
  type: type ?? 'REPLY',
})

const bare = (phone: string): string => phone.replace(/[\s().-]/g, '')

const isWebAddress = (text: string): boolean => /^https?:\/\//i.test(text) && URL.canParse(text)
