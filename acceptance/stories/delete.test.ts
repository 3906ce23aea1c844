import { setTimeout as pause } from 'node:timers/promises'
import { expect, it } from 'vitest'
import type { Answer } from '../toolkit/api.ts'
import { bothDatabases, openStoredData, rowsOf } from '../toolkit/databases.ts'
import { eventually } from '../toolkit/eventually.ts'
import { at, list, text } from '../toolkit/json.ts'
import { createInstance, linkedLine, scanQr, unlinkedLine } from '../toolkit/line.ts'
import { openSocket } from '../toolkit/socket.ts'
import { onStage, type Stage } from '../toolkit/stage.ts'

const deleted = { status: 200, body: { success: true, message: 'Instance deleted', instance: { status: 'deleted' } } }
const notFound = { status: 404, body: { success: false, error: { message: 'Instance not found' } } }
const invalidToken = { status: 401, body: { success: false, error: { message: 'Invalid token' } } }

onStage(
  'Deleting an instance',
  (stage) => {
    const remove = (name: string) => stage.account.delete(`/api/instance/delete/${name}`)
    const idOf = async (name: string) => text((await stage.account.get(`/api/instance/list?instanceName=${name}`)).body, 'instances.0.id')

    /** Its token is dead, its name unknown, and no table holds a row of it. */
    const expectGone = async (name: string, token: string, id: string) => {
      expect(await stage.gateway.api(token).get('/api/instance/list')).toMatchObject(invalidToken)
      expect(await stage.account.get(`/api/instance/list?instanceName=${name}`)).toMatchObject(notFound)
      expect(await remove(name)).toMatchObject(notFound)
      await expectNoRows(stage, id)
    }

    it('that is connected: the device leaves the phone, everything is gone, clients are closed', async () => {
      const receiver = await stage.receiver()
      const friend = await stage.phone()
      const line = await stage.line('connected', {
        webhookEnabled: true,
        webhookURL: receiver.url,
        websocketEnabled: true,
        proxyEnabled: false,
        s3Enabled: true,
        s3Bucket: 'b',
        s3AccessKey: 'a',
        s3SecretKey: 's',
        autoReadMessages: true,
      })
      const sent = text((await line.text(friend.number, 'Last words')).body, 'data.messageId')
      await receiver.next({ event: 'message.exchange', data: { id: sent } })
      await friend.send(line.phone.number, 'Noted')
      await receiver.next({ event: 'message.exchange', data: { message: { content: 'Noted' } } })
      const socket = await openSocket(stage.gateway.url, line.name, line.token)
      const id = await idOf(line.name)

      const answer = await remove(line.name)
      expect(answer.status).toBe(200)
      expect(answer.body).toEqual(deleted.body)
      expect(await socket.closed).toBe(4004)
      expect(await line.phone.devices()).toEqual([])
      await expectGone(line.name, line.token, id)
    })

    it('that was never connected', async () => {
      const token = await createInstance(stage.account, 'never')
      const id = await idOf('never')
      expect(await remove('never')).toMatchObject(deleted)
      await expectGone('never', token, id)
    })

    it('that waits for its QR: the QR is dead too', async () => {
      const token = await createInstance(stage.account, 'waiting')
      const id = await idOf('waiting')
      const qr = text((await stage.account.get('/api/instance/connect/waiting')).body, 'qrCode')
      expect(await remove('waiting')).toMatchObject(deleted)
      await expectGone('waiting', token, id)
      await expect((await stage.phone()).scan(qr)).rejects.toThrow('400')
    })

    it('that is just connecting', async () => {
      const line = await stage.line('connecting')
      const id = await idOf(line.name)
      const restore = await stage.simulator.fault({ action: 'delay', ms: 2_000, match: { phone: line.phone.number, direction: 'out' } })
      await line.api.post('/api/instance/reconnect/connecting')
      expect(await line.listed()).toMatchObject({ status: 'connecting' })
      expect(await remove(line.name)).toMatchObject(deleted)
      await restore()
      await expectGone(line.name, line.token, id)
    })

    it('while its connect request still waits for a QR', async () => {
      const token = await createInstance(stage.account, 'asking')
      const id = await idOf('asking')
      const restore = await stage.simulator.fault({ action: 'silence' })
      const asked = stage.account.get('/api/instance/connect/asking')
      await eventually(
        'the instance to be connecting',
        async () => at((await stage.account.get('/api/instance/list?instanceName=asking')).body, 'instances.0.status') === 'connecting',
      )
      expect(await remove('asking')).toMatchObject(deleted)
      expect((await asked).status).toBeGreaterThanOrEqual(400)
      await restore()
      await expectGone('asking', token, id)
    })

    it('that is logged out, and one unlinked on the phone', async () => {
      const left = await stage.line('left')
      const leftId = await idOf('left')
      await left.api.delete('/api/instance/logout/left')
      expect(await remove('left')).toMatchObject(deleted)
      await expectGone('left', left.token, leftId)

      const cut = await stage.line('cut')
      const cutId = await idOf('cut')
      await cut.phone.unlink((await cut.phone.devices())[0]?.id ?? 0)
      await cut.waitFor('loggedout')
      expect(await remove('cut')).toMatchObject(deleted)
      await expectGone('cut', cut.token, cutId)
    })

    it('while messages flow in both directions', async () => {
      const receiver = await stage.receiver()
      const friend = await stage.phone()
      const line = await stage.line('busy', { webhookEnabled: true, webhookURL: receiver.url })
      const id = await idOf('busy')
      let flowing = true
      const outgoing: Answer[] = []
      // Not as fast as can be: on a busy machine what is waited for would stand in an ever longer line.
      const flow = async (send: (n: number) => Promise<void>) => {
        for (let n = 0; flowing; n += 1) {
          await send(n)
          await pause(50)
        }
      }
      const flows = Promise.all([
        flow(async (n) => void outgoing.push(await line.text(friend.number, `out ${n}`))),
        flow(async (n) => void (await friend.send(line.phone.number, `in ${n}`))),
      ])
      try {
        await receiver.next({ event: 'message.exchange', data: { message: { content: 'in 5' } } })
        await receiver.next({ event: 'message.exchange', data: { message: { content: 'out 5' } } })
        expect(await remove('busy')).toMatchObject(deleted)
      } finally {
        flowing = false
        await flows
      }
      // Whoever was sending is told that the instance is going or gone, never that the gateway broke.
      expect([...new Set(outgoing.map(({ status }) => status))].filter((status) => ![200, 401, 404, 503].includes(status))).toEqual([])
      expect(await line.phone.devices()).toEqual([])
      await expectGone('busy', line.token, id)
    })

    it('while WhatsApp is silent: answers within 12 seconds', async () => {
      const line = await stage.line('silent')
      const id = await idOf('silent')
      const restore = await stage.simulator.fault({ action: 'silence', match: { phone: line.phone.number } })
      const began = Date.now()
      expect(await remove('silent')).toMatchObject(deleted)
      expect(Date.now() - began).toBeLessThan(12_000)
      await restore()
      await expectGone('silent', line.token, id)
    })

    it('while WhatsApp cannot be reached at all', async () => {
      const line = await stage.line('unreachable')
      const id = await idOf('unreachable')
      const restore = await stage.simulator.fault({ action: 'refuse-connections' })
      await stage.simulator.fault({ action: 'close', match: { phone: line.phone.number }, times: 1 })
      await eventually('the connection to be lost', async () => at(await line.listed(), 'status') !== 'connected')
      const began = Date.now()
      expect(await remove('unreachable')).toMatchObject(deleted)
      expect(Date.now() - began).toBeLessThan(12_000)
      await restore()
      await expectGone('unreachable', line.token, id)
    })

    it('twice at once: one says deleted, the other deleted or not found', async () => {
      const line = await stage.line('double')
      const id = await idOf('double')
      const answers = await Promise.all([remove('double'), remove('double')])
      const statuses = answers.map(({ status }) => status).sort()
      expect(statuses[0]).toBe(200)
      expect([200, 404]).toContain(statuses[1])
      await expectGone('double', line.token, id)
    })

    it('and creating it again at once: a new instance that shares nothing with the old one', async () => {
      const old = await stage.line('phoenix', { autoReadMessages: true })
      const id = await idOf('phoenix')
      const friend = await stage.phone()
      await old.text(friend.number, 'The old one')
      expect(await remove('phoenix')).toMatchObject(deleted)

      const other = await stage.phone()
      const line = await linkedLine(stage.gateway, stage.account, other, 'phoenix')
      expect(await line.listed()).toMatchObject({ numberJid: other.jid })
      expect(await idOf('phoenix')).not.toBe(id)
      expect(line.token).not.toBe(old.token)
      expect(await old.api.get('/api/instance/list')).toMatchObject(invalidToken)
      expect((await line.api.get('/api/instance/getSettings/phoenix')).body).toMatchObject({ settings: { autoReadMessages: false } })
      expect((await line.api.get('/api/instance/metrics/phoenix')).body).toMatchObject({ metrics: { totalMessages: 0 } })
      expect((await line.text(friend.number, 'The new one')).status).toBe(200)
      expect(await friend.next({ text: 'The new one' })).toMatchObject({ from: other.jid })
      await expectNoRows(stage, id)
    })

    it('is the account owner’s alone', async () => {
      const line = await stage.line('mine')
      expect(await line.api.delete('/api/instance/delete/mine')).toMatchObject(invalidToken)
      expect(await stage.gateway.api().delete('/api/instance/delete/mine')).toMatchObject(invalidToken)
      expect(await stage.gateway.api('nobody').delete('/api/instance/delete/mine')).toMatchObject(invalidToken)
      expect(await remove('no-such-instance')).toMatchObject(notFound)
      expect(await line.listed()).toMatchObject({ status: 'connected' })
    })

    it('takes only its own rows', async () => {
      const [one, other] = [await stage.line('one'), await stage.line('other')]
      const friend = await stage.phone()
      await one.text(friend.number, 'from one')
      await other.text(friend.number, 'from other')
      await remove('one')
      expect((await other.text(friend.number, 'still here')).status).toBe(200)
      expect(await stage.account.get('/api/instance/metrics/other')).toMatchObject({ body: { metrics: { messagesSent: 2 } } })
    })
  },
  { databases: bothDatabases },
)

