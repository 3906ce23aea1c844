/** The 64 bars under a voice note, and how long it is, from samples as they run past. */

export interface Loudness {
  /** Signed 16-bit little-endian, one channel. */
  add(samples: Uint8Array): void
  /** Samples so far. */
  readonly count: number
  /** 64 values from 0 to 100, the loudest part 100. */
  waveform(): Uint8Array
}

/** Values in WhatsApp's `AudioMessage.waveform`. */
export const BARS = 64
/** Twice as many are gathered before each two become one, so that memory does not grow with the length. */
const GATHERED = 2 * BARS * 8

export const measureLoudness = (): Loudness => {
  /** Mean loudness of as many samples each as `span` says. */
  let parts: number[] = []
  let span = 64
  let sum = 0
  let summed = 0
  let count = 0
  let odd: number | null = null

  const addSample = (low: number, high: number): void => {
    const value = (((high << 8) | low) << 16) >> 16
    sum += Math.abs(value)
    count += 1
    summed += 1
    if (summed < span) return
    parts.push(sum / summed)
    sum = 0
    summed = 0
    if (parts.length < GATHERED) return
    parts = Array.from({ length: GATHERED / 2 }, (_, index) => ((parts[2 * index] ?? 0) + (parts[2 * index + 1] ?? 0)) / 2)
    span *= 2
  }

  return {
    add(samples) {
      let at = 0
      if (odd !== null && samples.length > 0) {
        addSample(odd, samples[0] ?? 0)
        odd = null
        at = 1
      }
      for (; at + 1 < samples.length; at += 2) addSample(samples[at] ?? 0, samples[at + 1] ?? 0)
      if (at < samples.length) odd = samples[at] ?? 0
    },
    get count() {
      return count
    },
    waveform() {
      const all = summed > 0 ? [...parts, sum / summed] : parts
      const bars = Array.from({ length: BARS }, (_, bar) => {
        const from = Math.floor((bar * all.length) / BARS)
        const to = Math.max(from + 1, Math.floor(((bar + 1) * all.length) / BARS))
        const here = all.slice(from, to)
        return here.length === 0 ? 0 : here.reduce((total, value) => total + value, 0) / here.length
      })
      const loudest = Math.max(...bars)
      return Uint8Array.from(bars, (bar) => (loudest === 0 ? 0 : Math.round((bar / loudest) * 100)))
    },
  }
}
