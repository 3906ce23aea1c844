import { cp, mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { bothDatabases } from '../toolkit/databases.ts'
import { eventually } from '../toolkit/eventually.ts'
import { startGateway } from '../toolkit/gateway.ts'
import { at, text } from '../toolkit/json.ts'
import { createInstance, scanQr, unlinkedLine } from '../toolkit/line.ts'
import { onStage } from '../toolkit/stage.ts'

onStage(
  'Linking a number',
  (stage) => {
    it('by QR: the phone scans, the instance is connected, the phone lists the device', async () => {
      const phone = await stage.phone({ name: 'Ana' })
      const receiver = await stage.receiver()
      const token = await createInstance(stage.account, 'by-qr', { webhookEnabled: true, webhookURL: receiver.url })
      const line = unlinkedLine(stage.gateway, phone, 'by-qr', token)
      expect(await line.listed()).toMatchObject({ status: 'disconnected', numberJid: null, connection: { state: 'disconnected' } })

      const answer = await line.api.get('/api/instance/connect/by-qr')
      expect(answer).toMatchObject({ status: 200, body: { success: true, message: 'QR code generated', status: 'qr' } })
      expect(text(answer.body, 'qrCodeBase64')).toMatch(/^data:image\/png;base64,iVBOR/)
      expect(await line.listed()).toMatchObject({ status: 'qr', connection: { state: 'qr' } })
      await receiver.next({ event: 'instance.state', data: { state: 'qr_ready', codes: (codes) => codes !== undefined } })

      await phone.scan(text(answer.body, 'qrCode'))
      await receiver.next({ event: 'instance.state', data: { state: 'connected', jid: phone.jid, instance: 'by-qr' } })
      await line.waitFor('connected')
      expect(await line.listed()).toMatchObject({ numberJid: phone.jid, connection: { state: 'connected', numberJid: phone.jid } })
      expect(await phone.devices()).toHaveLength(1)
    })

    it('by QR, which WhatsApp has replaced when it is scanned: the new one is told and links', async () => {
      const phone = await stage.phone()
      const receiver = await stage.receiver()
      const token = await createInstance(stage.account, 'replaced', { webhookEnabled: true, webhookURL: receiver.url })
      const line = unlinkedLine(stage.gateway, phone, 'replaced', token)
      const shown = async () => text((await line.api.get('/api/instance/connect/replaced')).body, 'qrCode')
      const first = await shown()
      await phone.scanInVain(first)
      const second = await eventually('another QR', async () => {
        const now = await shown()
        return now !== first && now
      })
      const [ref, ...parts] = first.split(',')
      const [sameRef, ...newParts] = second.split(',')
      expect(sameRef).toBe(ref)
      expect(newParts.map((part, n) => part === parts[n])).toEqual([true, true, false, true])
      await receiver.next({
        event: 'instance.state',
        data: { state: 'qr_ready', codes: (codes) => JSON.stringify(codes).includes(second) },
      })
      await phone.scan(second)
      await line.waitFor('connected')
      expect(await phone.devices()).toHaveLength(1)
    })

    it('and connecting again, with a client that WhatsApp calls outdated: it becomes the present one by itself', async () => {
      const phone = await stage.phone()
      const line = unlinkedLine(stage.gateway, phone, 'outdated', await createInstance(stage.account, 'outdated'))
      try {
        await stage.simulator.requireRevision(2_000_000_000)
        await scanQr(line)
        await line.waitFor('connected')
        // The version is the process's, and the next one begins with the library's again.
        await stage.gateway.restart()
        await line.waitFor('connected')
        expect(await line.text((await stage.phone()).number, 'Up to date')).toMatchObject({ status: 200 })
      } finally {
        await stage.simulator.requireRevision(0)
      }
    })

    it('by pairing code: the person types the eight characters', async () => {
      const phone = await stage.phone()
      const line = unlinkedLine(stage.gateway, phone, 'by-code', await createInstance(stage.account, 'by-code'))
      const answer = await line.api.get(`/api/instance/connect/by-code?number=${phone.number}`)
      expect(answer).toMatchObject({ status: 200, body: { success: true, message: 'Pairing code generated', status: 'pairing_code' } })
      expect(text(answer.body, 'pairingCode')).toMatch(/^[A-Z0-9]{8}$/)
      await phone.typePairingCode(text(answer.body, 'pairingCode'))
      await line.waitFor('connected')
      expect(await line.listed()).toMatchObject({ numberJid: phone.jid })
    })

    it('connect on a connected instance leaves the session alone', async () => {
      const line = await stage.line('already')
      expect(await line.api.get('/api/instance/connect/already')).toMatchObject({
        status: 200,
        body: { success: true, message: 'Instance already connected', status: 'connected' },
      })
      expect(await line.phone.devices()).toHaveLength(1)
    })

    it('a second connect while a QR waits answers at once with a QR that works', async () => {
      const phone = await stage.phone()
      const line = unlinkedLine(stage.gateway, phone, 'twice', await createInstance(stage.account, 'twice'))
      await line.api.get('/api/instance/connect/twice')
      await scanQr(line)
      await line.waitFor('connected')
    })

    it('refuses a wrong number and a wrong history', async () => {
      await createInstance(stage.account, 'wrong')
      expect(await stage.account.get('/api/instance/connect/wrong?number=12')).toMatchObject({
        status: 400,
        body: { success: false, error: { message: 'Invalid phone number' } },
      })
      for (const history of ['0', '366', 'many'])
        expect(await stage.account.get(`/api/instance/connect/wrong?history=${history}`)).toMatchObject({
          status: 400,
          body: { error: { message: 'Invalid history value' } },
        })
    })

    it('logout unlinks the device; reconnect no longer works, a new QR does', async () => {
      const line = await stage.line('bye')
      const goodbye = { status: 200, body: { success: true, message: 'Instance logged out', instance: { status: 'loggedout' } } }
      expect(await line.api.delete('/api/instance/logout/bye')).toMatchObject(goodbye)
      expect(await line.phone.devices()).toEqual([])
      expect(await line.listed()).toMatchObject({ status: 'loggedout' })
      expect(await line.api.delete('/api/instance/logout/bye')).toMatchObject(goodbye)
      expect(await line.api.post('/api/instance/reconnect/bye')).toMatchObject({
        status: 400,
        body: { error: { message: 'Instance has no saved session — call /connect first' } },
      })
      await scanQr(line)
      await line.waitFor('connected')
      expect(await line.phone.devices()).toHaveLength(1)
    })

    it('reconnect uses the saved session', async () => {
      const line = await stage.line('again')
      expect(await line.api.post('/api/instance/reconnect/again')).toMatchObject({
        status: 200,
        body: { success: true, message: 'Reconnect initiated', status: 'connecting' },
      })
      await line.waitFor('connected')
      expect(await line.phone.devices()).toHaveLength(1)
    })

    it('unlinked on the phone: the instance is logged out and says so', async () => {
      const receiver = await stage.receiver()
      const line = await stage.line('unlinked', { webhookEnabled: true, webhookURL: receiver.url })
      const [device] = await line.phone.devices()
      await line.phone.unlink(device?.id ?? 0)
      await receiver.next({ event: 'instance.state', data: { state: 'logged_out' } })
      await line.waitFor('loggedout')
    })

    it('a lost connection comes back by itself', async () => {
      const receiver = await stage.receiver()
      const line = await stage.line('lost', { webhookEnabled: true, webhookURL: receiver.url })
      await receiver.next({ event: 'instance.state', data: { state: 'connected' } })
      await stage.simulator.fault({ match: { phone: line.phone.number }, action: 'close', times: 1 })
      await receiver.next({ event: 'instance.state', data: { state: 'disconnected' } })
      await receiver.next({ event: 'instance.state', data: { state: 'connected' } })
      expect((await line.text((await stage.phone()).number, 'back')).status).toBe(200)
    })

    it('after a restart of the gateway the instance is back without a QR', async () => {
      const line = await stage.line('restarted')
      await stage.gateway.restart()
      await line.waitFor('connected')
      expect(await line.phone.devices()).toMatchObject([{ connected: true }])
      expect((await line.text((await stage.phone()).number, 'still here')).status).toBe(200)
    })
  },
  { databases: bothDatabases },
)

onStage('Two gateways with the session of one number', (stage) => {
  it('the newer login wins; the older one reports stream_replaced and keeps away', async () => {
    const receiver = await stage.receiver()
    const line = await stage.line('contested', { webhookEnabled: true, webhookURL: receiver.url })
    await stage.gateway.stop()
    const copy = await mkdtemp(join(tmpdir(), 'ryzeapi-copy-'))
    await cp(stage.gateway.dataDir, copy, { recursive: true })
    await stage.gateway.restart()
    await line.waitFor('connected')

    const rival = await startGateway({ network: stage.simulator.url, dataDir: copy })
    try {
      const replaced = await receiver.next({ event: 'instance.state', data: { state: 'stream_replaced' } })
      expect(at(replaced, 'instanceData.instance')).toBe('contested')
      await line.waitFor('disconnected')
      const rivalLine = unlinkedLine(rival, line.phone, line.name, line.token)
      await rivalLine.waitFor('connected')
      // The older one may not take the line back: that would be a fight without end.
      const since = await stage.simulator.trafficCursor()
      expect((await rivalLine.text((await stage.phone()).number, 'mine now')).status).toBe(200)
      await eventually(
        'the message to be on its way',
        async () => (await stage.simulator.traffic({ after: since, phone: line.phone.number, tag: 'message', direction: 'in' })).length > 0,
      )
      expect(await line.listed()).toMatchObject({ status: 'disconnected' })
      expect(await rivalLine.listed()).toMatchObject({ status: 'connected' })
    } finally {
      await rival.dispose()
    }
  })
})
