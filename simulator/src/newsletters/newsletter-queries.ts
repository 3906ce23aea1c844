/** What can be asked about newsletters through `w:mex`: each a function of its variables. Throws {@link MexError}. */
import { z } from 'zod'
import type { Account } from '../accounts/account.ts'
import { unixSeconds } from '../clock.ts'
import type { Services } from '../services.ts'
import { node } from '../wire/nodes.ts'
import { Newsletter } from './newsletter.ts'
import { metadata, subscribersOf } from './newsletter-views.ts'

/** An entry of `errors` in the answer. */
export class MexError extends Error {
  readonly code: number
  constructor(code: number, message: string) {
    super(message)
    this.code = code
  }
}

export interface MexRequest {
  account: Account
  variables: unknown
  services: Services
}

/** What stands under the query's path in `data`. */
export type MexQuery = (request: MexRequest) => unknown

const MAX_NAME = 100
const MAX_DESCRIPTION = 2_048

const creation = z.object({ input: z.object({ name: z.string(), description: z.string().nullish(), picture: z.string().nullish() }) })
const lookUp = z.object({
  input: z.object({ key: z.string(), type: z.string() }),
  fetch_viewer_metadata: z.boolean().optional(),
})
const named = z.object({ newsletter_id: z.string() })
const withUser = named.extend({ user_id: z.string() })
const change = named.extend({
  updates: z.object({ name: z.string().nullish(), description: z.string().nullish(), picture: z.string().nullish() }),
})

export function create({ account, variables, services }: MexRequest): unknown {
  const { newsletters, clock, media } = services
  const { name, description, picture } = creation.parse(variables).input
  // The code and words are ours: nobody has written down WhatsApp's own (engine.md §9.5).
  if (newsletters.withoutTerms.has(account)) throw new MexError(403, 'Newsletter terms of service not accepted')
  checkTexts(name, description)
  if (newsletters.isFull) throw new MexError(429, 'Too many newsletters')
  const made = newsletters.create({ name, description: description ?? '', owner: account, createdAt: unixSeconds(clock) })
  if (picture) setPicture(made, picture, services)
  notify(made, account, 'NotificationNewsletterJoin', 'xwa2_notify_newsletter_on_join', services)
  return metadata(made, account, media)
}

export function find({ account, variables, services }: MexRequest): unknown {
  const { input, fetch_viewer_metadata: asViewer } = lookUp.parse(variables)
  const { newsletters, media } = services
  const found = input.type === 'INVITE' ? newsletters.byInvite(input.key) : newsletters.find(input.key)
  if (found === undefined) throw notFound()
  return metadata(found, asViewer ? account : undefined, media)
}

export function listFollowed({ account, services }: MexRequest): unknown {
  return services.newsletters.of(account).map((newsletter) => metadata(newsletter, account, services.media))
}

/** Following twice is following once. */
export function follow(request: MexRequest): unknown {
  const { account, services } = request
  const newsletter = namedIn(request)
  if (newsletter.state !== 'ACTIVE') throw new MexError(403, 'Newsletter is not available')
  if (!newsletter.followers.has(account)) {
    if (newsletter.followers.size >= Newsletter.maxFollowers) throw new MexError(429, 'Too many followers')
    services.newsletters.follow(newsletter, account, { role: 'SUBSCRIBER', muted: true, since: unixSeconds(services.clock) })
    notify(newsletter, account, 'NotificationNewsletterJoin', 'xwa2_notify_newsletter_on_join', services)
  }
  return { ...state(newsletter), viewer_metadata: { role: newsletter.roleOf(account) } }
}

/** An owner stays: a channel without one would be nobody's. */
export function unfollow(request: MexRequest): unknown {
  const { account, services } = request
  const newsletter = namedIn(request)
  if (newsletter.roleOf(account) === 'OWNER') throw new MexError(405, 'The owner cannot leave')
  if (newsletter.roleOf(account) === 'GUEST') throw notFound()
  services.newsletters.unfollow(newsletter, account)
  notify(newsletter, account, 'NotificationNewsletterLeave', 'xwa2_notify_newsletter_on_leave', services)
  return state(newsletter)
}

export function setMute(muted: boolean): MexQuery {
  return (request) => {
    const newsletter = namedIn(request)
    const follower = newsletter.followers.get(request.account)
    if (follower === undefined) throw notFound()
    follower.muted = muted
    return { id: newsletter.jid, viewer_metadata: { mute: muted ? 'ON' : 'OFF', role: follower.role } }
  }
}

