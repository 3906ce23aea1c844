import { type Capability, capabilities } from '../../capabilities.ts'

/** What this adapter can do. Each is shown on the simulator (`../../test/conformance.ts`). */
export const claimed: ReadonlySet<Capability> = new Set(capabilities)