onStage(
  'A gateway killed while it deletes',
  (stage) => {
    const remove = (name: string) => stage.account.delete(`/api/instance/delete/${name}`)

    it('in the middle of the log-out: the deletion is finished at the next start', async () => {
      const line = await stage.line('interrupted')
      const id = text((await stage.account.get('/api/instance/list?instanceName=interrupted')).body, 'instances.0.id')
      // WhatsApp never hears the log-out, so the gateway waits for its answer.
      const restore = await stage.simulator.fault({ action: 'silence', match: { phone: line.phone.number } })
      const answer = remove('interrupted').catch(() => null)
      await eventually('the deletion to have begun', async () => (await line.api.get('/api/instance/list')).status === 401)
      await stage.gateway.kill()
      expect(await answer).toBeNull()
      await restore()
      await stage.gateway.restart()
      expect(await line.api.get('/api/instance/list')).toMatchObject(invalidToken)
      expect(await stage.account.get('/api/instance/list?instanceName=interrupted')).toMatchObject(notFound)
      await eventually('the device to leave the phone', async () => (await line.phone.devices()).length === 0)
      await eventually('the last row to be gone', async () => (await rowsLeft(stage, id)) === 0)
      const other = await stage.phone()
      expect(await (await linkedLine(stage.gateway, stage.account, other, 'interrupted')).listed()).toMatchObject({ numberJid: other.jid })
    })

    it.each(['marked', 'logged-out', 'erased', 'forgotten'])(
      'once it is %s: it is gone, and the name paired anew at once',
      async (step) => {
        const name = `killed-${step}`
        const friend = await stage.phone()
        const line = await stage.line(name)
        await line.text(friend.number, 'a row or two')
        const id = text(await line.listed(), 'id')
        await stage.gateway.killAt(`ryzeapi:deletion.${step}`, id)
        expect(await remove(name).catch(() => null)).toBeNull()
        expect(await stage.gateway.exited()).toEqual({ code: null, signal: 'SIGKILL' })

        await stage.gateway.restart()
        expect(await line.api.get('/api/instance/list')).toMatchObject(invalidToken)
        expect(await remove(name)).toMatchObject(notFound)
        const other = await stage.phone()
        const heir = await linkedLine(stage.gateway, stage.account, other, name)
        expect(await heir.listed()).toMatchObject({ numberJid: other.jid })
        await eventually('the last row to be gone', async () => (await rowsLeft(stage, id)) === 0)
        await eventually('the device to leave the phone', async () => (await line.phone.devices()).length === 0)
        // What finished the old one has left the new one alone.
        expect((await heir.text(friend.number, 'the new one')).status).toBe(200)
        expect(await other.devices()).toMatchObject([{ connected: true }])
      },
    )

    it('at any other moment: after the restart it is either whole or gone', async () => {
      const friend = await stage.phone()
      for (const [round, wait] of [0, 5, 20].entries()) {
        const line = await stage.line(`moment-${round}`)
        await line.text(friend.number, 'a row or two')
        const id = text(await line.listed(), 'id')
        const answer = remove(line.name).catch(() => null)
        await new Promise((resolve) => setTimeout(resolve, wait))
        await stage.gateway.kill()
        const answered = await answer
        await stage.gateway.restart()
        const after = await eventually(`moment ${wait} ms to be settled`, async () => {
          const found = await stage.account.get(`/api/instance/list?instanceName=${line.name}`)
          if (found.status === 404) return 'gone'
          return at(found.body, 'instances.0.status') === 'connected' && 'whole'
        })
        if (answered !== null) expect(after).toBe('gone')
        if (after === 'whole') expect((await line.text(friend.number, 'alive')).status).toBe(200)
        else await eventually('the last row to be gone', async () => (await rowsLeft(stage, id)) === 0)
        if (after === 'whole') expect(await remove(line.name)).toMatchObject(deleted)
        expect((await stage.account.post('/api/instance/new', { name: line.name })).status).toBe(201)
      }
    })
  },
  { databases: bothDatabases, killable: true },
)

