/** Pictures through sharp: thumbnails, JPEG, stickers, profile pictures. */
import type { Sharp, SharpOptions } from 'sharp'
import { mediaErrors } from '../media-errors.ts'
import type { MediaFile } from '../media-file.ts'
import type { TemporaryFolder } from '../temporary-folder.ts'
import { asItIs, bare, type Converted } from './converted.ts'

/** A picture that unpacks to more is refused before it is unpacked. */
const PIXELS = 100_000_000
/** All pictures of an animation together; further ones are left out. 30 million are 120 MB in memory. */
const ANIMATION_PIXELS = 30_000_000
const ANIMATION_FRAMES = 200
/** Longer side, as WhatsApp's own clients make them; more would make every message heavy. */
const THUMBNAIL = 100
export const STICKER = 512
/** What WhatsApp asks of stickers: https://github.com/WhatsApp/stickers. Above it some phones show nothing. */
const STICKER_BYTES = { still: 100 * 1024, animated: 500 * 1024 }
const STICKER_QUALITIES = [80, 60, 40, 20]

const open = async (file: MediaFile, options: SharpOptions = {}): Promise<Sharp> => {
  // Loaded on first use: nobody should wait for libvips at start.
  const { default: sharp } = await import('sharp')
  sharp.cache(false)
  // What sharp works on is chosen by the content; a vector picture could name files or unpack without end.
  if (!decodable.has(bare(file.mimeType))) throw mediaErrors.unusable(`${file.mimeType} is not a picture`)
  return sharp(file.held ?? file.path, { limitInputPixels: PIXELS, failOn: 'error', sequentialRead: true, ...options })
}

const decodable = new Set(['image/jpeg', 'image/png', 'image/apng', 'image/webp', 'image/gif', 'image/avif', 'image/tiff'])

export const isPicture = (file: MediaFile): boolean => decodable.has(bare(file.mimeType))

const trying = async <T>(work: () => Promise<T>): Promise<T> => {
  try {
    return await work()
  } catch (error) {
    if (error instanceof Error && 'status' in error) throw error
    const large = error instanceof Error && /pixel limit/.test(error.message)
    throw mediaErrors.unusable(large ? `the picture has more than ${PIXELS / 1e6} megapixels` : 'the picture is damaged')
  }
}

/** JPEG and PNG stay as they are, everything else becomes JPEG. */
export const toImage = (file: MediaFile, folder: TemporaryFolder): Promise<Converted> =>
  trying(async () => {
    const shown = isShown(file) ? file : await toJpeg(file, folder)
    try {
      const picture = await open(shown)
      return { ...asItIs(shown), ...(await sizeOf(picture)), thumbnail: await thumbnailOf(picture) }
    } catch (error) {
      if (shown !== file) await shown.discard()
      throw error
    }
  })

/** Null when none can be made of it. */
export const thumbnailOrNone = async (file: MediaFile): Promise<Uint8Array | null> =>
  isPicture(file)
    ? open(file)
        .then(thumbnailOf)
        .catch(() => null)
    : null

export const toSticker = (file: MediaFile, folder: TemporaryFolder): Promise<Converted> =>
  trying(async () => {
    const { format, width, pages = 1, pageHeight, height } = await (await open(file)).metadata()
    const frameHeight = pageHeight ?? height ?? 0
    const animated = pages > 1
    const about = { ...asItIs(file), mimeType: 'image/webp', width: STICKER, height: STICKER, animated }
    const allowed = animated ? STICKER_BYTES.animated : STICKER_BYTES.still
    if (format === 'webp' && width === STICKER && frameHeight === STICKER && file.size <= allowed) return about
    const frames = Math.max(1, Math.min(pages, ANIMATION_FRAMES, Math.floor(ANIMATION_PIXELS / Math.max(1, (width ?? 0) * frameHeight))))
    for (const [index, quality] of STICKER_QUALITIES.entries()) {
      const path = folder.newPath()
      const picture = await open(file, animated ? { pages: frames } : {})
      await (animated ? picture : picture.autoOrient())
        .resize(STICKER, STICKER, { fit: 'contain', background: { r: 0, g: 0, b: 0, alpha: 0 } })
        .webp({ quality, effort: animated ? 2 : 4, ...(animated ? { loop: 0 } : {}) })
        .toFile(path)
      const made = await folder.file(path, { mimeType: 'image/webp', fileName: file.fileName })
      if (made.size <= allowed || index === STICKER_QUALITIES.length - 1) return { ...about, file: made, animated: animated && frames > 1 }
      await made.discard()
    }
    return about
  })

const PROFILE = { full: 640, preview: 96 }

export const toProfilePicture = (file: MediaFile): Promise<{ full: Uint8Array; preview: Uint8Array }> =>
  trying(async () => {
    const square = async (side: number) =>
      (await open(file))
        .autoOrient()
        .resize(side, side, { fit: 'cover' })
        .flatten({ background: '#ffffff' })
        .jpeg({ quality: 80 })
        .toBuffer()
    return { full: await square(PROFILE.full), preview: await square(PROFILE.preview) }
  })

const isShown = (file: MediaFile): boolean => ['image/jpeg', 'image/png'].includes(bare(file.mimeType))

const toJpeg = async (file: MediaFile, folder: TemporaryFolder): Promise<MediaFile> => {
  const path = folder.newPath()
  await (await open(file)).autoOrient().flatten({ background: '#ffffff' }).jpeg({ quality: 88 }).toFile(path)
  return folder.file(path, { mimeType: 'image/jpeg', fileName: file.fileName?.replace(/\.\w+$/, '.jpg') ?? null })
}

/** As it is shown: a photograph may be stored lying on its side. */
const sizeOf = async (picture: Sharp): Promise<{ width: number | null; height: number | null }> => {
  const { width = null, height = null, orientation = 1 } = await picture.metadata()
  return orientation >= 5 ? { width: height, height: width } : { width, height }
}

const thumbnailOf = (picture: Sharp): Promise<Uint8Array> =>
  picture
    .autoOrient()
    .resize(THUMBNAIL, THUMBNAIL, { fit: 'inside', withoutEnlargement: true })
    .flatten({ background: '#ffffff' })
    .jpeg({ quality: 60 })
    .toBuffer()
