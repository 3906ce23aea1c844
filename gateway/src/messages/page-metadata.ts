/** Title, description and picture of an HTML page, from the marks that pages carry for such cards. */

export interface PageMetadata {
  title: string
  description: string
  /** Absolute http(s) URL. */
  image: string | null
}

const LONGEST_TITLE = 300
const LONGEST_DESCRIPTION = 600

/** Looks at `<meta>` and `<title>` only; never throws, whatever the page is. */
export const readPage = (html: string, pageUrl: string): PageMetadata => {
  const meta = readMeta(html)
  const first = (...names: string[]): string => names.map((name) => meta.get(name)).find(Boolean) ?? ''
  const [, titleTag = ''] = /<title[^>]{0,500}>([^<]{0,2000})/i.exec(html) ?? []
  const title = first('og:title', 'twitter:title') || plain(titleTag)
  return {
    title: title.slice(0, LONGEST_TITLE),
    description: first('og:description', 'twitter:description', 'description').slice(0, LONGEST_DESCRIPTION),
    image: absolute(first('og:image:secure_url', 'og:image', 'twitter:image'), pageUrl),
  }
}

/** Text of a page, in the encoding its header or its own first kilobyte names; else UTF-8. */
export const decodePage = (body: Uint8Array, contentType: string): string => {
  const start = Buffer.from(body.subarray(0, 1024)).toString('latin1')
  const [, named = 'utf-8'] = /charset\s{0,5}=\s{0,5}["']?([\w-]{1,40})/i.exec(`${contentType} ${start}`) ?? []
  try {
    return new TextDecoder(named).decode(body)
  } catch {
    return new TextDecoder().decode(body)
  }
}

/** The first value of every name wins. Lengths are bounded so that no page can keep the expressions busy. */
const readMeta = (html: string): Map<string, string> => {
  const values = new Map<string, string>()
  for (const [tag] of html.matchAll(/<meta\s[^>]{1,4000}>/gi)) {
    const attributes = new Map<string, string>()
    for (const [, name = '', double, single, bare] of tag.matchAll(/([a-z:-]{1,30})\s{0,5}=\s{0,5}(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))/gi)) {
      attributes.set(name.toLowerCase(), double ?? single ?? bare ?? '')
    }
    const name = (attributes.get('property') ?? attributes.get('name') ?? '').toLowerCase()
    const content = plain(attributes.get('content') ?? '')
    if (name !== '' && content !== '' && !values.has(name)) values.set(name, content)
  }
  return values
}

const absolute = (url: string, base: string): string | null => {
  const parsed = url === '' ? null : URL.parse(url, base)
  return parsed !== null && /^https?:$/.test(parsed.protocol) ? parsed.href : null
}

const named: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: ' ' }

const plain = (text: string): string =>
  text
    .replace(/&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|([a-z]{2,8}));/gi, (whole, decimal?: string, hex?: string, name?: string) => {
      if (name !== undefined) return named[name.toLowerCase()] ?? whole
      const code = decimal === undefined ? Number.parseInt(hex ?? '', 16) : Number(decimal)
      return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : ''
    })
    .replace(/\s+/g, ' ')
    .trim()
