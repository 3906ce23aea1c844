/** What a benchmark found out, beside what it has to be. */

export interface Measurement {
  /** What is measured, as a phrase. */
  what: string
  value: number
  unit: string
  bound: { is: 'at least' | 'at most'; value: number }
  /** The figures behind the value. */
  detail: string
}

export const holds = ({ value, bound }: Measurement): boolean => (bound.is === 'at least' ? value >= bound.value : value <= bound.value)

/** One line for a terminal. */
export const line = (measurement: Measurement): string => {
  const { what, value, unit, bound, detail } = measurement
  return `${holds(measurement) ? 'ok    ' : 'FAILED'} ${what}: ${round(value)}${unit} (${bound.is} ${bound.value}${unit})\n       ${detail}`
}

export const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((one, other) => one - other)
  const middle = Math.floor(sorted.length / 2)
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? Number.NaN)
    : ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2
}

export const round = (value: number): string => (Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3))
