/** Runs before every file of stories. */
import { witness } from './witness.ts'

witness.forget()
