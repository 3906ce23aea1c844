/** What was written is found by its words, and read page by page; whatever the routes that read from the store refuse. */
import { expect, it } from 'vitest'
import { eventually } from '../toolkit/eventually.ts'
import { at, type Json, list, text } from '../toolkit/json.ts'
import type { Line } from '../toolkit/line.ts'
import type { Phone } from '../toolkit/simulator.ts'
import { onStage } from '../toolkit/stage.ts'

const refusal = (status: number, message: string | object) => ({ status, body: { success: false, error: { message } } })
const notADate = (field: string) => `invalid '${field}' date format. Use ISO 8601 format (e.g., '2026-02-16T18:32:39Z')`

onStage(
  'Search',
  (stage, database) => {
    const search = (line: Line, query: Record<string, string>) =>
      line.api.get(`/api/chat/search/${line.name}?${new URLSearchParams(query)}`)
    const found = async (line: Line, query: Record<string, string>): Promise<Json[]> => {
      const answer = await search(line, query)
      expect(answer).toMatchObject({ status: 200, body: { success: true } })
      return list(answer.body, 'messages')
    }
    const ids = async (line: Line, query: Record<string, string>) => (await found(line, query)).map((one) => at(one, 'id'))
    /** Once they are what is found. */
    const finds = (line: Line, query: Record<string, string>, expected: readonly string[]) =>
      expect.poll(() => ids(line, query), { timeout: 20_000, interval: 100 }).toEqual(expected)
    const edits = (phone: Phone, to: string, id: string, content: string) => {
      const key = { remoteJid: phone.jid, fromMe: true, id }
      const protocolMessage = { key, type: 'MESSAGE_EDIT', editedMessage: { conversation: content } }
      return phone.send(to, { protocolMessage }, { edit: '1' })
    }

    it('finds what came and what was sent, by words, the newest first, and says what it found', async () => {
      const line = await stage.line(`search-${database}`)
      const [ana, bea] = [await stage.phone({ name: 'Ana' }), await stage.phone({ name: 'Bea' })]
      const group = await stage.simulator.group({ by: bea, subject: 'Família', participants: [line.phone] })
      const order = await ana.send(line.phone.number, 'A minha encomenda de CAFÉ não chegou')
      await finds(line, { q: 'cafe encomenda' }, [order])
      const answer = text((await line.text(ana.number, 'Café? Chega amanhã')).body, 'data.messageId')
      await finds(line, { q: 'café' }, [answer, order])
      const byPhone = await line.phone.send(group, 'quem quer cafezinho?')
      const photo = await bea.send(group, { imageMessage: { caption: 'o café novo', mimetype: 'image/png' } })
      await finds(line, { q: 'cafe' }, [photo, byPhone, answer, order])

      expect((await found(line, { q: 'encomenda caf' }))[0]).toEqual({
        id: order,
        chatJid: ana.jid,
        senderJid: ana.jid,
        fromMe: false,
        type: 'text',
        content: 'A minha encomenda de CAFÉ não chegou',
        timestamp: expect.stringMatching(/^\d{4}-/),
        status: 'delivered',
        source: '',
        revoked: false,
        starred: false,
        snippet: 'A minha encomenda de CAFÉ não chegou',
        highlights: [
          { start: 8, length: 9 },
          { start: 21, length: 4 },
        ],
      })
      for (const number of [ana.number, `+${ana.number}`, ana.jid, ana.lid])
        expect(await ids(line, { q: 'cafe', number })).toEqual([answer, order])
      expect(await ids(line, { q: 'cafe', number: group })).toEqual([photo, byPhone])
      expect(await ids(line, { q: 'cafe', number: '34699999999' })).toEqual([])
      expect(await ids(line, { q: 'cafe', type: 'image' })).toEqual([photo])
      expect(await ids(line, { q: 'cafe', fromMe: 'true' })).toEqual([byPhone, answer])
      expect(await ids(line, { q: 'cafe', fromMe: 'false', type: 'text' })).toEqual([order])
      expect(await ids(line, { q: 'cafe', from: '2000-01-01', to: '2100-01-01T00:00:00Z' })).toHaveLength(4)
      expect(await ids(line, { q: 'cafe', from: '2100-01-01' })).toEqual([])
      expect(await ids(line, { q: 'cafe', to: '2000-01-01' })).toEqual([])
      for (const q of ['"', "caf' OR 1=1 --", 'content:cafe', '*', 'NOT cafe', '(((', '!!!']) expect(await ids(line, { q })).toEqual([])
      for (const q of ['"cafe', 'cafe*', '{encomenda} caf"é']) expect((await ids(line, { q })).length).toBeLessThanOrEqual(4)

      const pages: (Json | undefined)[][] = []
      for (let before: Record<string, string> = {}; pages.length < 9; ) {
        const { body } = await search(line, { q: 'cafe', limit: '3', ...before })
        pages.push(list(body, 'messages').map((one) => at(one, 'id')))
        expect(at(body, 'count')).toBe(pages.at(-1)?.length)
        const next = at(body, 'nextCursor')
        if (next === null) break
        before = { before: String(next) }
      }
      expect(pages).toEqual([[photo, byPhone, answer], [order]])
    })

    it('finds what was edited by what it says now, and what was taken back or deleted not at all', async () => {
      const line = await stage.line(`changed-${database}`)
      const [ana, bea] = [await stage.phone(), await stage.phone()]
      const edited = await ana.send(line.phone.number, 'first wording')
      const revoked = await ana.send(line.phone.number, 'hasty wording')
      const deleted = await ana.send(line.phone.number, 'wording for nobody')
      const left = await bea.send(line.phone.number, 'another wording')
      await finds(line, { q: 'wording' }, [left, deleted, revoked, edited])
      await edits(ana, line.phone.number, edited, 'second version')
      await finds(line, { q: 'version' }, [edited])
      expect(await ids(line, { q: 'first' })).toEqual([])
      const key = { remoteJid: ana.jid, fromMe: true, id: revoked }
      await ana.send(line.phone.number, { protocolMessage: { key, type: 'REVOKE' } }, { edit: '7' })
      await finds(line, { q: 'wording' }, [left, deleted])
      expect((await line.api.delete(`/api/chat/delete/${line.name}`, {}, { messageId: deleted })).status).toBe(200)
      await finds(line, { q: 'wording' }, [left])
      expect((await line.api.delete(`/api/chat/deleteChat/${line.name}`, {}, { number: bea.number })).status).toBe(200)
      await finds(line, { q: 'wording' }, [])
      await finds(line, { q: 'version' }, [edited])
    })

    it('stays within the instance, and is complete after the gateway was killed', async () => {
      const [one, other] = [await stage.line(`one-${database}`), await stage.line(`other-${database}`)]
      const friend = await stage.phone()
      const [toOne, toOther] = [await friend.send(one.phone.number, 'between us'), await friend.send(other.phone.number, 'between us')]
      await finds(one, { q: 'between' }, [toOne])
      await finds(other, { q: 'between' }, [toOther])
      expect(await one.api.get(`/api/chat/search/${other.name}?q=between`)).toMatchObject({ status: 403 })
      const more: string[] = []
      for (let n = 0; n < 10; n += 1) more.unshift(await friend.send(one.phone.number, `countdown ${n}`))
      await stage.gateway.kill()
      await stage.gateway.restart()
      await finds(one, { q: 'countdown' }, more)
      await one.waitFor('connected')
    })

    it('refuses what it cannot understand', async () => {
      const line = await stage.line(`refused-${database}`)
      const missing = 'q is required (use ?q=<words>)'
      expect(await line.api.get(`/api/chat/search/${line.name}`)).toEqual(expect.objectContaining(refusal(400, missing)))
      for (const q of ['', '   ']) expect(await search(line, { q })).toMatchObject(refusal(400, missing))
      const refused = async (query: Record<string, string>, message: string | object) =>
        expect(await search(line, { q: 'word', ...query })).toMatchObject(refusal(400, message))
      await refused({ number: 'nobody' }, 'Invalid number')
      await refused({ from: 'yesterday' }, notADate('from'))
      await refused({ to: '2026-13-45' }, notADate('to'))
      for (const before of ['nonsense', Buffer.from('1 2 3').toString('base64url')]) await refused({ before }, 'Invalid cursor')
      await refused({ limit: '0' }, expect.stringMatching(/^Invalid query: limit /))
      await refused({ limit: '201' }, expect.stringMatching(/^Invalid query: limit /))
      await refused({ fromMe: 'maybe' }, expect.stringMatching(/^Invalid query: fromMe /))
      await refused({ q: 'x'.repeat(201) }, expect.stringMatching(/^Invalid query: q /))
      expect(await stage.gateway.api('unknown').get(`/api/chat/search/${line.name}?q=x`)).toMatchObject(refusal(401, 'Invalid token'))
      expect(await stage.account.get('/api/chat/search/nobody?q=x')).toMatchObject(refusal(404, 'Instance not found'))
    })

    it('like it the list of conversations', async () => {
      const line = await stage.line(`listing-${database}`)
      const refused = async (query: string, message: string | object) =>
        expect(await line.api.get(`/api/chat/list/${line.name}?${query}`)).toMatchObject(refusal(400, message))
      await refused('after=nonsense', 'Invalid cursor')
      for (const query of [
        'limit=0',
        'limit=201',
        'limit=some',
        'archived=maybe',
        'unread=false',
        'type=story',
        `search=${'x'.repeat(201)}`,
      ])
        await refused(query, expect.stringMatching(/^Invalid query: /))
      expect(await stage.gateway.api('unknown').get(`/api/chat/list/${line.name}`)).toMatchObject(refusal(401, 'Invalid token'))
      expect(await stage.account.get('/api/chat/list/nobody')).toMatchObject(refusal(404, 'Instance not found'))
    })

    it('and the history of a chat, which goes on where a page ended, also within one second', async () => {
      const line = await stage.line(`paged-${database}`)
      const friend = await stage.phone()
      const sent: string[] = []
      for (let n = 0; n < 7; n += 1) sent.unshift(await friend.send(line.phone.number, `message ${n}`))
      const history = (body: { [key: string]: Json }) => line.api.post(`/api/chat/history/${line.name}`, { number: friend.number, ...body })
      await eventually('all to be stored', async () => list((await history({})).body, 'messages').length === sent.length)
      const seen: (Json | undefined)[] = []
      let cursor: Json = null
      for (let pages = 0; pages < 4; pages += 1) {
        const { body } = await history({ count: 2, cursor })
        seen.push(...list(body, 'messages').map((one) => at(one, 'id')))
        cursor = at(body, 'nextCursor') ?? null
        expect(at(body, 'hasMore') || cursor === null).toBe(true)
      }
      expect(cursor).toBeNull()
      expect(seen).toEqual(sent)

      const refused = async (body: { [key: string]: Json }, message: string | object) =>
        expect(await history(body)).toMatchObject(refusal(400, message))
      await refused({ cursor: 'nonsense' }, 'Invalid cursor')
      await refused({ number: null }, 'Number is required')
      await refused({ number: 'nobody' }, 'Invalid number')
      await refused({ from: 'yesterday' }, notADate('from'))
      await refused({ to: 'tomorrow' }, notADate('to'))
      for (const count of [0, 1.5, 'many']) await refused({ count }, expect.stringMatching(/^Invalid request body: count /))
      expect(await stage.gateway.api('unknown').post(`/api/chat/history/${line.name}`, { number: '1' })).toMatchObject(
        refusal(401, 'Invalid token'),
      )
      expect(await stage.account.post('/api/chat/history/nobody', { number: friend.number })).toMatchObject(
        refusal(404, 'Instance not found'),
      )
    })
  },
  { databases: ['SQLite', 'PostgreSQL'] },
)
