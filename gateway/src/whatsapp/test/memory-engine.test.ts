import { describeEngine } from './conformance.ts'
import { memoryWorld } from './memory-world.ts'

describeEngine('the in-memory engine', memoryWorld)
