/** Many linked instances on one gateway. */
import { setTimeout as pause } from 'node:timers/promises'
import { type Api, createApi } from '../acceptance/toolkit/api.ts'
import { eventually } from '../acceptance/toolkit/eventually.ts'
import { createAccount, type Gateway } from '../acceptance/toolkit/gateway.ts'
import { at, type Json } from '../acceptance/toolkit/json.ts'
import { linkedLine } from '../acceptance/toolkit/line.ts'
import type { Simulator } from '../acceptance/toolkit/simulator.ts'

const atOnce = 8

/** Links `count` instances, a phone each. */
export const linkFleet = async (gateway: Gateway, simulator: Simulator, account: Api, count: number): Promise<void> => {
  let next = 0
  const worker = async () => {
    while (next < count) {
      next += 1
      const phone = await simulator.phone()
      await linkedLine(gateway, account, phone, `line-${phone.number}`)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
}

export const benchAccount = async (gateway: Gateway): Promise<Api> => gateway.api(await createAccount(gateway, 'bench'))

/** Waits until that many companions are connected, seen from the network, so that the gateway is not made to work for it; then lets it settle. */
export const allConnected = async (simulatorUrl: string, count: number): Promise<void> => {
  await eventually(
    `${count} companions to be connected`,
    async () => {
      const phones = (await createApi(simulatorUrl).get('/phones')).body as Json[]
      return phones.filter((phone) => at(phone, 'devices.0.connected') === true).length === count
    },
    180_000,
  )
  await pause(3_000)
}
