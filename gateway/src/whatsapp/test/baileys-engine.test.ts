import { describeEngine } from './conformance.ts'
import { simulatedWorld } from './simulator.ts'

describeEngine('Baileys on the simulator', simulatedWorld)
