import { expect, it } from 'vitest'
import { documents } from './docs.ts'

it.each(documents())('$path shows the settings of the code; otherwise: npm run docs', ({ now, wanted }) => {
  expect(now).toBe(wanted)
})
