/** Every operation of the contract is there: built, or honestly answered 501; and docs/compatibility.md says which. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, it } from 'vitest'
import type { Json } from '../toolkit/json.ts'
import { at } from '../toolkit/json.ts'
import { createInstance } from '../toolkit/line.ts'
import { onStage } from '../toolkit/stage.ts'

const built = `
POST /api/instance/new
GET /api/instance/list
GET /api/instance/connect/:instance
POST /api/instance/reconnect/:instance
DELETE /api/instance/logout/:instance
DELETE /api/instance/delete/:instance
POST /api/instance/settings/:instance
GET /api/instance/getSettings/:instance
POST /api/instance/proxy/:instance
GET /api/instance/getProxy/:instance
GET /api/instance/metrics/:instance
POST /api/events/webhook/:instance
GET /api/events/getWebhook/:instance
GET /api/events/webhook/:instance
POST /api/events/websocket/:instance
GET /api/events/getWebsocket/:instance
POST /api/message/text/:instance
GET /health`

const notYet = `
POST /api/instance/s3/:instance
GET /api/instance/getS3/:instance
POST /api/message/media/:instance
POST /api/message/sticker/:instance
POST /api/message/location/:instance
POST /api/message/contact/:instance
POST /api/message/reaction/:instance
POST /api/message/poll/:instance
POST /api/message/carousel/:instance
POST /api/message/button/:instance
POST /api/message/list/:instance
POST /api/message/form/:instance
POST /api/message/pix/:instance
POST /api/message/status/:instance
POST /api/message/event/:instance
GET /api/chat/contacts/:instance
GET /api/chat/contactsByLabel/:instance
GET /api/chat/getMessage/:instance
GET /api/chat/tag/:instance
POST /api/chat/tag/:instance
DELETE /api/chat/tag/:instance
POST /api/chat/assignTag/:instance
DELETE /api/chat/assignTag/:instance
POST /api/chat/archive/:instance
POST /api/chat/markRead/:instance
POST /api/chat/markChatRead/:instance
POST /api/chat/pinChat/:instance
POST /api/chat/pin/:instance
POST /api/chat/pinMessage/:instance
POST /api/chat/favorite/:instance
POST /api/chat/mute/:instance
POST /api/chat/block/:instance
POST /api/chat/presence/:instance
POST /api/chat/history/:instance
GET /api/chat/base64/:instance
GET /api/chat/status/:instance
GET /api/chat/poll/:instance
POST /api/chat/forward/:instance
POST /api/chat/edit/:instance
DELETE /api/chat/delete/:instance
DELETE /api/chat/deleteChat/:instance
POST /api/profile/account/:instance
GET /api/profile/getAccount/:instance
GET /api/profile/getPrivacy/:instance
GET /api/profile/privacy/:instance
POST /api/profile/privacy/:instance
POST /api/call/fake/:instance
POST /api/call/audio/:instance
POST /api/group/create/:instance
GET /api/group/list/:instance
GET /api/group/info/:instance
PUT /api/group/update/:instance
POST /api/group/participants/:instance
POST /api/group/join/:instance
POST /api/group/resetLink/:instance
GET /api/group/requests/:instance
DELETE /api/group/leave/:instance
POST /api/community/create/:instance
POST /api/community/link/:instance
POST /api/community/unlink/:instance
GET /api/community/listSubGroups/:instance
POST /api/newsletter/create/:instance
GET /api/newsletter/list/:instance
GET /api/newsletter/info/:instance
POST /api/newsletter/join/:instance
DELETE /api/newsletter/leave/:instance
POST /api/chatwoot/set/:instance
GET /api/chatwoot/list/:instance
DELETE /api/chatwoot/delete/:instance
POST /api/typebot/set/:instance
GET /api/typebot/list/:instance
DELETE /api/typebot/delete/:instance
POST /api/typebot/start/:instance
GET /api/typebot/sessions/:instance
POST /api/typebot/session/:instance
POST /mcp`

const routes = (text: string): [method: string, path: string][] =>
  text
    .trim()
    .split('\n')
    .map((line) => line.split(' ') as [string, string])

onStage('The contract', (stage) => {
  let described: Json
  beforeAll(async () => {
    await createInstance(stage.account, 'subject')
    described = (await stage.gateway.api().get('/openapi.json')).body
  })
  const operationOf = (method: string, path: string) =>
    at(described, 'paths') === undefined
      ? undefined
      : (at(described, 'paths') as { [path: string]: Json })[path.replace(/:(\w+)/g, '{$1}')]?.[method.toLowerCase() as never]

  describe('is built:', () => {
    it.each(routes(built))('%s %s', (method, path) => {
      expect(operationOf(method, path)).toBeDefined()
    })
  })

  describe('says 501 where it is not:', () => {
    it.each(routes(notYet))('%s %s', async (method, path) => {
      const response = await fetch(`${stage.gateway.url}${path.replace(':instance', 'subject')}`, {
        method,
        headers: { token: stage.accountToken, ...(method === 'GET' || method === 'DELETE' ? {} : { 'content-type': 'application/json' }) },
        ...(method === 'GET' || method === 'DELETE' ? {} : { body: '{}' }),
      })
      expect({ status: response.status, body: await response.json() }).toEqual({
        status: 501,
        body: { success: false, error: { message: expect.stringMatching(/\S/) } },
      })
      expect(operationOf(method, path)).toBeDefined()
    })

    it('but only to those who may ask', async () => {
      expect((await stage.gateway.api().post('/api/message/media/subject')).status).toBe(401)
      expect((await stage.gateway.api('nobody').post('/api/message/media/subject')).status).toBe(401)
      expect((await stage.account.post('/api/message/media/nowhere')).status).toBe(404)
    })
  })
})

describe('docs/compatibility.md', () => {
  const page = readFileSync(fileURLToPath(new URL('../../docs/compatibility.md', import.meta.url)), 'utf8')
  const statusOf = (method: string, path: string) => page.split('\n').find((row) => row.startsWith(`| ${method} | \`${path}\` | `))

  it.each(routes(built))('%s %s is done', (method, path) => {
    expect(statusOf(method, path)).toMatch(/\| (done|partly: .*) \|$/)
  })
  it.each(routes(notYet))('%s %s is not yet', (method, path) => {
    expect(statusOf(method, path)).toMatch(/\| not yet \|$/)
  })
})
