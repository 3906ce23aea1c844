/** Stories of requests (engine.md §4): what a companion asks the server, and what others hear of it. */
import { proto } from 'baileys'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type BinaryNode, childOf, childrenNamed, childrenOf, node, textOf } from '../src/wire/nodes.ts'
import { type ShownPhone, Simulator } from './harness.ts'
import { newKeyPair } from './noise-initiator.ts'
import type { RawCompanion } from './raw-companion.ts'

let network: Simulator
let ana: ShownPhone
let bia: ShownPhone
let client: RawCompanion
/** What is expected in GET /unanswered at the end. */
let unanswered: unknown[] = []

beforeEach(async () => {
  unanswered = []
  network = await Simulator.start()
  ana = await network.phone('5511900000001', { name: 'Ana' })
  bia = await network.phone('5511900000002', { name: 'Bia', business: true })
  client = await network.companion(ana.number)
})

afterEach(async () => {
  expect((await network.call('GET', '/unanswered')).body).toMatchObject(unanswered)
  await network.stop()
})

const answered = (answer: BinaryNode) => {
  expect(answer.attrs.type).toBe('result')
  return childrenOf(answer)[0]
}
const code = (answer: BinaryNode) => childOf(answer, 'error')?.attrs.code

const usync = (protocols: string[], users: BinaryNode[]) =>
  client.query('usync', 'get', [
    node('usync', { sid: 'S', mode: 'query', context: 'message', last: 'true', index: '0' }, [
      node(
        'query',
        {},
        protocols.map((tag) => node(tag)),
      ),
      node('list', {}, users),
    ]),
  ])
const users = (answer: BinaryNode) => childrenNamed(childOf(answered(answer), 'list'), 'user')

describe('looking people up', () => {
  test('devices and LID, in the addressing asked', async () => {
    await network.link(bia.number)
    const found = users(
      await usync(['devices', 'lid'], [node('user', { jid: bia.jid }), node('user', { jid: bia.lid }), node('user', { jid: '999@lid' })]),
    )
    expect(found.map(({ attrs }) => attrs.jid)).toEqual([bia.jid, bia.lid])
    for (const user of found) {
      expect(childOf(user, 'lid')?.attrs.val).toBe(bia.lid)
      const list = childrenNamed(childOf(childOf(user, 'devices'), 'device-list'), 'device')
      expect(list.map(({ attrs }) => attrs)).toEqual([{ id: '0' }, { id: '1', 'key-index': '1' }])
    }
  })

  test('numbers, known and unknown', async () => {
    const contact = (number: string) => node('user', {}, [node('contact', {}, Buffer.from(number))])
    const found = users(await usync(['contact'], [contact(`+${bia.number}`), contact('+5511999999999')]))
    expect(found.map((user) => [user.attrs.jid, childOf(user, 'contact')?.attrs.type])).toEqual([
      [bia.jid, 'in'],
      ['5511999999999@s.whatsapp.net', 'out'],
    ])
    expect(found.map((user) => textOf(childOf(user, 'contact')))).toEqual([`+${bia.number}`, '+5511999999999'])
  })

  test('a number, its LID and its devices in one answer; of an unknown one only that', async () => {
    const contact = (number: string) => node('user', {}, [node('contact', {}, Buffer.from(number))])
    const found = users(await usync(['contact', 'lid', 'devices'], [contact(`+${bia.number}`), contact('+5511999999999')]))
    expect(found.map((user) => childrenOf(user).map(({ tag }) => tag))).toEqual([['contact', 'lid', 'devices'], ['contact']])
  })

  test('about texts and disappearing mode, as far as the person shows them', async () => {
    await network.call('PATCH', `/phones/${bia.number}`, { about: 'ocupada' })
    const ask = async () => users(await usync(['status', 'disappearing_mode'], [node('user', { jid: bia.jid })]))[0]
    expect(textOf(childOf(await ask(), 'status'))).toBe('ocupada')
    expect(childOf(await ask(), 'disappearing_mode')?.attrs.duration).toBe('0')
    await network.call('PATCH', `/phones/${bia.number}`, { privacy: { status: 'none' } })
    expect(childOf(await ask(), 'status')?.attrs).toEqual({ code: '401' })
  })
})

