/** `w:sync:app:state`: patches up and down, one `<collection>` each. */
import { AppStateConflict, AppStateFull, type Collection } from '../accounts/app-state.ts'
import { IqError } from '../ports.ts'
import { type BinaryNode, bytesOf, childOf, childrenNamed, node } from '../wire/nodes.ts'
import type { IqHandler, IqRequest } from './iq-handler.ts'

export const appStateSync: IqHandler = {
  xmlns: 'w:sync:app:state',
  answer(request) {
    if (request.child?.tag !== 'sync') throw new IqError(400, 'bad-request')
    const uploaded: BinaryNode[] = []
    const answers = childrenNamed(request.child, 'collection').map((asked) => {
      const name = asked.attrs.name ?? ''
      const collection = request.account.appState.collection(name)
      if (collection === undefined) return collectionError(name, 404, 'item-not-found')
      const patch = bytesOf(childOf(asked, 'patch'))
      if (patch === undefined) return download(request, name, collection, asked)
      const answer = upload(name, collection, asked, patch)
      if (answer.attrs.type === 'result') uploaded.push(node('collection', { name, version: String(collection.version) }))
      return answer
    })
    // Own other devices fetch what is new. One notification each: clients look at the first child only.
    for (const collection of uploaded) request.services.notifier.toOwnDevices(request.account, request.device, 'server_sync', [collection])
    return [node('sync', {}, answers)]
  },
}

function upload(name: string, collection: Collection, asked: BinaryNode, patch: Buffer): BinaryNode {
  const base = Number(asked.attrs.version ?? '0')
  try {
    return node('collection', { name, version: String(collection.append(base, patch)), type: 'result' })
  } catch (error) {
    if (error instanceof AppStateConflict) return collectionError(name, 409, 'conflict', missingPatches(collection, base))
    if (error instanceof AppStateFull) return collectionError(name, 507, 'too-many')
    return collectionError(name, 400, 'bad-request')
  }
}

function download(request: IqRequest, name: string, collection: Collection, asked: BinaryNode): BinaryNode {
  const answer = collection.since(Number(asked.attrs.version ?? '0'), asked.attrs.return_snapshot === 'true')
  if (answer.snapshot !== undefined) {
    const blob = request.services.media.storeAppStateBlob(answer.snapshot)
    return node('collection', { name, version: String(answer.version) }, [node('snapshot', {}, blob)])
  }
  const attrs = { name, version: String(answer.version), has_more_patches: answer.hasMore ? 'true' : 'false' }
  return node('collection', attrs, answer.patches.length === 0 ? undefined : [patchesNode(answer.patches)])
}

function missingPatches(collection: Collection, base: number): BinaryNode[] {
  const { patches } = collection.since(base, false)
  return patches.length === 0 ? [] : [patchesNode(patches)]
}

function patchesNode(patches: readonly { bytes: Buffer }[]): BinaryNode {
  return node(
    'patches',
    {},
    patches.map((patch) => node('patch', {}, patch.bytes)),
  )
}

function collectionError(name: string, code: number, text: string, extra: BinaryNode[] = []): BinaryNode {
  return node('collection', { name, type: 'error' }, [node('error', { code: String(code), text }), ...extra])
}
