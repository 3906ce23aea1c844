/** Description, picture and settings: each is a request of its own, and each may fail without the others. */
import type { MediaSource } from '../media/media.ts'
import type { Group, GroupSettings } from '../whatsapp/groups.ts'
import type { GroupSession } from './access.ts'
import { hasCode } from './refusals.ts'

export interface WantedChanges {
  name?: string | undefined
  /** Empty: none. */
  description?: string | undefined
  /** Null: none. */
  image?: MediaSource | null | undefined
  groupSettings?: { [Setting in keyof GroupSettings]?: boolean | undefined } | undefined
}

export type Field = 'name' | 'description' | 'image' | 'groupSettings'

/** A JPEG as WhatsApp wants it. Throws 400. */
export type ToPicture = (source: MediaSource) => Promise<Uint8Array>

/** One after the other, as they stand here; `failed` tells what a field that was not changed was refused with. */
export const applyChanges = async (
  session: GroupSession,
  group: Group,
  wanted: WantedChanges,
  toPicture: ToPicture,
): Promise<{ changed: Field[]; failed: Map<Field, unknown> }> => {
  const { groups } = session
  const { name, description, image, groupSettings: settings } = wanted
  const steps: [Field, () => Promise<void>][] = []
  if (name !== undefined) steps.push(['name', () => groups.setName(group.jid, name)])
  if (description !== undefined) steps.push(['description', () => describe(session, group, description)])
  if (image !== undefined) steps.push(['image', async () => groups.setPicture(group.jid, image === null ? null : await toPicture(image))])
  if (settings !== undefined) steps.push(['groupSettings', () => changeSettings(session, group, settings)])
  const changed: Field[] = []
  const failed = new Map<Field, unknown>()
  for (const [field, step] of steps) {
    try {
      await step()
      changed.push(field)
    } catch (error) {
      failed.set(field, error)
    }
  }
  return { changed, failed }
}

/** The present description has to be named; when somebody else changed it meanwhile, once more with theirs. */
const describe = async ({ groups }: GroupSession, group: Group, text: string): Promise<void> => {
  try {
    await groups.setDescription(group.jid, text, group.description?.id ?? null)
  } catch (error) {
    if (!hasCode(error, 409)) throw error
    const { description } = await groups.read(group.jid)
    await groups.setDescription(group.jid, text, description?.id ?? null)
  }
}

const changeSettings = async (
  { groups }: GroupSession,
  group: Group,
  wanted: NonNullable<WantedChanges['groupSettings']>,
): Promise<void> => {
  for (const setting of settingNames) {
    const value = wanted[setting]
    if (value !== undefined) await groups.changeSetting(group.jid, setting, value)
  }
}

const settingNames = ['membersCanEditInfo', 'membersCanSendMessages', 'membersCanAddOthers', 'requireAdminApproval'] as const
