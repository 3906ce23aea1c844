/** Groups from both sides: as people have them on their phones, over the simulator's control API, and by the routes of an instance. */
import { type Answer, createApi } from './api.ts'
import { at as field, type Json, list, text } from './json.ts'
import type { Line } from './line.ts'
import type { Phone, Simulator } from './simulator.ts'

export interface PhoneGroups {
  create(options: { by: Phone; subject: string; participants?: readonly Phone[]; [more: string]: unknown }): Promise<string>
  /** As the network has it. */
  look(id: string): Promise<Json>
  /** `description`, `announcement`, `locked`, `memberAddMode`, `joinApproval`, `ephemeral`, `subject`, `picture`. */
  change(id: string, by: Phone, patch: { [key: string]: Json }): Promise<void>
  members(id: string, by: Phone, action: string, people: readonly Phone[]): Promise<Json>
  /** A new code; the old one is dead. */
  renewCode(id: string, by: Phone): Promise<string>
  join(by: Phone, code: string): Promise<void>
  accept(id: string, by: Phone, invite: { code: string; expiration: number; admin: string }): Promise<void>
  cancel(id: string, by: Phone): Promise<void>
  leave(id: string, by: Phone): Promise<void>
  /** People the network turns away when they come by link. */
  bar(id: string, people: readonly Phone[]): Promise<void>
  community(by: Phone, subject: string, participants?: readonly Phone[]): Promise<string>
  /** Links groups to a community. */
  link(community: string, by: Phone, groups: readonly string[]): Promise<void>
  unlink(community: string, by: Phone, group: string): Promise<void>
  /** A member of the community walks into one of its groups; true: into its queue. */
  enter(id: string, by: Phone): Promise<boolean>
}

export const phoneGroups = (simulator: Simulator): PhoneGroups => {
  const api = createApi(simulator.url)
  const ask = async (method: 'get' | 'post' | 'put' | 'patch' | 'delete', path: string, body: Json = {}): Promise<Json> => {
    const answer = method === 'get' || method === 'delete' ? await api[method](path) : await api[method](path, body)
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`)
    return answer.body
  }
  const numbers = (people: readonly Phone[]) => people.map(({ jid }) => jid)
  const at = (id: string) => `/groups/${encodeURIComponent(id)}`
  return {
    create: async ({ by, subject, participants = [], ...more }) =>
      text(
        await ask('post', '/groups', { by: by.number, subject, participants: numbers(participants), ...(more as { [key: string]: Json }) }),
        'id',
      ),
    look: (id) => ask('get', at(id)),
    async change(id, by, patch) {
      await ask('patch', at(id), { by: by.number, ...patch })
    },
    members: (id, by, action, people) => ask('post', `${at(id)}/participants`, { by: by.number, action, participants: numbers(people) }),
    renewCode: async (id, by) => text(await ask('post', `${at(id)}/invite`, { by: by.number }), 'code'),
    async join(by, code) {
      await ask('post', '/groups/join', { by: by.number, code })
    },
    async accept(id, by, invite) {
      await ask('post', `${at(id)}/accept`, { by: by.number, ...invite })
    },
    async cancel(id, by) {
      await ask('post', `${at(id)}/cancel`, { by: by.number })
    },
    async leave(id, by) {
      await ask('post', `${at(id)}/leave`, { by: by.number })
    },
    async bar(id, people) {
      await ask('put', `${at(id)}/barred`, { barred: numbers(people) })
    },
    community: async (by, subject, participants = []) =>
      text(await ask('post', '/communities', { by: by.number, subject, participants: numbers(participants) }), 'id'),
    async link(community, by, groups) {
      await ask('post', `/communities/${encodeURIComponent(community)}/groups`, { by: by.number, groups: [...groups] })
    },
    async unlink(community, by, group) {
      await ask('delete', `/communities/${encodeURIComponent(community)}/groups/${encodeURIComponent(group)}?by=${by.number}`)
    },
    enter: async (id, by) =>
      (await ask('post', `${at(id)}/enter`, { by: by.number }).then((group) => field(group, 'requiresApproval'))) === true,
  }
}

type Body = { [key: string]: Json }

/** The group routes of an instance. */
export interface GroupRoutes {
  create(body: Body): Promise<Answer>
  info(identifier: string, more?: string): Promise<Answer>
  update(identifier: string, body: Body): Promise<Answer>
  manage(identifier: string, action: string, participants: readonly string[], more?: Body): Promise<Answer>
  join(identifier: string): Promise<Answer>
  reset(identifier: string): Promise<Answer>
  requests(identifier: string): Promise<Answer>
  leave(identifier: string): Promise<Answer>
  /** A new group with these people; gives its JID. */
  ours(name: string, people: readonly Phone[]): Promise<string>
}

export const groupRoutes = ({ api, name }: Pick<Line, 'api' | 'name'>): GroupRoutes => {
  const path = (verb: string) => `/api/group/${verb}/${name}`
  const named = (verb: string, identifier: string) => `${path(verb)}?identifier=${encodeURIComponent(identifier)}`
  const create = (body: Body) => api.post(path('create'), body)
  return {
    create,
    info: (identifier, more = '') => api.get(`${named('info', identifier)}${more}`),
    update: (identifier, body) => api.put(path('update'), { identifier, ...body }),
    manage: (identifier, action, participants, more = {}) =>
      api.post(path('participants'), { identifier, action, participants: [...participants], ...more }),
    join: (identifier) => api.post(path('join'), { identifier }),
    reset: (identifier) => api.post(path('resetLink'), { identifier }),
    requests: (identifier) => api.get(named('requests', identifier)),
    leave: (identifier) => api.delete(named('leave', identifier)),
    ours: async (subject, people) =>
      text((await create({ name: subject, participants: people.map(({ number }) => number) })).body, 'group.jid'),
  }
}

/** Role of each member, by LID, as the network has it. */
export const rolesIn = (group: Json): { [lid: string]: Json } =>
  Object.fromEntries(list(group, 'members').map((member) => [text(member, 'lid'), field(member, 'role') ?? null]))

/** The community routes of an instance. */
export interface CommunityRoutes {
  create(body: Body): Promise<Answer>
  link(communityJid: string, groupJid: readonly string[]): Promise<Answer>
  unlink(communityJid: string, groupJid: readonly string[]): Promise<Answer>
  subGroups(communityJid: string): Promise<Answer>
}

export const communityRoutes = ({ api, name }: Pick<Line, 'api' | 'name'>): CommunityRoutes => {
  const path = (verb: string) => `/api/community/${verb}/${name}`
  return {
    create: (body) => api.post(path('create'), body),
    link: (communityJid, groupJid) => api.post(path('link'), { communityJid, groupJid: [...groupJid] }),
    unlink: (communityJid, groupJid) => api.post(path('unlink'), { communityJid, groupJid: [...groupJid] }),
    subGroups: (communityJid) => api.get(`${path('listSubGroups')}?communityJid=${encodeURIComponent(communityJid)}`),
  }
}
