/** Labels: made here and seen on the phone, made there and told here, once each. */
import { expect, it } from 'vitest'
import { bothDatabases } from '../toolkit/databases.ts'
import { eventually } from '../toolkit/eventually.ts'
import { at, type Json, list, matches, text } from '../toolkit/json.ts'
import type { Line } from '../toolkit/line.ts'
import type { Receiver } from '../toolkit/receiver.ts'
import { openSocket } from '../toolkit/socket.ts'
import { onStage } from '../toolkit/stage.ts'

const refusal = (status: number, message: string) => ({ status, body: { success: false, error: { message } } })
const webhook = (receiver: Receiver) => ({ webhookEnabled: true, webhookURL: receiver.url, webhookEvents: ['label.update'] })

onStage(
  'Labels',
  (stage) => {
    const tags = async (line: Line) => list((await line.api.get(`/api/chat/tag/${line.name}`)).body, 'tags')
    const create = (line: Line, body: { [key: string]: Json }) => line.api.post(`/api/chat/tag/${line.name}`, body)
    const assign = (line: Line, body: { [key: string]: Json }) => line.api.post(`/api/chat/assignTag/${line.name}`, body)
    const unassign = (line: Line, query: { [key: string]: string }) =>
      line.api.delete(`/api/chat/assignTag/${line.name}?${new URLSearchParams(query)}`)
    const byLabel = async (line: Line, query: { [key: string]: string } = {}) =>
      line.api.get(`/api/chat/contactsByLabel/${line.name}?${new URLSearchParams(query)}`)
    const onPhone = async (line: Line, index: string[], expected: object) => {
      await eventually(`the phone to know of ${index.join(' ')}`, async () => {
        const regular = at(await line.phone.appState(), 'regular')
        const found =
          typeof regular === 'object' && regular !== null && !Array.isArray(regular) ? regular[JSON.stringify(index)] : undefined
        return found !== undefined && matches(found, expected as Json)
      })
    }
    const told = (receiver: Receiver): Json[] => receiver.deliveries().map(({ body }) => at(body, 'data') ?? null)

    it('made here: on the phone, in the list and told; put on chats, taken off, deleted', async () => {
      const receiver = await stage.receiver()
      const line = await stage.line('made-here', webhook(receiver))
      const friend = await stage.phone({ name: 'Bea' })
      const group = await stage.simulator.group({ by: friend, subject: 'Team', participants: [line.phone] })
      const tag = { id: '1', name: 'Invoice sent', color: 3, type: 'CUSTOM', deleted: false }
      expect(await create(line, { name: '  Invoice sent ', color: 3 })).toMatchObject({
        status: 200,
        body: { success: true, message: 'Tag created successfully', tag },
      })
      await onPhone(line, ['label_edit', '1'], { labelEditAction: { name: 'Invoice sent', color: 3 } })
      for (const color of [11, -1, 2.5]) expect((await create(line, { name: 'Quote', color })).body).toMatchObject({ tag: { color: 0 } })
      expect(await line.api.get('/api/chat/tag/made-here')).toMatchObject({
        status: 200,
        body: { message: 'Tags retrieved successfully', tags: [tag, { id: '2' }, { id: '3' }, { id: '4' }], total: 4 },
      })

      for (const number of [friend.number, friend.number, group]) {
        expect(await assign(line, { number, tagId: '1' })).toMatchObject({
          status: 200,
          body: { success: true, message: 'Tag assigned successfully', tag_id: '1' },
        })
      }
      await onPhone(line, ['label_jid', '1', friend.jid], { labelAssociationAction: { labeled: true } })
      await onPhone(line, ['label_jid', '1', group], { labelAssociationAction: { labeled: true } })
      expect((await byLabel(line)).body).toMatchObject({
        success: true,
        total_chats: 2,
        total_rows: 2,
        refreshed: false,
        filter_label_ids: [],
      })
      await friend.send(line.phone.number, 'hello')
      await eventually('the conversation to carry it', async () =>
        list((await line.api.get('/api/chat/list/made-here')).body, 'chats').some((chat) =>
          matches(chat, { jid: friend.jid, labels: [{ id: '1', name: 'Invoice sent', color: 3 }] }),
        ),
      )
      for (let times = 0; times < 2; times += 1) {
        expect(await unassign(line, { number: friend.lid, tagId: '1' })).toMatchObject({
          status: 200,
          body: { success: true, message: 'Tag removed successfully', tag_id: '1' },
        })
      }
      await onPhone(line, ['label_jid', '1', friend.jid], { labelAssociationAction: { labeled: false } })
      expect(await line.api.delete('/api/chat/tag/made-here?tagId=1')).toMatchObject({
        status: 200,
        body: { success: true, message: 'Tag deleted successfully', tag: { id: '1', name: '', color: 0, type: '', deleted: true } },
      })
      await onPhone(line, ['label_edit', '1'], { labelEditAction: { deleted: true } })
      expect((await byLabel(line)).body).toMatchObject({ chats: [], total_chats: 0 })
      expect((await create(line, { name: 'Next' })).body).toMatchObject({ tag: { id: '5' } })

      await receiver.next({ event: 'label.update', data: { labelId: '5' } })
      expect(told(receiver)).toMatchObject([
        { type: 'edit', labelId: '1', action: 'updated', name: 'Invoice sent', color: 3, deleted: false },
        { type: 'edit', labelId: '2' },
        { type: 'edit', labelId: '3' },
        { type: 'edit', labelId: '4' },
        { type: 'chat', labelId: '1', action: 'add', chatJid: friend.jid, labeled: true },
        { type: 'chat', labelId: '1', action: 'add', chatJid: group, labeled: true },
        { type: 'chat', labelId: '1', action: 'remove', chatJid: friend.jid, labeled: false },
        { type: 'edit', labelId: '1', action: 'deleted', name: 'Invoice sent', deleted: true },
        { type: 'edit', labelId: '5', name: 'Next' },
      ])
    })

    it('made on the phone: what was there is known, what changes is told once on webhook and WebSocket', async () => {
      const receiver = await stage.receiver()
      const owner = await stage.phone({ name: 'Owner' })
      const friend = await stage.phone({ name: 'Ana' })
      const old = await owner.label({ name: 'Old', color: 5 })
      await owner.label({ id: old, chat: friend.number })
      const created = await stage.account.post('/api/instance/new', {
        name: 'made-there',
        ...webhook(receiver),
        websocketEnabled: true,
        websocketEvents: ['label.update'],
      })
      const api = stage.gateway.api(text(created.body, 'instance.token'))
      await owner.scan(text((await api.get('/api/instance/connect/made-there')).body, 'qrCode'))
      const line = { name: 'made-there', api, phone: owner } as unknown as Line
      await eventually('the labels to be known', async () => {
        const answer = await api.get('/api/chat/tag/made-there')
        return answer.status === 200 && matches(answer.body, { tags: [{ id: old, name: 'Old', color: 5 }] })
      })
      expect((await byLabel(line, { labelNames: 'oLd' })).body).toMatchObject({
        chats: [{ chat_jid: friend.jid, labels: [{ id: old, name: 'Old' }] }],
        filter_label_ids: [old],
      })
      const socket = await openSocket(stage.gateway.url, 'made-there', text(created.body, 'instance.token'))

      const fresh = await owner.label({ name: 'Fresh', color: 1 })
      await owner.label({ id: fresh, chat: friend.number })
      await owner.label({ id: fresh, chat: friend.number, messageId: '3EB0AA' })
      await owner.label({ id: fresh, chat: friend.number, labeled: false })
      await owner.label({ id: fresh, name: 'Fresher', color: 2 })
      await owner.label({ id: fresh, name: 'Fresher', color: 2, deleted: true })
      const expected = [
        { type: 'edit', labelId: fresh, action: 'updated', name: 'Fresh', color: 1, deleted: false },
        { type: 'chat', labelId: fresh, action: 'add', chatJid: friend.jid, labeled: true },
        { type: 'message', labelId: fresh, action: 'add', chatJid: friend.jid, messageId: '3EB0AA' },
        { type: 'chat', labelId: fresh, action: 'remove', chatJid: friend.jid, labeled: false },
        { type: 'edit', labelId: fresh, action: 'updated', name: 'Fresher', color: 2 },
        { type: 'edit', labelId: fresh, action: 'deleted', deleted: true },
      ]
      await receiver.next({ data: { action: 'deleted' } })
      await socket.next({ data: { action: 'deleted' } })
      expect(told(receiver)).toMatchObject(expected)
      expect(socket.events().map((event) => at(event, 'data'))).toMatchObject(expected)
      expect((await tags(line)).map((tag) => at(tag, 'id'))).toEqual([old])

      const refreshed = await byLabel(line, { refresh: 'true', labelIds: `${old}, 99` })
      expect(refreshed.body).toMatchObject({ refreshed: true, total_chats: 1, total_rows: 1, filter_label_ids: [old, '99'] })
      expect((await byLabel(line, { labelNames: 'nobody' })).body).toMatchObject({ chats: [], total_chats: 0 })
      expect(told(receiver)).toHaveLength(expected.length)
      socket.close()
    })

    it('changed while the gateway was away: told when it is back, from single changes as from a snapshot', async () => {
      const receiver = await stage.receiver()
      const line = await stage.line('away', webhook(receiver))
      await create(line, { name: 'One' })
      await receiver.next({ data: { name: 'One' } })
      const away = async (changes: () => Promise<void>) => {
        await stage.gateway.stop()
        await changes()
        await stage.gateway.restart()
        await line.waitFor('connected')
      }
      await away(async () => void (await line.phone.label({ id: '1', name: 'Uno', color: 0 })))
      await receiver.next({ data: { name: 'Uno' } })
      await away(async () => {
        await line.phone.label({ id: '1', name: 'Uno', color: 0, deleted: true })
        await line.phone.label({ id: '2', name: 'Dos', color: 4 })
        await line.phone.foldAppState()
      })
      await receiver.next({ data: { name: 'Dos' } })
      await eventually('all of it', async () => told(receiver).length >= 4)
      expect(
        told(receiver)
          .map((data) => [at(data, 'action'), at(data, 'name')])
          .sort(),
      ).toEqual([
        ['deleted', 'Uno'],
        ['updated', 'Dos'],
        ['updated', 'One'],
        ['updated', 'Uno'],
      ])
      expect(await tags(line)).toMatchObject([{ id: '2', name: 'Dos', color: 4 }])
    })

    it('a change damaged on its way is not believed; a key that is missing is asked for', async () => {
      const receiver = await stage.receiver()
      const line = await stage.line('careful', webhook(receiver))
      await create(line, { name: 'One' })
      const mended = await stage.simulator.fault({
        action: 'corrupt',
        match: { phone: line.phone.number, tag: 'iq', direction: 'out', contains: 'patch' },
        times: 1,
      })
      await line.phone.label({ id: '2', name: 'Two', color: 2 })
      await receiver.next({ data: { name: 'Two', color: 2 } })
      await mended()
      await line.phone.renewAppStateKey('asked')
      await line.phone.label({ id: '3', name: 'Three', color: 3 })
      await receiver.next({ data: { name: 'Three' } })
      expect((await create(line, { name: 'Four' })).body).toMatchObject({ tag: { id: '4' } })
      await receiver.next({ data: { name: 'Four' } })
      expect(told(receiver).map((data) => at(data, 'name'))).toEqual(['One', 'Two', 'Three', 'Four'])

      await line.phone.renewAppStateKey('never')
      await line.phone.label({ id: '5', name: 'Secret', color: 3 })
      expect(await create(line, { name: 'Six' })).toMatchObject(refusal(409, 'The phone has not shared its settings yet. Try again later.'))
      expect(await byLabel(line, { refresh: 'true' })).toMatchObject({ status: 409 })
      expect((await tags(line)).map((tag) => at(tag, 'name'))).toEqual(['One', 'Two', 'Three', 'Four'])
    })

    it('made here and there at the same moment: all of them are there, each under an id of its own', async () => {
      const line = await stage.line('crowded')
      const here = Array.from({ length: 5 }, (_, n) => create(line, { name: `here ${n}` }))
      const there = (async () => {
        for (let n = 0; n < 5; n += 1) await line.phone.label({ name: `there ${n}` }).catch(() => '')
      })()
      const answers = await Promise.all(here)
      await there
      const made = answers.filter(({ status }) => status === 200)
      expect(made.length).toBeGreaterThan(0)
      expect(answers.every(({ status }) => status === 200 || status === 409)).toBe(true)
      await eventually('every label of ours to be on the phone and here under its id', async () => {
        const known = await tags(line)
        return made.every(({ body }) => known.some((tag) => matches(tag, at(body, 'tag') as Json)))
      })
      const ids = (await tags(line)).map((tag) => at(tag, 'id'))
      expect(new Set(ids).size).toBe(ids.length)
    })

    it('what cannot be', async () => {
      const line = await stage.line('refused')
      const friend = await stage.phone({ name: 'Cid' })
      expect(await create(line, {})).toMatchObject(refusal(400, 'Tag name is required'))
      expect(await create(line, { name: '  ' })).toMatchObject(refusal(400, 'Tag name is required'))
      expect(await create(line, { name: 'x'.repeat(101) })).toMatchObject(refusal(400, 'Tag name must be at most 100 characters'))
      expect((await create(line, { name: 7 })).status).toBe(400)
      expect(await line.api.delete('/api/chat/tag/refused')).toMatchObject(refusal(400, 'tagId query parameter is required'))
      expect(await line.api.delete('/api/chat/tag/refused?tagId=9')).toMatchObject(refusal(404, 'Tag not found'))
      expect(await assign(line, { tagId: '1' })).toMatchObject(refusal(400, 'Number is required'))
      expect(await assign(line, { number: friend.number })).toMatchObject(refusal(400, 'tagId is required'))
      expect(await assign(line, { number: 'nobody', tagId: '1' })).toMatchObject(refusal(400, 'Invalid number'))
      expect(await assign(line, { number: friend.number, tagId: '9' })).toMatchObject(refusal(404, 'Tag not found'))
      expect(await unassign(line, { tagId: '1' })).toMatchObject(refusal(400, 'number query parameter is required'))
      expect(await unassign(line, { number: friend.number })).toMatchObject(refusal(400, 'tagId query parameter is required'))
      expect(await unassign(line, { number: friend.number, tagId: '9' })).toMatchObject(refusal(404, 'Tag not found'))

      expect((await create(line, { name: 'Kept' })).status).toBe(200)
      expect((await line.api.delete('/api/instance/logout/refused')).status).toBe(200)
      const gone = refusal(503, 'Instance is not connected to WhatsApp')
      expect(await line.api.get('/api/chat/tag/refused')).toMatchObject(gone)
      expect(await create(line, { name: 'x' })).toMatchObject(gone)
      expect(await line.api.delete('/api/chat/tag/refused?tagId=1')).toMatchObject(gone)
      expect(await assign(line, { number: friend.number, tagId: '1' })).toMatchObject(gone)
      expect(await unassign(line, { number: friend.number, tagId: '1' })).toMatchObject(gone)
      expect(await byLabel(line, { refresh: 'true' })).toMatchObject(gone)
      expect((await byLabel(line)).status).toBe(200)
    })
  },
  { databases: bothDatabases },
)
