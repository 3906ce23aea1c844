/** The `Range` header of a download, one range only (RFC 9110 §14). */

export interface ByteRange {
  /** First and last byte, both included. */
  first: number
  last: number
}

/** Undefined: send everything, because no usable range was asked for. */
export function parseRange(header: string | undefined, length: number): ByteRange | 'unsatisfiable' | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header ?? '')
  if (match === null) return undefined
  const [, from = '', to = ''] = match
  if (from === '' && to === '') return undefined
  if (from === '') {
    const suffix = Math.min(Number(to), length)
    return suffix === 0 ? 'unsatisfiable' : { first: length - suffix, last: length - 1 }
  }
  const first = Number(from)
  if (first >= length) return 'unsatisfiable'
  const last = to === '' ? length - 1 : Math.min(Number(to), length - 1)
  return last < first ? undefined : { first, last }
}