describe('Signal keys', () => {
  const fetchKeys = (...jids: string[]) =>
    client.query('encrypt', 'get', [
      node(
        'key',
        {},
        jids.map((jid) => node('user', { jid })),
      ),
    ])

  test('a bundle under the address asked, each one-time prekey once', async () => {
    const bundles = [await fetchKeys(bia.lid), await fetchKeys(bia.lid)].map((answer) => childrenOf(answered(answer))[0])
    for (const bundle of bundles) {
      expect(bundle?.attrs.jid).toBe(bia.lid)
      expect(['registration', 'identity', 'skey'].map((tag) => childOf(bundle, tag) !== undefined)).toEqual([true, true, true])
    }
    const ids = bundles.map((bundle) => childOf(childOf(bundle, 'key'), 'id')?.content)
    expect(ids[0]).not.toEqual(ids[1])
  })

  test('a device that does not exist is an error of its own', async () => {
    const list = childrenNamed(answered(await fetchKeys(`${bia.number}:9@s.whatsapp.net`, bia.jid)), 'user')
    expect(list.map((user) => childOf(user, 'error')?.attrs.code)).toEqual(['406', undefined])
  })

  test('a companion just linked can be written to with its signed prekey alone, before its first login', async () => {
    const other = await network.link(bia.number)
    const bundle = childrenOf(answered(await fetchKeys(other.jid ?? '')))[0]
    expect(childOf(childOf(bundle, 'skey'), 'value')?.content).toEqual(other.signedPreKey.publicKey)
    expect(childOf(bundle, 'key')).toBeUndefined()
  })

  test('count, digest, rotation', async () => {
    // The own phone has taken one of the ten to introduce itself.
    await client.next((s) => s.tag === 'message' && s.attrs.category === 'peer')
    expect(answered(await client.query('encrypt', 'get', [node('count')]))?.attrs.value).toBe('9')
    const skey = node('skey', {}, [
      node('id', {}, Buffer.from([0, 0, 9])),
      node('value', {}, newKeyPair().publicKey),
      node('signature', {}, Buffer.alloc(64, 5)),
    ])
    expect((await client.query('encrypt', 'set', [node('rotate', {}, [skey])])).attrs.type).toBe('result')
    const digest = answered(await client.query('encrypt', 'get', [node('digest')]))
    expect(childOf(digest, 'identity')?.content).toEqual(client.me.identity.publicKey)
    expect(childOf(childOf(digest, 'skey'), 'id')?.content).toEqual(Buffer.from([0, 0, 9]))
    expect(childOf(digest, 'list')?.content).toHaveLength(9)
  })

  test('a device whose prekeys run out is told once', async () => {
    const other = await network.companion(bia.number)
    for (let taken = 0; taken < 8; taken += 1) await fetchKeys(other.me.jid ?? '')
    const notice = await other.next((s) => s.tag === 'notification' && s.attrs.type === 'encrypt')
    expect(notice.attrs.from).toBe('s.whatsapp.net')
    expect(childOf(notice, 'count')?.attrs.value).toBe('4')
    await other.query('w:p', 'get', [node('ping')])
    expect(other.received.filter((s) => s.attrs.type === 'encrypt' && s.tag === 'notification')).toHaveLength(1)
  })

  test('keys of the wrong size are refused', async () => {
    const upload = client.keyUpload(1).map((part) => (part.tag === 'identity' ? node('identity', {}, Buffer.alloc(31)) : part))
    expect(code(await client.query('encrypt', 'set', upload))).toBe('400')
  })
})

describe('app state', () => {
  const patch = (text: string) =>
    proto.SyncdPatch.encode({
      mutations: [{ record: { index: { blob: Buffer.from(text) }, value: { blob: Buffer.from(text) } } }],
      snapshotMac: Buffer.from('mac'),
    }).finish()
  const sync = (who: RawCompanion, attrs: Record<string, string>, bytes?: Uint8Array) =>
    who.query('w:sync:app:state', 'set', [node('sync', {}, [node('collection', attrs, bytes && [node('patch', {}, bytes)])])])
  const collection = (answer: BinaryNode) => childOf(answered(answer), 'collection')

  test('a patch gets a version, own devices are told, and whoever was slower gets a conflict and what it missed', async () => {
    const other = await network.companion(ana.number)
    const uploaded = collection(await sync(client, { name: 'regular', version: '0', return_snapshot: 'false' }, patch('first')))
    expect(uploaded?.attrs).toEqual({ name: 'regular', version: '1', type: 'result' })
    const told = await other.next(
      (s) => s.tag === 'notification' && s.attrs.type === 'server_sync' && childOf(s, 'collection')?.attrs.name === 'regular',
    )
    expect(childOf(told, 'collection')?.attrs).toEqual({ name: 'regular', version: '1' })

    const clash = collection(await sync(other, { name: 'regular', version: '0', return_snapshot: 'false' }, patch('late')))
    expect([clash?.attrs.type, code(clash ?? node('x'))]).toEqual(['error', '409'])
    const missed = childrenNamed(childOf(clash, 'patches'), 'patch')
    expect(missed).toHaveLength(1)

    const read = collection(await sync(other, { name: 'regular', version: '0', return_snapshot: 'true' }))
    expect(read?.attrs).toEqual({ name: 'regular', version: '1', has_more_patches: 'false' })
    expect(childrenNamed(childOf(read, 'patches'), 'patch').map(({ content }) => content)).toEqual(missed.map(({ content }) => content))
  })

  test('a collection nobody has is an error', async () => {
    expect(code(collection(await sync(client, { name: 'other', version: '0' })) ?? node('x'))).toBe('404')
  })
})

