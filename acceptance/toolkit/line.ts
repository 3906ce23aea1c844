/** An instance and the phone it belongs to. */
import type { Answer, Api } from './api.ts'
import { eventually } from './eventually.ts'
import type { Gateway } from './gateway.ts'
import { type Json, list, matches, text } from './json.ts'
import type { Phone } from './simulator.ts'

export interface Line {
  readonly name: string
  readonly token: string
  readonly phone: Phone
  /** The REST API with the instance's own token. */
  readonly api: Api
  /** Sends a text; gives the answer. */
  text(number: string, message: string, more?: { [key: string]: Json }): Promise<Answer>
  /** Its item of `GET /api/instance/list`. */
  listed(): Promise<Json>
  waitFor(status: string, waitMs?: number): Promise<void>
}

/** Creates an instance with the account's token. Throws when it is refused. */
export const createInstance = async (account: Api, name: string, more: { [key: string]: Json } = {}): Promise<string> => {
  const answer = await account.post('/api/instance/new', { name, ...more })
  if (answer.status !== 201) throw new Error(`instance ${name}: ${answer.status} ${JSON.stringify(answer.body)}`)
  return text(answer.body, 'instance.token')
}

/** Creates an instance and links it to the phone by QR; resolves when it is connected. */
export const linkedLine = async (
  gateway: Gateway,
  account: Api,
  phone: Phone,
  name: string,
  more: { [key: string]: Json } = {},
): Promise<Line> => {
  const line = unlinkedLine(gateway, phone, name, await createInstance(account, name, more))
  await scanQr(line)
  await line.waitFor('connected')
  return line
}

/** Asks for a QR and scans it. */
export const scanQr = async (line: Line): Promise<void> => {
  const answer = await line.api.get(`/api/instance/connect/${line.name}`)
  if (answer.status !== 200) throw new Error(`connect ${line.name}: ${answer.status} ${JSON.stringify(answer.body)}`)
  await line.phone.scan(text(answer.body, 'qrCode'))
}

/** The verbs of a line for an instance that exists, whatever state it is in. */
export const unlinkedLine = (gateway: Gateway, phone: Phone, name: string, token: string): Line => {
  const api = gateway.api(token)
  const listed = async () => list((await api.get('/api/instance/list')).body, 'instances')[0] ?? null
  return {
    name,
    token,
    phone,
    api,
    listed,
    text: (number, message, more = {}) => api.post(`/api/message/text/${name}`, { number, message, ...more }),
    async waitFor(status, waitMs = 60_000) {
      let last: Json = null
      await eventually(
        `${name} to be ${status}`,
        async () => {
          last = await listed()
          return matches(last, { status })
        },
        waitMs,
      ).catch((error: Error) => {
        throw new Error(`${error.message}; it is ${JSON.stringify(last)}\n${gateway.output().slice(-4000)}`)
      })
    },
  }
}

/** Whether everything its webhooks were to be told has been taken, and that has been noted. */
export const nothingWaits = async (line: Line): Promise<boolean> =>
  list((await line.api.get(`/api/events/deliveries/${line.name}?state=waiting`)).body, 'deliveries').length === 0
