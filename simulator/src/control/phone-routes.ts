/** Phones: making them, linking companions to them, switching them off and on. */
import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import type { Device } from '../accounts/account.ts'
import { type Person, requireOnline } from '../phones.ts'
import { node } from '../wire/nodes.ts'
import { ControlError } from './control-error.ts'
import type { ControlParts } from './control-parts.ts'
import { personOf } from './path-parameters.ts'

const newPhone = z.object({
  number: z.string().regex(/^[1-9]\d{6,14}$/, 'international digits'),
  name: z.string().max(100).default(''),
  business: z.boolean().default(false),
  echo: z.boolean().default(false),
})
const change = z
  .object({
    online: z.boolean(),
    name: z.string().max(100),
    about: z.string().max(139),
    /** Base64; null takes it away. */
    picture: z.base64().nullable(),
    privacy: z.record(z.string(), z.string()),
    autoRead: z.boolean(),
    echo: z.boolean(),
    /** Whoever goes by one shows nobody the number; null: by number again. */
    username: z.string().min(3).max(35).nullable(),
    /** What a business says about itself; only of phones made with `business`. */
    businessProfile: z.strictObject({
      description: z.string().max(512).optional(),
      category: z.string().max(100).optional(),
      address: z.string().max(256).optional(),
      email: z.string().max(128).optional(),
      website: z.string().max(256).optional(),
    }),
  })
  .partial()
  .strict()
/** `refresh`: WhatsApp has the companion show another code, which alone links it. */
const scanned = z.object({ qr: z.string(), refresh: z.boolean().default(false) })
const typed = z.object({ code: z.string().min(1) })
const withDevice = z.object({ id: z.coerce.number().int() })

export function phoneRoutes(api: FastifyInstance, { phones, services }: ControlParts): void {
  api.post('/phones', async (request, reply) => {
    const person = await phones.create(newPhone.parse(request.body))
    return reply.status(201).send(describePhone(person))
  })

  api.get('/phones', async () => phones.all().map(describePhone))

  api.get('/phones/:number', async (request) => describePhone(personOf(phones, request.params)))

  api.patch('/phones/:number', async (request) => {
    const person = personOf(phones, request.params)
    const { online, name, about, picture, privacy, autoRead, echo, username, businessProfile } = change.parse(request.body)
    if (privacy !== undefined) changePrivacy(person, privacy)
    if (name !== undefined) phones.rename(person, name)
    if (about !== undefined) phones.setAbout(person, about)
    if (picture !== undefined) phones.setPicture(person, picture === null ? undefined : Buffer.from(picture, 'base64'))
    if (businessProfile !== undefined) describeBusiness(person, businessProfile)
    if (autoRead !== undefined) person.phone.configure({ autoRead })
    if (username !== undefined) person.account.username = username ?? undefined
    if (echo !== undefined) person.phone.configure({ echo })
    if (online !== undefined) phones.setOnline(person, online)
    return describePhone(person)
  })

  api.post('/phones/:number/scan', async (request, reply) => {
    const person = personOf(phones, request.params)
    const { qr, refresh } = scanned.parse(request.body)
    if (!refresh) return describeDevice(await phones.scan(person, qr))
    await phones.scanInVain(person, qr)
    return reply.status(202).send({ linked: false })
  })

  api.post('/phones/:number/pairing-code', async (request) => {
    const person = personOf(phones, request.params)
    return describeDevice(await phones.typeCode(person, typed.parse(request.body).code))
  })

  api.delete('/phones/:number/devices/:id', async (request, reply) => {
    const person = personOf(phones, request.params)
    const { id } = withDevice.parse(request.params)
    const device = person.account.devices.get(id)
    if (device === undefined || device.isPhone) throw new ControlError(404, `${person.account.number} has no companion ${id}`)
    requireOnline(person)
    services.unlink(device)
    return reply.status(204).send()
  })

  function changePrivacy(person: Person, settings: Record<string, string>): void {
    for (const [category, value] of Object.entries(settings)) {
      if (!person.account.privacy.set(category, value)) throw new ControlError(400, `privacy has no ${category}=${value}`)
    }
    const categories = Object.entries(settings).map(([name, value]) => node('category', { name, value }))
    services.notifier.toOwnDevices(person.account, undefined, 'account_sync', [node('privacy', {}, categories)])
  }
}

function describePhone({ account, line }: Person) {
  const { number, jid, lid, name, business } = account
  return { number, jid, lid, name, business, online: line.online, devices: account.companions().map(describeDevice) }
}

function describeDevice(device: Device) {
  const { id, platform, linkedAt } = device
  return { id, platform, linkedAt, connected: device.connection !== undefined }
}

function describeBusiness({ account }: Person, said: Record<string, string | undefined>): void {
  if (!account.business) throw new ControlError(409, `${account.number} is no business`)
  for (const [field, value] of Object.entries(said)) if (value !== undefined) account.businessProfile[field] = value
}
