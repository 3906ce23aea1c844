/** Calls of our own: the phone rings, and stops. Calls of others: told on webhook and WebSocket, and turned away where that is wanted. */
import { expect, it } from 'vitest'
import { bothDatabases } from '../toolkit/databases.ts'
import { eventually } from '../toolkit/eventually.ts'
import { at, type Json, matches, type Pattern, text } from '../toolkit/json.ts'
import { openSocket } from '../toolkit/socket.ts'
import { onStage } from '../toolkit/stage.ts'

const refusal = (status: number, message: string) => ({ status, body: { success: false, error: { message } } })

onStage(
  'Calls',
  (stage) => {
    it('ring a phone and hang up by themselves', async () => {
      const friend = await stage.phone()
      const line = await stage.line('caller')
      const call = (body: { [key: string]: Json }) => line.api.post('/api/call/fake/caller', body)
      const since = await stage.simulator.trafficCursor()
      const placed = await call({ number: friend.number, duration: 1 })
      expect(placed).toMatchObject({
        status: 200,
        body: { success: true, message: 'Call placed successfully', number: friend.number, duration: 1 },
      })
      const callId = text(placed.body, 'callId')
      const state = async (expected: string) => (await friend.calls()).some((one) => matches(one, { callId, state: expected }))
      await eventually('the phone to ring, and to stop', () => state('terminated'))
      // Every device got a key of its own.
      const offer = (await stage.simulator.traffic({ after: since, phone: line.phone.number, tag: 'call', direction: 'in' })).find((one) =>
        JSON.stringify(one).includes('"offer"'),
      )
      expect(JSON.stringify(at(offer ?? null, 'stanza'))).toContain('"enc"')

      const second = await call({ number: friend.jid, duration: 60 })
      await eventually('it to ring', async () =>
        (await friend.calls()).some((one) => matches(one, { callId: text(second.body, 'callId'), state: 'ringing' })),
      )
      expect((await call({ number: friend.number })).body).toMatchObject({ duration: 8 })

      expect(await call({})).toMatchObject(refusal(400, 'Number is required'))
      for (const duration of [-1, 61])
        expect(await call({ number: friend.number, duration })).toMatchObject(refusal(400, 'Duration must be between 1 and 60 seconds'))
      expect(await call({ number: '120363000000000001@g.us' })).toMatchObject(refusal(400, 'Only people can be called'))
      expect(await call({ number: '34699999999' })).toMatchObject(refusal(400, 'Number 34699999999 is not registered on WhatsApp'))
      expect(await call({ number: 'nobody' })).toMatchObject(refusal(400, 'Invalid number'))
      for (const [field, wrong] of [
        ['number', 34],
        ['duration', 'long'],
      ] as const)
        expect(await call({ number: friend.number, [field]: wrong })).toMatchObject({
          status: 400,
          body: { error: { message: expect.stringMatching(new RegExp(`^Invalid request body: ${field} `)) } },
        })
      expect((await call({ number: friend.number, duration: 0 })).body).toMatchObject({ duration: 8 })
    })

    it('are not placed when WhatsApp refuses, for an instance that is not there or not connected; those with sound not at all', async () => {
      const friend = await stage.phone()
      const line = await stage.line('refused')
      const ring = (instance: string) => stage.account.post(`/api/call/fake/${instance}`, { number: friend.number })
      for (const [code, answer] of [
        [429, refusal(429, 'WhatsApp rate limit reached. Try again later.')],
        [500, refusal(500, 'Failed to place call: WhatsApp refused: not today')],
      ] as const) {
        const match = { phone: line.phone.number, xmlns: 'encrypt' }
        const over = await stage.simulator.fault({ action: 'iq-error', code, text: 'not today', match })
        expect(await ring('refused')).toMatchObject(answer)
        await over()
      }
      expect((await ring('refused')).status).toBe(200)
      expect(await ring('nowhere')).toMatchObject(refusal(404, 'Instance not found'))
      expect(await ring('%20')).toMatchObject(refusal(400, 'Instance name is required'))
      expect((await line.api.delete('/api/instance/logout/refused')).status).toBe(200)
      expect(await ring('refused')).toMatchObject(refusal(503, 'Instance is not connected to WhatsApp'))

      const audio = { number: friend.number, mediaUrl: 'https://example.org/hello.mp3' }
      expect(await stage.account.post('/api/call/audio/refused', audio)).toMatchObject({ status: 501 })
      expect(await stage.account.post('/api/call/audio/nowhere', audio)).toMatchObject(refusal(404, 'Instance not found'))
    })

    /** A line that is rung, and whoever wants to know. */
    const listened = async (name: string) => {
      const receiver = await stage.receiver()
      const events = ['call.update']
      const settings = {
        webhookEnabled: true,
        webhookURL: receiver.url,
        webhookEvents: events,
        websocketEnabled: true,
        websocketEvents: events,
      }
      const line = await stage.line(name, settings)
      const socket = await openSocket(stage.gateway.url, name, line.token)
      const told = async (data: { [key: string]: Pattern }) => {
        const [posted, sent] = await Promise.all([receiver, socket].map((one) => one.next({ event: 'call.update', data })))
        expect(at(posted ?? null, 'id')).toBe(at(sent ?? null, 'id'))
        expect(at(posted ?? null, 'data')).toEqual(at(sent ?? null, 'data'))
      }
      return { line, told }
    }

    it('of others are told from the first ring to the end, on webhook and WebSocket', async () => {
      const friend = await stage.phone({ name: 'Bea' })
      const { line, told } = await listened('rung')
      const from = { jid: friend.jid, lid: friend.lid }
      const plain = { from, isVideo: false, isGroup: false, groupJid: null }

      const missed = await friend.call(line.phone.lid)
      await told({ ...plain, callId: missed, type: 'offer' })
      await friend.hangUp(missed)
      await told({ ...plain, callId: missed, type: 'terminated' })

      const video = await friend.call(line.phone.lid, { video: true })
      await told({ ...plain, callId: video, type: 'offer', isVideo: true })
      await line.phone.pickUp(video)
      await told({ ...plain, callId: video, type: 'accepted', isVideo: true })
      await friend.hangUp(video)
      await told({ ...plain, callId: video, type: 'terminated', isVideo: true })

      // An older app calls the number.
      const turnedAway = await friend.call(line.phone.number)
      await told({ ...plain, from: { jid: friend.jid }, callId: turnedAway, type: 'offer' })
      await line.phone.hangUp(turnedAway)
      await told({ ...plain, from: { jid: friend.jid }, callId: turnedAway, type: 'rejected' })
    })

    it('of groups name the group until they end, and how good the line is, is told too', async () => {
      const friend = await stage.phone()
      const { line, told } = await listened('in-groups')
      const groupJid = '120363000000000007@g.us'
      const call = (tag: string, attrs: { [key: string]: Json } = {}, content: Json[] = []) =>
        line.phone.stanza(1, {
          tag: 'call',
          attrs: { id: `CALL-${tag}`, from: friend.lid, t: String(Math.floor(Date.now() / 1000)) },
          content: [{ tag, attrs: { 'call-id': 'GROUPCALL', 'call-creator': friend.lid, ...attrs }, content }],
        })
      const known = { callId: 'GROUPCALL', from: { jid: friend.jid, lid: friend.lid }, isVideo: true, isGroup: true, groupJid }
      await call('offer', { 'group-jid': groupJid, caller_pn: friend.jid }, [{ tag: 'video', attrs: { enc: 'vp8' } }])
      await told({ ...known, type: 'offer' })
      await call('relaylatency', { latency: '33554512' })
      await told({ ...known, type: 'latency' })
      await call('preaccept')
      await told({ ...known, type: 'notification' })
      await call('terminate', { reason: 'timeout' })
      await told({ ...known, type: 'terminated' })
    })

    it('of our own tell what the other side did', async () => {
      const friend = await stage.phone()
      const { line, told } = await listened('ringing')
      const from = { jid: friend.jid, lid: friend.lid }
      const ring = async () => {
        const callId = text((await line.api.post('/api/call/fake/ringing', { number: friend.number, duration: 30 })).body, 'callId')
        await eventually('it to ring', async () => (await friend.calls()).some((one) => matches(one, { callId, state: 'ringing' })))
        return callId
      }
      const refused = await ring()
      await friend.hangUp(refused)
      await told({ callId: refused, type: 'rejected', from })
      const answered = await ring()
      await friend.pickUp(answered)
      await told({ callId: answered, type: 'accepted', from })
      await friend.hangUp(answered)
      await told({ callId: answered, type: 'terminated', from })
    })
  },
  { databases: bothDatabases },
)
