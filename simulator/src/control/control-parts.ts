/** What the routes of the control API are handed. */
import type { Faults, FaultTarget } from '../faults/faults.ts'
import type { NetworkInfo } from '../network-info.ts'
import type { Phones } from '../phones.ts'
import type { Services } from '../services.ts'
import type { TrafficLog } from '../traffic.ts'

export interface ControlParts {
  /** Completed by the composition root once the port is known. */
  info: NetworkInfo
  phones: Phones
  services: Services
  faults: Faults
  traffic: TrafficLog
  /** Where clients that are too old are refused. */
  server: { leastRevision: number }
  /** Companions that are connected now. */
  lines: () => Iterable<FaultTarget>
}
