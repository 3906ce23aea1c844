/**
 * Long values of a request wait on disk: a base64 of 100 MB in a JSON body, or an uploaded file. In the parsed body a token stands in
 * their place, which whoever needs the value hands to `find`. Files live as long as their request.
 */
export interface Spool {
  /** Null: the text is an ordinary value. */
  find(text: string): SpooledFile | null
}

export interface SpooledFile {
  path: string
  /** Bytes. */
  size: number
  /** `text`: the characters of the JSON value, UTF-8. `bytes`: an uploaded file as it was. */
  encoding: 'text' | 'bytes'
  /** As the upload says; null for texts. */
  mimeType: string | null
  fileName: string | null
}
