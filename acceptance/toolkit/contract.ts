/**
 * Every route the contract names, copied from its files; the one list of them. How far each is built, docs/compatibility.md says, and
 * `contract.test.ts` holds it to that. `GET /ws/:instance` is the one that becomes a WebSocket.
 */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export interface ContractRoute {
  method: string
  /** `/api/instance/delete/:instance` */
  path: string
}

const routes = `
POST   /api/instance/new
GET    /api/instance/list
GET    /api/instance/connect/:instance
POST   /api/instance/reconnect/:instance
DELETE /api/instance/logout/:instance
DELETE /api/instance/delete/:instance
POST   /api/instance/settings/:instance
GET    /api/instance/getSettings/:instance
POST   /api/instance/proxy/:instance
GET    /api/instance/getProxy/:instance
POST   /api/instance/s3/:instance
GET    /api/instance/getS3/:instance
GET    /api/instance/metrics/:instance
POST   /api/events/webhook/:instance
GET    /api/events/webhook/:instance
GET    /api/events/getWebhook/:instance
POST   /api/events/websocket/:instance
GET    /api/events/getWebsocket/:instance
GET    /ws/:instance
GET    /health
POST   /api/message/text/:instance
POST   /api/message/media/:instance
POST   /api/message/sticker/:instance
POST   /api/message/location/:instance
POST   /api/message/contact/:instance
POST   /api/message/reaction/:instance
POST   /api/message/poll/:instance
POST   /api/message/carousel/:instance
POST   /api/message/button/:instance
POST   /api/message/list/:instance
POST   /api/message/form/:instance
POST   /api/message/pix/:instance
POST   /api/message/status/:instance
POST   /api/message/event/:instance
GET    /api/chat/contacts/:instance
GET    /api/chat/contactsByLabel/:instance
GET    /api/chat/getMessage/:instance
GET    /api/chat/tag/:instance
POST   /api/chat/tag/:instance
DELETE /api/chat/tag/:instance
POST   /api/chat/assignTag/:instance
DELETE /api/chat/assignTag/:instance
POST   /api/chat/archive/:instance
POST   /api/chat/markRead/:instance
POST   /api/chat/markChatRead/:instance
POST   /api/chat/pinChat/:instance
POST   /api/chat/pin/:instance
POST   /api/chat/pinMessage/:instance
POST   /api/chat/favorite/:instance
POST   /api/chat/mute/:instance
POST   /api/chat/block/:instance
POST   /api/chat/presence/:instance
POST   /api/chat/history/:instance
GET    /api/chat/base64/:instance
GET    /api/chat/status/:instance
GET    /api/chat/poll/:instance
POST   /api/chat/forward/:instance
POST   /api/chat/edit/:instance
DELETE /api/chat/delete/:instance
DELETE /api/chat/deleteChat/:instance
POST   /api/profile/account/:instance
GET    /api/profile/getAccount/:instance
GET    /api/profile/getPrivacy/:instance
GET    /api/profile/privacy/:instance
POST   /api/profile/privacy/:instance
POST   /api/call/fake/:instance
POST   /api/call/audio/:instance
POST   /api/group/create/:instance
GET    /api/group/list/:instance
GET    /api/group/info/:instance
PUT    /api/group/update/:instance
POST   /api/group/participants/:instance
POST   /api/group/join/:instance
POST   /api/group/resetLink/:instance
GET    /api/group/requests/:instance
DELETE /api/group/leave/:instance
POST   /api/community/create/:instance
POST   /api/community/link/:instance
POST   /api/community/unlink/:instance
GET    /api/community/listSubGroups/:instance
POST   /api/newsletter/create/:instance
GET    /api/newsletter/list/:instance
GET    /api/newsletter/info/:instance
POST   /api/newsletter/join/:instance
DELETE /api/newsletter/leave/:instance
POST   /api/chatwoot/set/:instance
GET    /api/chatwoot/list/:instance
DELETE /api/chatwoot/delete/:instance
POST   /api/typebot/set/:instance
GET    /api/typebot/list/:instance
DELETE /api/typebot/delete/:instance
POST   /api/typebot/start/:instance
GET    /api/typebot/sessions/:instance
POST   /api/typebot/session/:instance
POST   /mcp`

export const contractRoutes: readonly ContractRoute[] = routes
  .trim()
  .split('\n')
  .map((line) => {
    const [method = '', path = ''] = line.split(/ +/)
    return { method, path }
  })

export const compatibilityPage = readFileSync(fileURLToPath(new URL('../../docs/compatibility.md', import.meta.url)), 'utf8')

/** What docs/compatibility.md says of a route: `done`, `partly: …` or `not yet`; undefined when it has no row. */
export const promised = ({ method, path }: ContractRoute): string | undefined => {
  const start = `| ${method} | \`${path}\``
  const row = compatibilityPage.split('\n').find((line) => line.startsWith(`${start} |`) || line.startsWith(`${start} (upgrade) |`))
  return row?.split(' | ').at(-1)?.replace(/ \|$/, '')
}