describe('privacy and blocking', () => {
  test('a setting is changed, refused when it makes no sense, and told to own devices', async () => {
    const other = await network.companion(ana.number)
    const set = (name: string, value: string) => client.query('privacy', 'set', [node('privacy', {}, [node('category', { name, value })])])
    expect((await set('last', 'none')).attrs.type).toBe('result')
    expect(code(await set('last', 'nobody'))).toBe('400')
    expect((await network.call('GET', `/phones/${ana.number}/privacy`)).body).toMatchObject({ last: 'none', readreceipts: 'all' })
    const told = await other.next((s) => s.tag === 'notification' && childOf(s, 'privacy') !== undefined)
    expect(told.attrs.type).toBe('account_sync')
    const all = answered(await client.query('privacy', 'get', [node('privacy')]))
    expect(childrenNamed(all, 'category').map(({ attrs }) => attrs.name)).toEqual(
      expect.arrayContaining(['readreceipts', 'last', 'online', 'profile', 'status', 'groupadd', 'calladd', 'messages']),
    )
  })

  test('a privacy token reaches the contact', async () => {
    const contact = await network.companion(bia.number)
    await client.query('privacy', 'set', [node('tokens', {}, [node('token', { jid: bia.jid, t: '1700000000', type: 'trusted_contact' })])])
    const notice = await contact.next((s) => s.tag === 'notification' && s.attrs.type === 'privacy_token')
    expect(notice.attrs).toMatchObject({ from: ana.jid, sender_lid: ana.lid })
    expect(childOf(childOf(notice, 'tokens'), 'token')).toMatchObject({ attrs: { type: 'trusted_contact', t: '1700000000' } })
  })

  test('blocking and unblocking', async () => {
    const change = (action: string) => client.query('blocklist', 'set', [node('item', { action, jid: bia.lid, pn_jid: bia.jid })])
    expect(childrenOf(answered(await change('block'))).map(({ attrs }) => attrs.jid)).toEqual([bia.lid])
    expect(childrenOf(answered(await client.query('blocklist', 'get')))).toHaveLength(1)
    expect(childrenOf(answered(await change('unblock')))).toEqual([])
    expect(code(await change('shout'))).toBe('400')
  })
})

