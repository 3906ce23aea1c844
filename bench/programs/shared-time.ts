/** Milliseconds of the one clock all processes of a machine share. */
import process from 'node:process'

export const sharedTime = (): number => Number(process.hrtime.bigint()) / 1e6
