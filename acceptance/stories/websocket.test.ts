/** Clients of `/ws/:instance` that come and go; configuration and the handshake's other refusals are told in events.test.ts. */
import { expect, it } from 'vitest'
import { adminToken } from '../toolkit/gateway.ts'
import { at, type Json, text } from '../toolkit/json.ts'
import { createInstance } from '../toolkit/line.ts'
import { openSocket, type Socket } from '../toolkit/socket.ts'
import { onStage } from '../toolkit/stage.ts'

const isMessage = (event: Json) => at(event, 'event') === 'message.exchange'

onStage(
  'A WebSocket client',
  (stage) => {
    const open = (name: string, token: string, options: { after?: string; origin?: string } = {}) =>
      openSocket(stage.gateway.url, name, token, options)

    it('that comes back with the id of its last event gets every event once, over restarts and kills of the gateway', async () => {
      const line = await stage.line('loyal', { websocketEnabled: true, websocketEvents: ['message.exchange'] })
      const friends = [await stage.phone(), await stage.phone()]
      const sent: string[] = []
      const send = async (count: number) => {
        for (let n = 0; n < count; n++)
          for (const friend of friends) sent.push(await friend.send(line.phone.number, `message ${sent.length}`))
      }
      const seen: Json[] = []
      /** Hangs up once it has the message, as a client would that crashes right after. */
      const leave = async (socket: Socket, id: string | undefined) => {
        await socket.next({ data: { id: id ?? '' } })
        socket.close()
        await socket.closed
        seen.push(...socket.events())
        return text(seen.at(-1) ?? null, 'id')
      }

      const first = await open('loyal', line.token)
      await send(3)
      let after = await leave(first, sent[3])
      await send(3)
      await stage.gateway.restart()
      const second = await open('loyal', line.token, { after })
      await line.waitFor('connected')
      await send(2)
      after = await leave(second, sent.at(-2))
      const sending = send(5)
      await stage.gateway.kill()
      await sending
      await stage.gateway.restart()
      const third = await open('loyal', line.token, { after })
      await line.waitFor('connected')
      await send(1)
      await expect.poll(() => [...seen, ...third.events()].length, { timeout: 30_000 }).toBeGreaterThanOrEqual(sent.length)
      third.close()
      await third.closed
      seen.push(...third.events())

      expect(seen.every(isMessage)).toBe(true)
      const messages = seen.map((event) => text(event, 'data.id'))
      expect([...messages].sort()).toEqual([...sent].sort())
      const ids = seen.map((event) => text(event, 'id'))
      expect(ids).toEqual([...ids].sort())
    })

    it('is refused with an id that cannot be, and from a page the account does not list', async () => {
      const token = await createInstance(stage.account, 'choosy', { websocketEnabled: true })
      const refusal = (options: { after?: string; origin?: string }) => open('choosy', token, options).catch((error: unknown) => error)
      expect(await refusal({ after: 'yesterday' })).toMatchObject({ status: 400, body: { error: { message: 'Invalid event id' } } })
      expect(await refusal({ origin: 'https://evil.example' })).toMatchObject({
        status: 403,
        body: { success: false, error: { message: 'Origin not allowed' } },
      })
      const socket = await open('choosy', token, { origin: stage.gateway.url })
      socket.close()
    })

    it('is told 4001 when its account token is replaced, 4004 when the instance is deleted', async () => {
      const admin = stage.gateway.api(adminToken)
      const created = (await admin.post('/admin/accounts', { name: 'short-lived' })).body
      const account = stage.gateway.api(text(created, 'token'))
      const token = await createInstance(account, 'brief', { websocketEnabled: true })
      const [byAccount, byInstance] = [await open('brief', text(created, 'token')), await open('brief', token)]
      const rotated = await admin.post(`/admin/accounts/${text(created, 'account.id')}/token`)
      expect(await byAccount.closed).toBe(4001)
      await stage.gateway.api(text(rotated.body, 'token')).delete('/api/instance/delete/brief')
      expect(await byInstance.closed).toBe(4004)
    })
  },
  { databases: ['SQLite', 'PostgreSQL'] },
)
