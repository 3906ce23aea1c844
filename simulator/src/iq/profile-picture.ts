/** `w:profile:picture`: setting, removing and looking at pictures of people and of groups. */
import type { Account } from '../accounts/account.ts'
import type { Group } from '../groups/group.ts'
import { requireEditor } from '../groups/settings.ts'
import { IqError } from '../ports.ts'
import { bytesOf, node } from '../wire/nodes.ts'
import { type IqHandler, type IqRequest, NotImplemented } from './iq-handler.ts'

export const profilePicture: IqHandler = {
  xmlns: 'w:profile:picture',
  answer(request) {
    const group = request.services.groups.find(request.stanza.attrs.target)
    if (group !== undefined) return request.type === 'get' ? lookAtGroup(request, group) : changeOfGroup(request, group)
    return request.type === 'get' ? look(request) : change(request)
  },
}

function look({ stanza, child, account, services }: IqRequest) {
  const asked = stanza.attrs.target === undefined ? account : services.directory.resolve(stanza.attrs.target)?.account
  if (asked === undefined || asked.picture === undefined) throw new IqError(404, 'item-not-found')
  if (asked !== account && (asked.isBlocking(account) || !asked.privacy.shows('profile', asked.contacts.has(account)))) {
    throw new IqError(401, 'not-authorized')
  }
  const { id } = asked.picture
  const { url, directPath } = services.media.pictureLocation(id)
  return [node('picture', { id, type: child?.attrs.type ?? 'image', url, direct_path: directPath })]
}

function change(request: IqRequest) {
  const { stanza, child, account, device, services } = request
  const target = stanza.attrs.target
  if (target !== undefined && services.directory.resolve(target)?.account !== account) throw new NotImplemented('picture of somebody else')
  const bytes = bytesOf(child)
  setPicture(account, bytes === undefined || bytes.length === 0 ? undefined : bytes, services)
  services.notifier.toOwnDevices(account, device, 'picture', [pictureChange(account)])
  return account.picture === undefined ? undefined : [node('picture', { id: account.picture.id })]
}

function lookAtGroup({ child, account, services }: IqRequest, group: Group) {
  if (!group.members.has(account)) throw new IqError(401, 'not-authorized')
  if (group.picture === undefined) throw new IqError(404, 'item-not-found')
  const { id } = group.picture
  const { url, directPath } = services.media.pictureLocation(id)
  return [node('picture', { id, type: child?.attrs.type ?? 'image', url, direct_path: directPath })]
}

/** By any member, in a locked group by admins; everybody in it is told. */
function changeOfGroup({ child, account, services }: IqRequest, group: Group) {
  if (!group.members.has(account)) throw new IqError(403, 'forbidden')
  requireEditor({ group, account })
  const bytes = bytesOf(child)
  if (group.picture !== undefined) services.media.removePicture(group.picture.id)
  group.picture = bytes?.length ? { id: services.media.storePicture(bytes), bytes: Buffer.from(bytes) } : undefined
  const author = account.address(group.server)
  const told = group.picture ? node('set', { jid: group.jid, id: group.picture.id, author }) : node('delete', { jid: group.jid, author })
  for (const member of group.members.keys()) {
    for (const device of member.devices.values()) services.notifier.send(device, 'picture', group.jid, [told])
  }
  return group.picture && [node('picture', { id: group.picture.id })]
}

/** Stores or removes the picture and tells everybody who may see it. */
export function setPicture(account: Account, bytes: Buffer | undefined, services: IqRequest['services']): void {
  if (account.picture !== undefined) services.media.removePicture(account.picture.id)
  account.picture = bytes && { id: services.media.storePicture(bytes), bytes }
  services.notifier.toWatchers(account, 'picture', [pictureChange(account)])
}

function pictureChange(account: Account) {
  return account.picture === undefined
    ? node('delete', { jid: account.jid })
    : node('set', { jid: account.jid, id: account.picture.id, author: account.jid })
}
