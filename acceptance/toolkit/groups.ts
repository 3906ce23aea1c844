/** Groups from both sides: as people have them on their phones, over the simulator's control API, and by the routes of an instance. */
import { type Answer, createApi } from './api.ts'
import { at, type Json, list, text } from './json.ts'
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
  community(by: Phone, subject: string): Promise<string>
  /** Links groups to a community. */
  link(community: string, by: Phone, groups: readonly string[]): Promise<void>
}

export const phoneGroups = (simulator: Simulator): PhoneGroups => {
  const api = createApi(simulator.url)
  const ask = async (method: 'get' | 'post' | 'put' | 'patch', path: string, body: Json = {}): Promise<Json> => {
    const answer = method === 'get' ? await api.get(path) : await api[method](path, body)
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
    community: async (by, subject) => text(await ask('post', '/communities', { by: by.number, subject }), 'id'),
    async link(community, by, groups) {
      await ask('post', `/communities/${encodeURIComponent(community)}/groups`, { by: by.number, groups: [...groups] })
    },
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
  Object.fromEntries(list(group, 'members').map((member) => [text(member, 'lid'), at(member, 'role') ?? null]))
