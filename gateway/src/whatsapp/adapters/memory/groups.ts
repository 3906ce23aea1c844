/** The in-memory network has no groups: whatever is asked about them is unsupported. */
import { EngineError } from '../../engine.ts'
import type { Groups } from '../../groups.ts'

const unsupported = async (): Promise<never> => {
  throw new EngineError('unsupported', 'the in-memory network has no groups')
}

export const noGroups: Groups = {
  create: unsupported,
  list: unsupported,
  read: unsupported,
  preview: unsupported,
  setName: unsupported,
  setDescription: unsupported,
  setPicture: unsupported,
  changeSetting: unsupported,
  changeMembers: unsupported,
  inviteCode: unsupported,
  renewInviteCode: unsupported,
  join: unsupported,
  requests: unsupported,
  leave: unsupported,
}
