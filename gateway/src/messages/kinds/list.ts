/** A menu behind a button, of which one row is chosen. */
import { z } from 'zod'
import { ApiError } from '../../http/errors.ts'
import { MAX_ID, MAX_LABEL } from './interactive-buttons.ts'
import { interactive, textHeader } from './interactive-wire.ts'
import type { Composed, Composing, OutgoingKind } from './kind.ts'
import { MAX_TEXT } from './text.ts'

const MAX_SECTIONS = 10
const MAX_ROWS = 10
const MAX_LINE = 1_024

const row = z.object({
  id: z
    .string()
    .nullish()
    .meta({ example: 'bill', description: `Comes back when it is chosen, up to ${MAX_ID} characters. Required` }),
  title: z.string().max(MAX_LABEL).nullish().meta({ example: 'Billing', description: 'Required' }),
  description: z.string().max(MAX_LINE).nullish().meta({ example: 'Invoices' }),
})

const section = z.object({
  title: z.string().max(MAX_LABEL).nullish().meta({ example: 'Help', description: 'Required when there are several' }),
  rows: z
    .array(row)
    .nullish()
    .meta({ description: `One to ${MAX_ROWS}. Required` }),
})

const body = z.object({
  contentText: z.string().max(MAX_TEXT).nullish().meta({ example: 'Choose a topic', description: 'Text above the button. Required' }),
  buttonText: z
    .string()
    .max(MAX_LABEL)
    .nullish()
    .meta({ example: 'Open', description: 'Label of the button that opens the list. Required' }),
  sections: z
    .array(section)
    .nullish()
    .meta({
      example: [{ title: 'Help', rows: [{ id: 'bill', title: 'Billing', description: 'Invoices' }] }],
      description: `One to ${MAX_SECTIONS}. Required`,
    }),
  headerText: z.string().max(MAX_LINE).nullish().meta({ example: 'Support' }),
  footerText: z.string().max(MAX_LINE).nullish().meta({ example: 'Mon–Fri' }),
})

type Body = z.infer<typeof body>

export const outgoingList = {
  id: 'message.list',
  needs: ['interactive'],
  path: '/api/message/list/:instance',
  summary: 'Send a list',
  description: 'The row that is chosen comes back as `message.exchange` of type `list_response`.',
  body,
  errors: [
    { status: 400, message: 'ContentText is required' },
    { status: 400, message: 'ButtonText is required' },
    { status: 400, message: 'At least one section is required' },
    { status: 400, message: `At most ${MAX_SECTIONS} sections are allowed` },
    { status: 400, message: 'Section title is required' },
    { status: 400, message: 'At least one row per section is required' },
    { status: 400, message: `At most ${MAX_ROWS} rows per section are allowed` },
    { status: 400, message: 'Row id is required' },
    { status: 400, message: `Row id must have at most ${MAX_ID} characters` },
    { status: 400, message: 'Row title is required' },
    { status: 400, message: 'Row ids must be unique' },
  ],
  check({ contentText, buttonText, sections }: Body) {
    if (!contentText?.trim()) throw new ApiError(400, 'ContentText is required')
    if (!buttonText?.trim()) throw new ApiError(400, 'ButtonText is required')
    if (!sections?.length) throw new ApiError(400, 'At least one section is required')
    if (sections.length > MAX_SECTIONS) throw new ApiError(400, `At most ${MAX_SECTIONS} sections are allowed`)
    const ids = new Set<string>()
    for (const { title, rows } of sections) {
      if (sections.length > 1 && !title?.trim()) throw new ApiError(400, 'Section title is required')
      if (!rows?.length) throw new ApiError(400, 'At least one row per section is required')
      if (rows.length > MAX_ROWS) throw new ApiError(400, `At most ${MAX_ROWS} rows per section are allowed`)
      for (const { id, title } of rows) {
        if (!id?.trim()) throw new ApiError(400, 'Row id is required')
        if (id.trim().length > MAX_ID) throw new ApiError(400, `Row id must have at most ${MAX_ID} characters`)
        if (!title?.trim()) throw new ApiError(400, 'Row title is required')
        // Nobody could tell which of two was chosen.
        if (ids.has(id.trim())) throw new ApiError(400, 'Row ids must be unique')
        ids.add(id.trim())
      }
    }
  },
  async compose(body: Body, { contextInfo }: Pick<Composing, 'contextInfo'>): Promise<Composed> {
    const content = body.contentText ?? ''
    const sections = (body.sections ?? []).map(({ title, rows }) => ({
      title: title?.trim() ?? '',
      rows: (rows ?? []).map(({ id, title, description }) => ({
        id: id?.trim() ?? '',
        title: title?.trim() ?? '',
        description: description?.trim() ?? '',
      })),
    }))
    return {
      messageType: 'list',
      content,
      message: {
        interactiveMessage: interactive({
          header: textHeader(body.headerText?.trim()),
          body: content,
          footer: body.footerText?.trim(),
          buttons: [{ name: 'single_select', params: { title: body.buttonText?.trim(), sections } }],
          contextInfo,
        }),
      },
    }
  },
} satisfies OutgoingKind<typeof body>
