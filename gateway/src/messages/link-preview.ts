/** The little card under a link. Whatever goes wrong on the way, the text is sent without one. */
import type { Outbound } from '../outbound/outbound.ts'
import type { Logger } from '../runtime/logging.ts'
import type { LinkPreview } from './kinds/kind.ts'
import { decodePage, readPage } from './page-metadata.ts'

const PAGE_BYTES = 512 * 1024
const IMAGE_BYTES = 2 * 1024 * 1024
/** Each of page and image. A caller waits for this. */
const TIMEOUT_MS = 3_000
const REDIRECTS = 3
/** What WhatsApp Web puts into a message; more belongs on its media servers. */
const THUMBNAIL_WIDTH = 192
/** 16 megapixels: a picture that unpacks to more is refused before it is unpacked. */
const PIXELS = 16_000_000

export const createLinkPreviews = ({ outbound, logger }: { outbound: Outbound; logger: Logger }) => {
  const get = async (url: string, accept: string, maxResponseBytes: number) => {
    const answer = await outbound.request({
      url,
      method: 'GET',
      headers: { accept, 'user-agent': 'RyzeAPI-LinkPreview' },
      timeoutMs: TIMEOUT_MS,
      maxResponseBytes,
      redirects: REDIRECTS,
    })
    if (answer.status < 200 || answer.status >= 300) throw new Error(`answered ${answer.status}`)
    return answer
  }

  const thumbnailOf = async (url: string): Promise<Uint8Array | null> => {
    try {
      const { body: image } = await get(url, 'image/*', IMAGE_BYTES)
      // Loaded on first use: nobody should wait for libvips at start.
      const { default: sharp } = await import('sharp')
      return await sharp(image, { limitInputPixels: PIXELS })
        .resize({ width: THUMBNAIL_WIDTH, withoutEnlargement: true })
        .jpeg({ quality: 70 })
        .toBuffer()
    } catch (error) {
      logger.debug({ err: error }, 'A link preview goes without its picture')
      return null
    }
  }

  return async (text: string): Promise<LinkPreview | null> => {
    const url = firstLink(text)
    if (url === null) return null
    try {
      const { headers, body } = await get(url, 'text/html,application/xhtml+xml', PAGE_BYTES)
      const page = readPage(decodePage(body, String(headers['content-type'] ?? '')), url)
      if (page.title === '') return null
      const thumbnail = page.image === null ? null : await thumbnailOf(page.image)
      return { url, title: page.title, description: page.description, thumbnail }
    } catch (error) {
      logger.debug({ err: error }, 'A text goes without link preview')
      return null
    }
  }
}

/** The first http(s) address in a text, without the punctuation that only ends the sentence. */
export const firstLink = (text: string): string | null => {
  const [found] = /https?:\/\/[^\s<>"]+/i.exec(text) ?? []
  const url = found?.replace(/[.,;:!?'")\]}]+$/, '')
  return url !== undefined && URL.canParse(url) ? url : null
}
