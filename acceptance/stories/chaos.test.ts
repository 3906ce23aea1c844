import process from 'node:process'
import { expect, it } from 'vitest'
import { shortScale } from '../chaos/plan.ts'
import { runChaos } from '../chaos/run.ts'

/** The long version with any seed is `npm run soak`; `CHAOS_SEED=N` repeats one here. */
const seed = Number(process.env.CHAOS_SEED ?? 2)

it(`Life under fire: nothing is lost, doubled, stuck or leaked (seed ${seed})`, async () => {
  const { complaints } = await runChaos({ seed, scale: shortScale, restMs: 60_000, say: (line) => process.stdout.write(`${line}\n`) })
  expect(complaints).toEqual([])
}, 300_000)
