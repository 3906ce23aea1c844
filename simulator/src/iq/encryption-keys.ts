/** `encrypt`: Signal public keys, up from each device and down to whoever wants to write to it first. */
import type { Device } from '../accounts/account.ts'
import type { DeviceKeys, PreKey, SignedPreKey } from '../accounts/key-bundle.ts'
import { IqError } from '../ports.ts'
import { type BinaryNode, bytesOf, childOf, childrenNamed, node } from '../wire/nodes.ts'
import { type IqHandler, type IqRequest, NotImplemented } from './iq-handler.ts'

/** Curve25519, the only kind there is. */
const KEY_TYPE = Buffer.from([5])

export const encryptionKeys: IqHandler = {
  xmlns: 'encrypt',
  answer(request) {
    const { type, child, device } = request
    switch (`${type} ${child?.tag}`) {
      case 'get count':
        return [node('count', { value: String(device.keys.count) })]
      case 'get digest':
        return [digest(device)]
      case 'get key':
        return [
          node(
            'list',
            {},
            childrenNamed(child, 'user').map((user) => handOut(request, user.attrs.jid ?? '')),
          ),
        ]
      case 'set rotate':
        device.keys.rotate(readSignedPreKey(childOf(child, 'skey')))
        return undefined
      case 'set registration':
      case 'set identity':
      case 'set type':
      case 'set list':
      case 'set skey':
        upload(request)
        return undefined
      default:
        throw new NotImplemented(`encrypt ${type} ${child?.tag}`)
    }
  },
}

function upload({ stanza, device, account, services }: IqRequest): void {
  const keys: DeviceKeys = {
    registration: sized(childOf(stanza, 'registration'), 4),
    identity: sized(childOf(stanza, 'identity'), 32),
    signedPreKey: readSignedPreKey(childOf(stanza, 'skey')),
  }
  const preKeys = childrenNamed(childOf(stanza, 'list'), 'key').map(readPreKey)
  const changed = device.keys.register(keys)
  device.keys.add(preKeys)
  if (changed && device.isPhone) services.notifier.identityChanged(account)
}

/**
 * One device's bundle, under the very address that was asked for: clients file it by that. In place of a device that is not there any more stands
 * an error, and the bundles of the others beside it.
 */
function handOut({ services, account }: IqRequest, jid: string): BinaryNode {
  const device = services.directory.device(jid)
  const keys = device?.keys.keys
  if (device === undefined || keys === undefined) return node('user', { jid }, [node('error', { code: '406', text: 'not-acceptable' })])
  account.meet(device.account)
  const preKey = device.keys.take()
  if (device.keys.runsLow()) services.notifier.lowPreKeys(device)
  return node('user', { jid }, [
    node('registration', {}, keys.registration),
    node('type', {}, KEY_TYPE),
    node('identity', {}, keys.identity),
    ...(preKey === undefined ? [] : [node('key', {}, preKeyContent(preKey))]),
    signedPreKeyNode(keys.signedPreKey),
  ])
}

function digest(device: Device): BinaryNode {
  const { keys } = device.keys
  if (keys === undefined) throw new IqError(404, 'item-not-found')
  return node('digest', {}, [
    node('registration', {}, keys.registration),
    node('type', {}, KEY_TYPE),
    node('identity', {}, keys.identity),
    signedPreKeyNode(keys.signedPreKey),
    node(
      'list',
      {},
      device.keys.preKeyIds.map((id) => node('id', {}, id)),
    ),
  ])
}

function signedPreKeyNode(key: SignedPreKey): BinaryNode {
  return node('skey', {}, [...preKeyContent(key), node('signature', {}, key.signature)])
}

function preKeyContent(key: PreKey): BinaryNode[] {
  return [node('id', {}, key.id), node('value', {}, key.value)]
}

function readPreKey(key: BinaryNode | undefined): PreKey {
  return { id: sized(childOf(key, 'id'), 3), value: sized(childOf(key, 'value'), 32) }
}

function readSignedPreKey(key: BinaryNode | undefined): SignedPreKey {
  return { ...readPreKey(key), signature: sized(childOf(key, 'signature'), 64) }
}

function sized(owner: BinaryNode | undefined, length: number): Buffer {
  const bytes = bytesOf(owner)
  if (bytes?.length !== length) throw new IqError(400, 'bad-request')
  // A copy: what was received is a slice of a much larger frame.
  return Buffer.from(bytes)
}
