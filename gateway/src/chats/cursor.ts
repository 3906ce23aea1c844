/** Where a page ended, for the caller to hand back. */
import { ApiError } from '../http/errors.ts'

export const writeCursor = (parts: readonly (number | string)[]): string => Buffer.from(parts.join(' ')).toString('base64url')

/** What `form` catches of it. Throws 400 for what was not made here. */
export const parseCursor = (cursor: string, form: RegExp): string[] => {
  const parts = form.exec(Buffer.from(cursor, 'base64url').toString())
  if (parts === null) throw new ApiError(400, 'Invalid cursor')
  return parts.slice(1)
}
