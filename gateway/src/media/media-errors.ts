/** The texts of decisions.md §4 about media. */
import { ApiError } from '../http/errors.ts'

export const mediaErrors = {
  exactlyOne: () => new ApiError(400, 'Provide exactly one of mediaUrl or mediaBase64'),
  notDownloaded: (reason: string) => new ApiError(400, `Failed to download media: ${reason}`),
  unusable: (reason: string) => new ApiError(400, `Failed to process media: ${reason}`),
  tooLarge: (limit: number) => new ApiError(400, `Media must be at most ${Math.floor(limit / MEGABYTE)} MB`),
  needsFfmpeg: (what: string) => new ApiError(400, `Failed to process media: ${what} needs ffmpeg, which is not installed on this gateway`),
  busy: () => new ApiError(429, 'Too many media files are being converted. Try again later.', { 'retry-after': '5' }),
}

/** What callers are told 100 MB is. */
export const MEGABYTE = 1024 * 1024
