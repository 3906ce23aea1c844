import type { Capability } from '../capabilities.ts'
import type { Observed } from './linked-session.ts'
import type { Person, World } from './world.ts'

/** What the parts of the conformance suite that have files of their own are given. */
export interface ConformanceStage {
  world(): World
  /** Whose engine it is. */
  shop(): Person
  bob(): Person
  engine(): Observed
  /** A story that shows what a capability means: an engine which does not claim it must say so when it is asked all the same. */
  shows(capabilities: readonly Capability[], title: string, story: () => Promise<void>): void
}
