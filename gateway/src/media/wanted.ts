/** What a caller's file is to become, in the words of a message. */
export type Wanted =
  /** JPEG and PNG stay as they are, other pictures become JPEG. With thumbnail, width and height. */
  | { as: 'image' }
  /** MP4 with H.264; an animated GIF becomes a video that plays as one. With thumbnail, width, height, seconds. */
  | { as: 'video' }
  /**
   * `voice: true`: OGG/Opus mono with waveform; `seconds` and `waveform` of the caller win. `voice: false`: MP3, M4A, AAC and OGG stay,
   * others become M4A.
   */
  | { as: 'audio'; voice: boolean; seconds?: number | null; waveform?: readonly number[] | null }
  /** Any file, unchanged. Pictures and videos get a thumbnail. */
  | { as: 'document' }
  /** 512 × 512 WebP on a transparent ground; GIF, APNG and WebP with several pictures become animated. */
  | { as: 'sticker' }