describe('profile', () => {
  test('a picture is set, found by others, told to those who looked, hidden and removed', async () => {
    const contact = await network.companion(bia.number)
    const look = () => contact.query('w:profile:picture', 'get', [node('picture', { type: 'image', query: 'url' })], { target: ana.jid })
    expect(code(await look())).toBe('404')
    // Who has looked somebody up is told of changes.
    await contact.query('usync', 'get', [
      node('usync', { sid: 'S' }, [node('query', {}, [node('lid')]), node('list', {}, [node('user', { jid: ana.jid })])]),
    ])
    const set = answered(await client.query('w:profile:picture', 'set', [node('picture', { type: 'image' }, Buffer.from('jpeg bytes'))]))
    const told = await contact.next((s) => s.tag === 'notification' && s.attrs.type === 'picture')
    expect(childOf(told, 'set')?.attrs).toMatchObject({ jid: ana.jid, id: set?.attrs.id })
    expect(answered(await look())?.attrs).toMatchObject({
      id: set?.attrs.id,
      type: 'image',
      url: expect.stringMatching(/^https:\/\/127\.0\.0\.1:\d+\/pp\//),
    })
    expect((await network.call('GET', `/phones/${ana.number}/profile`)).body.picture.base64).toBe(
      Buffer.from('jpeg bytes').toString('base64'),
    )

    await network.call('PATCH', `/phones/${ana.number}`, { privacy: { profile: 'none' } })
    expect(code(await look())).toBe('401')
    await network.call('PATCH', `/phones/${ana.number}`, { privacy: { profile: 'all' }, picture: null })
    expect(childOf(await contact.next((s) => s.tag === 'notification' && childOf(s, 'delete') !== undefined), 'delete')).toBeDefined()
    expect(code(await look())).toBe('404')
  })

  test('the about text', async () => {
    await client.query('status', 'set', [node('status', {}, Buffer.from('olá'))])
    expect((await network.call('GET', `/phones/${ana.number}/profile`)).body).toMatchObject({ name: 'Ana', about: 'olá' })
    expect(code(await client.query('status', 'set', [node('status', {}, Buffer.from('x'.repeat(140)))]))).toBe('406')
  })

  test('a business profile: written by the business, read by anybody', async () => {
    const business = await network.companion(bia.number)
    await business.query('w:biz', 'set', [
      node('business_profile', { v: '3', mutation_type: 'delta' }, [node('description', {}, Buffer.from('Padaria'))]),
    ])
    const ask = (jid: string) => client.query('w:biz', 'get', [node('business_profile', { v: '244' }, [node('profile', { jid })])])
    expect(textOf(childOf(childOf(answered(await ask(bia.jid)), 'profile'), 'description'))).toBe('Padaria')
    expect(childrenOf(answered(await ask(ana.jid)))).toEqual([])
    expect(code(await client.query('w:biz', 'set', [node('business_profile', {}, [])]))).toBe('403')
  })

  test('default disappearing mode', async () => {
    await client.query('disappearing_mode', 'set', [node('disappearing_mode', { duration: '86400' })])
    expect((await network.call('GET', `/phones/${ana.number}/profile`)).body.disappearing.duration).toBe(86400)
  })
})

test('the rest of what a client asks when it starts is answered', async () => {
  const answers = [
    await client.query('w:p', 'get', [node('ping')]),
    await client.query('abt', 'get', [node('props', { protocol: '1' })]),
    await client.query('w:m', 'set', [node('media_conn')]),
    await client.query('w:g2', 'get', [node('participating', {}, [node('participants'), node('description')])], { to: '@g.us' }),
    await client.query('urn:xmpp:whatsapp:dirty', 'set', [node('clean', { type: 'groups' })]),
    await client.query('w:stats', 'set', [node('add', { t: '1' }, Buffer.from('wam'))]),
    await client.query('bot', 'get', [node('bot', { v: '2' })]),
  ]
  expect(answers.map(({ attrs }) => attrs.type)).toEqual(answers.map(() => 'result'))
  const host = childOf(answered(answers[2] ?? node('x')), 'host')
  expect(network.info.mediaUrl).toBe(`https://${host?.attrs.hostname}`)
})

test('whom stories are for: contacts, until the person says otherwise', async () => {
  const lists = async () => {
    const privacy = answered(await client.query('status', 'get', [node('privacy')]))
    return childrenNamed(privacy, 'list').map(({ attrs, content }) => [attrs.type, attrs.default, content])
  }
  expect(await lists()).toEqual([
    ['contacts', 'true', []],
    ['whitelist', undefined, []],
    ['blacklist', undefined, []],
  ])
  await network.call('PUT', `/phones/${ana.number}/story-audience`, { audience: 'whitelist', people: [bia.number] })
  expect((await lists())[1]).toEqual(['whitelist', 'true', [node('user', { jid: bia.jid })]])
})

test('what nobody implemented is answered 501 and written down', async () => {
  expect(code(await client.query('w:pay', 'get', [node('balance')]))).toBe('501')
  expect(code(await client.query('w:g2', 'set', [node('dance')], { to: '@g.us' }))).toBe('501')
  client.send(node('telegram', { id: 'X' }))
  await client.query('w:p', 'get', [node('ping')])
  unanswered = [
    { phone: ana.number, device: 1, xmlns: 'w:pay', type: 'get', child: 'balance' },
    { phone: ana.number, device: 1, xmlns: 'w:g2', type: 'set', child: 'dance' },
    { phone: ana.number, device: 1, tag: 'telegram' },
  ]
  expect((await network.call('GET', '/unanswered')).body).toMatchObject(unanswered)
  expect((await network.call('DELETE', '/unanswered')).status).toBe(204)
  unanswered = []
})