export function update(request: MexRequest): unknown {
  const { services } = request
  const newsletter = ownedIn(request)
  const { name, description, picture } = change.parse(request.variables).updates
  checkTexts(name ?? newsletter.name.text, description)
  const at = unixSeconds(services.clock)
  if (typeof name === 'string') newsletter.name = { text: name, at }
  if (typeof description === 'string') newsletter.description = { text: description, at }
  if (typeof picture === 'string') setPicture(newsletter, picture, services)
  for (const follower of newsletter.followers.keys())
    notify(newsletter, follower, 'NotificationNewsletterUpdate', 'xwa2_notify_newsletter_on_metadata_update', services)
  return metadata(newsletter, undefined, services.media)
}

export function countAdmins(request: MexRequest): unknown {
  const newsletter = ownedIn(request)
  const admins = [...newsletter.followers.values()].filter(({ role }) => role !== 'SUBSCRIBER')
  return { id: newsletter.jid, admin_count: admins.length }
}

export function listSubscribers(request: MexRequest): unknown {
  const newsletter = ownedIn(request)
  const edges = [...newsletter.followers].map(([{ lid, jid, name }, { role, since }]) => ({
    node: { id: lid, pn: jid, display_name: name },
    role,
    subscribe_time: String(since),
  }))
  return { id: newsletter.jid, subscribers: { edges }, subscribers_count: String(subscribersOf(newsletter)) }
}

export function changeOwner(request: MexRequest): unknown {
  const newsletter = ownedIn(request, 'OWNER')
  const [next, follower] = adminNamed(newsletter, request)
  newsletter.followers.set(next, { ...follower, role: 'OWNER' })
  const former = newsletter.followers.get(request.account)
  if (former) former.role = 'ADMIN'
  return state(newsletter)
}

export function demote(request: MexRequest): unknown {
  const newsletter = ownedIn(request, 'OWNER')
  const [, follower] = adminNamed(newsletter, request)
  follower.role = 'SUBSCRIBER'
  return state(newsletter)
}

export function remove(request: MexRequest): unknown {
  const { services } = request
  const newsletter = ownedIn(request, 'OWNER')
  for (const follower of newsletter.followers.keys())
    notify(newsletter, follower, 'NotificationNewsletterStateChange', 'xwa2_notify_newsletter_on_state_change', services, 'DELETED')
  services.newsletters.remove(newsletter)
  return { id: newsletter.jid, state: { type: 'DELETED' } }
}

function namedIn({ variables, services }: MexRequest): Newsletter {
  const newsletter = services.newsletters.find(named.parse(variables).newsletter_id)
  if (newsletter === undefined) throw notFound()
  return newsletter
}

/** Of somebody who runs it. */
function ownedIn(request: MexRequest, role?: 'OWNER'): Newsletter {
  const newsletter = namedIn(request)
  const has = newsletter.roleOf(request.account)
  if (role === undefined ? !newsletter.isAdmin(request.account) : has !== role) throw new MexError(403, 'Forbidden')
  return newsletter
}

function adminNamed(newsletter: Newsletter, { variables, services }: MexRequest) {
  const account = services.directory.resolve(withUser.parse(variables).user_id)?.account
  const follower = account && newsletter.followers.get(account)
  if (account === undefined || follower?.role !== 'ADMIN') throw notFound()
  return [account, follower] as const
}

/** Base64; empty takes it away. */
function setPicture(newsletter: Newsletter, base64: string, { media }: Services): void {
  if (newsletter.picture) media.removePicture(newsletter.picture.id)
  const bytes = Buffer.from(base64, 'base64')
  newsletter.picture = bytes.length === 0 ? undefined : { id: media.storePicture(bytes), bytes }
}

function checkTexts(name: string, description: string | null | undefined): void {
  if (name.trim() === '' || [...name].length > MAX_NAME) throw new MexError(400, 'Invalid name')
  if ([...(description ?? '')].length > MAX_DESCRIPTION) throw new MexError(400, 'Invalid description')
}

function notify(newsletter: Newsletter, account: Account, operation: string, path: string, services: Services, type?: string): void {
  const content = { ...metadata(newsletter, account, services.media), ...(type && { state: { type } }) }
  const update = node('update', { op_name: operation }, Buffer.from(JSON.stringify({ data: { [path]: content } })))
  for (const device of account.devices.values()) services.notifier.send(device, 'mex', newsletter.jid, [update])
}

const state = (newsletter: Newsletter) => ({ id: newsletter.jid, state: { type: newsletter.state } })
const notFound = () => new MexError(404, 'Not Found')