const expectNoRows = async (stage: Stage, id: string) => {
  const { data, close } = await look(stage)
  expect(await data.tables()).toContain('signal_records')
  expect(await rowsOf(data, id)).toEqual({})
  await close()
}

const rowsLeft = async (stage: Stage, id: string): Promise<number> => {
  const { data, close } = await look(stage)
  const rows = await rowsOf(data, id)
  await close()
  return Object.values(rows).reduce((sum, count) => sum + count, 0)
}

/** Into the database itself. */
const look = async ({ gateway }: Stage) => {
  const data = await openStoredData(gateway.dataDir, gateway.databaseUrl)
  return { data, close: data.close }
}

onStage('Deleting many', (stage) => {
  it('ten linked instances at once', async () => {
    const names = Array.from({ length: 10 }, (_, index) => `many-${index}`)
    await Promise.all(
      names.map(async (name) => {
        const line = unlinkedLine(stage.gateway, await stage.phone(), name, await createInstance(stage.account, name))
        await scanQr(line)
        await line.waitFor('connected')
      }),
    )
    const answers = await Promise.all(names.map((name) => stage.account.delete(`/api/instance/delete/${name}`)))
    expect(answers.map(({ status }) => status)).toEqual(names.map(() => 200))
    expect(list((await stage.account.get('/api/instance/list')).body, 'instances')).toEqual([])
  })
})
