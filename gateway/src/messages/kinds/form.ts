/**
 * A form that opens inside WhatsApp. There is a native-flow button `flow` which no phone shows ("not compatible with your version",
 * tulir/whatsmeow#1144); what WhatsApp's own business app sends, and phones show, is a single `galaxy_message` button with a form of its
 * templates (tulir/whatsmeow#1241, measured by its author in September 2026).
 */
import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { ApiError } from '../../http/errors.ts'
import { MAX_ID, MAX_LABEL } from './interactive-buttons.ts'
import { readParams, textIn } from './interactive-params.ts'
import { interactive } from './interactive-wire.ts'
import type { Composed, Composing, OutgoingKind } from './kind.ts'
import { MAX_TEXT } from './text.ts'

const formTypes = ['contact_details', 'registration_offer'] as const
type FormType = (typeof formTypes)[number]

const MAX_LINE = 1_024
const MAX_PARAMS = 65_536

/** WhatsApp's own template; its fields are switched on and off by the button. */
const TEMPLATE_FLOW = '3120538731449732'
/** Phones put these in the reader's language. */
const localLabels: Readonly<Record<FormType, string>> = {
  contact_details: '__localize:FLOWS_COMPLETE_FORM_BUTTON_TITLE',
  registration_offer: '__localize:FLOWS_SIGN_UP_BUTTON_TITLE',
}

const shown = (what: string) =>
  z
    .boolean()
    .nullish()
    .meta({ example: true, description: `Ask for ${what}; default \`true\`` })

const body = z.object({
  message: z.string().max(MAX_TEXT).nullish().meta({ example: 'Leave us your details', description: 'Text above the button. Required' }),
  formType: z.enum(formTypes).nullish().meta({ example: 'contact_details', description: 'Default `contact_details`' }),
  buttonLabel: z
    .string()
    .max(MAX_LABEL)
    .nullish()
    .meta({ example: 'Fill in', description: "Default: WhatsApp's own, in the reader's language" }),
  flowToken: z
    .string()
    .max(MAX_ID)
    .nullish()
    .meta({ example: 'lead-42', description: 'Comes back with the answer; made up when it is missing' }),
  flowId: z.string().max(MAX_ID).nullish().meta({ example: TEMPLATE_FLOW, description: "Default: WhatsApp's template" }),
  flowMessageVersion: z.string().max(16).nullish().meta({ example: '4', description: 'Default `4`' }),
  messageVersion: z.int().min(1).max(100).nullish().meta({ example: 3, description: 'Default 3' }),
  buttonParamsJSON: z
    .string()
    .max(MAX_PARAMS)
    .nullish()
    .meta({ description: 'The parameters of the button as they are, in JSON; all other fields of the flow are ignored then' }),
  fullNameVisible: shown('the name'),
  phoneNumberVisible: shown('the phone number'),
  emailVisible: shown('the e-mail address'),
  cpfOrCnpjVisible: shown('CPF or CNPJ'),
  deliveryAddressVisible: shown('the address'),
  offerName: z.string().max(MAX_LINE).nullish().meta({ example: 'Spring sale', description: 'Of a `registration_offer`' }),
  offerDescription: z.string().max(MAX_LINE).nullish().meta({ example: 'Be the first to hear of it' }),
})

type Body = z.infer<typeof body>

export const outgoingForm = {
  id: 'message.form',
  needs: ['interactive'],
  path: '/api/message/form/:instance',
  summary: 'Send a form',
  description:
    'Shown by WhatsApp on Android and iOS; elsewhere the text stands alone. What was filled in comes back as `message.exchange` of type `interactive`, with the `flow_token`.',
  body,
  answer: { flowToken: z.string().nullable() },
  errors: [
    { status: 400, message: 'Message is required' },
    { status: 400, message: 'ButtonParamsJSON must be a JSON object' },
  ],
  check({ message, buttonParamsJSON }: Body) {
    if (!message?.trim()) throw new ApiError(400, 'Message is required')
    if (buttonParamsJSON?.trim() && readParams(buttonParamsJSON) === null) throw new ApiError(400, 'ButtonParamsJSON must be a JSON object')
  },
  async compose(body: Body, { contextInfo }: Pick<Composing, 'contextInfo'>): Promise<Composed> {
    const content = body.message ?? ''
    const own = body.buttonParamsJSON?.trim()
    const params = own || JSON.stringify(templateParams(body))
    return {
      messageType: 'interactive',
      content,
      message: {
        interactiveMessage: interactive({
          body: content,
          buttons: [{ name: 'galaxy_message', params }],
          messageVersion: body.messageVersion ?? 3,
          contextInfo,
        }),
      },
      answer: { flowToken: textIn(readParams(params), 'flow_token') || null },
    }
  },
} satisfies OutgoingKind<typeof body>

const templateParams = (body: Body) => {
  const type = body.formType ?? 'contact_details'
  return {
    flow_message_version: body.flowMessageVersion?.trim() || '4',
    flow_id: body.flowId?.trim() || TEMPLATE_FLOW,
    flow_cta: body.buttonLabel?.trim() || localLabels[type],
    flow_action: 'navigate',
    flow_token: body.flowToken?.trim() || randomUUID(),
    form_type: 'template',
    flow_action_payload: {
      // The only screen the template has; an offer is what is written above its fields.
      screen: 'contact_details',
      data: {
        full_name_visible: body.fullNameVisible ?? true,
        phone_number_visible: body.phoneNumberVisible ?? true,
        email_visible: body.emailVisible ?? true,
        cpf_or_cnpj_visible: body.cpfOrCnpjVisible ?? true,
        delivery_address_visible: body.deliveryAddressVisible ?? true,
        ...(type === 'registration_offer' && body.offerName?.trim() ? { offer_name: body.offerName.trim() } : {}),
        ...(type === 'registration_offer' && body.offerDescription?.trim() ? { offer_description: body.offerDescription.trim() } : {}),
      },
    },
  }
}
