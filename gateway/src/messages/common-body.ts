/** The fields every send route shares (messages.md §2.2). */
import { z } from 'zod'

const recipient = 'Number with country code, or a JID: `…@s.whatsapp.net`, `…@lid`, `…@g.us`, `…@newsletter`. Required'

/** Absent for a kind that always goes to the same place. */
export const recipientFields = {
  number: z.string().max(200).nullish().meta({ example: '5521988887777', description: recipient }),
  to: z.string().max(200).nullish().meta({ example: '5521988887777', description: 'The same as `number`, which wins' }),
}

/** All that reactions and stories take. */
export const plainFields = {
  source: z.string().max(256).nullish().meta({ example: 'crm', description: 'Label repeated in the event; default `api`' }),
}

export const commonFields = {
  delay: z.int().min(0).nullish().meta({ example: 2, description: 'Seconds to show "typing…" before sending; more than 60 counts as 60' }),
  replyTo: z.string().max(256).nullish().meta({ example: '3EB0A1B2C3D4E5F60718', description: 'Id of the message to quote' }),
  replyPrivate: z
    .boolean()
    .nullish()
    .meta({ example: false, description: 'With `replyTo` on a group message: answers its author in private' }),
  ...plainFields,
}

/** Of text and media. */
export const mentionFields = {
  mention: z
    .array(z.string().max(200))
    .max(1024)
    .nullish()
    .meta({ example: ['5521988887777'], description: 'Numbers to mention. Groups only' }),
  mentionAll: z.boolean().nullish().meta({ example: false, description: 'Notifies every participant. Groups only' }),
}

const everyField = z.object({ ...recipientFields, ...commonFields, ...mentionFields })
export type CommonBody = z.infer<typeof everyField>
