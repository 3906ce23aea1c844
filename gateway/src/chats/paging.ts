/** Pages of our own lists: how many things one has, and where it ended, for the caller to hand back. */
import { z } from 'zod'
import { ApiError } from '../http/errors.ts'

const USUAL = 50
const MOST = 200

export const limitField = z.coerce
  .number()
  .int()
  .min(1)
  .max(MOST)
  .default(USUAL)
  .meta({ example: USUAL, description: `At most ${MOST}` })

export const cursorField = z.string().max(500).optional().meta({ description: '`nextCursor` of the page before' })

export const writeCursor = (parts: readonly (number | string)[]): string => Buffer.from(parts.join(' ')).toString('base64url')

/** What `form` catches of it. Throws 400 for what was not made here. */
export const parseCursor = (cursor: string, form: RegExp): string[] => {
  const parts = form.exec(Buffer.from(cursor, 'base64url').toString())
  if (parts === null) throw new ApiError(400, 'Invalid cursor')
  return parts.slice(1)
}
