/** Ways to make a server fetch what only it can reach. None may open a connection. */
import type { LookupAddress } from 'node:dns'
import { expect, it, onTestFinished } from 'vitest'
import { createLogger } from '../runtime/logging.ts'
import { isPublicAddress } from './addresses.ts'
import { createOutbound, type Outbound } from './outbound.ts'
import { startReceiver } from './test/receiver.ts'

const logger = createLogger('silent')

/** What a hostile DNS server would answer. */
const zone: Record<string, string[]> = {
  'loopback.example': ['127.0.0.1'],
  'loopback6.example': ['::1'],
  'mapped.example': ['::ffff:127.0.0.1'],
  'private.example': ['10.0.0.1'],
  'metadata.example': ['169.254.169.254'],
  'one-of-two.example': ['93.184.216.34', '127.0.0.1'],
  'nat64.example': ['64:ff9b::7f00:1'],
}
const resolve = async (hostname: string): Promise<LookupAddress[]> =>
  (zone[hostname] ?? ['127.0.0.1']).map((address) => ({ address, family: address.includes(':') ? 6 : 4 }))

const open = (options: Partial<Parameters<typeof createOutbound>[0]> = {}): Outbound => {
  const outbound = createOutbound({ allow: '', logger, resolve, ...options })
  onTestFinished(() => outbound.close())
  return outbound
}
const get = (outbound: Outbound, url: string, redirects = 0) =>
  outbound.request({ url, method: 'GET', timeoutMs: 5_000, maxResponseBytes: 1_000, redirects })

const loopback = [
  '127.0.0.1',
  '127.1',
  '127.0.1',
  '0177.0.0.1',
  '0177.0.0.01',
  '0x7f.0.0.1',
  '0x7f.1',
  '0x7f.0x0.0x0.0x1',
  '0x7F000001',
  '2130706433',
  '017700000001',
  '127.0.0.1.',
  '127.255.255.254',
  '%31%32%37.0.0.1',
  '①②⑦.⓪.⓪.①',
  '127。0。0。1',
  '127.0.\n0.1',
  '127.0.0.1\t',
  '0',
  '0.0.0.0',
  'localhost',
  'LOCALHOST',
  'localhost.',
  'lo\u00adcalhost',
  'user:word@127.0.0.1',
  'public.example@127.0.0.1',
  'public.example%40@127.0.0.1',
  '[::1]',
  '[0:0:0:0:0:0:0:1]',
  '[0000:0000:0000:0000:0000:0000:0000:0001]',
  '[::]',
  '[::ffff:127.0.0.1]',
  '[::ffff:7f00:1]',
  '[::FFFF:0:127.0.0.1]',
  '[::127.0.0.1]',
  '[64:ff9b::127.0.0.1]',
  '[64:ff9b::7f00:1]',
  '[64:ff9b:1::127.0.0.1]',
  '[2002:7f00:1::]',
  '[2001:0:7f00:1::1]',
  'loopback.example',
  'loopback.example.',
  'loopback6.example',
  'mapped.example',
  'nat64.example',
  'one-of-two.example',
]

const elsewhere = [
  '10.0.0.1',
  '10.1',
  '0x0a000001',
  '167772161',
  '172.16.0.1',
  '172.31.255.255',
  '192.168.0.1',
  '192.168.257',
  '169.254.169.254',
  '0xa9fea9fe',
  '2852039166',
  '0251.0376.0251.0376',
  '100.64.0.1',
  '100.100.100.200',
  '168.63.129.16',
  '192.0.0.192',
  '198.18.0.1',
  '203.0.113.5',
  '224.0.0.1',
  '240.0.0.1',
  '255.255.255.255',
  '[fe80::1]',
  '[fc00::1]',
  '[fd00:ec2::254]',
  '[fec0::1]',
  '[ff02::1]',
  '[2002:a00:1::]',
  '[64:ff9b::a9fe:a9fe]',
  '[100::1]',
  '[2001:db8::1]',
  '[3fff::1]',
  '[5f00::1]',
  'private.example',
  'metadata.example',
]

it.each(loopback)('http://%s is refused, without a connection', async (host) => {
  const receiver = await startReceiver((_request, response) => response.end('inside'), host.startsWith('[') ? '::1' : '127.0.0.1')
  await expect(get(open(), `http://${host.trimEnd()}:${receiver.port}/`)).rejects.toMatchObject({ reason: 'blocked' })
  expect(receiver.connections()).toBe(0)
})

it.each(elsewhere)('http://%s is refused', async (host) => {
  await expect(get(open(), `http://${host}/`)).rejects.toMatchObject({ reason: 'blocked', message: 'the address is not public' })
})

it.each([
  'ftp://public.example/',
  'file:///etc/passwd',
  'gopher://127.0.0.1:70/',
  'data:text/plain,hello',
  'javascript:alert(1)',
  'unix:/var/run/docker.sock',
  'ws://127.0.0.1/',
  '//127.0.0.1/',
  '127.0.0.1',
  'http://',
  'http://1.2.3.4.5/',
  'http://256.0.0.1/',
  'http://[::1',
  'http://[fe80::1%25eth0]/',
  '',
])('"%s" is no URL to go to', async (url) => {
  await expect(get(open(), url)).rejects.toMatchObject({ reason: 'invalid' })
})

it.each(['http:127.0.0.1', 'http:\\\\127.0.0.1', 'HTTP:///127.0.0.1', ' http://127.0.0.1 '])(
  '"%s", which browsers understand, is refused',
  async (url) => {
    await expect(get(open(), url)).rejects.toMatchObject({ reason: 'blocked' })
  },
)

it("the machine's own names are refused", async () => {
  const receiver = await startReceiver((_request, response) => response.end('inside'))
  await expect(get(open({ resolve: undefined }), `http://localhost:${receiver.port}/`)).rejects.toMatchObject({ reason: 'blocked' })
  expect(receiver.connections()).toBe(0)
})

it('a name is resolved once: what was checked is what is connected to', async () => {
  const receiver = await startReceiver((_request, response) => response.end('inside'))
  const answers = [['127.0.0.1'], ['127.0.0.2']]
  const changing = async () => (answers.shift() ?? ['127.0.0.3']).map((address) => ({ address, family: 4 }))
  const outbound = open({ allow: `127.0.0.1:${receiver.port}`, resolve: changing })
  const answer = await get(outbound, `http://changing.example:${receiver.port}/`)
  expect(answer.body.toString()).toBe('inside')
  expect(answers).toHaveLength(1)
})

it('a name that turned private is refused at the next connection', async () => {
  const receiver = await startReceiver((_request, response) => response.setHeader('connection', 'close').end('inside'))
  const answers = ['127.0.0.1', '127.0.0.2']
  const changing = async () => [{ address: answers.shift() ?? '', family: 4 }]
  const outbound = open({ allow: `127.0.0.1:${receiver.port}`, resolve: changing })
  await get(outbound, `http://changing.example:${receiver.port}/`)
  await expect(get(outbound, `http://changing.example:${receiver.port}/`)).rejects.toMatchObject({ reason: 'blocked' })
})

it('a redirect to a private address is refused, wherever it hides in the chain', async () => {
  const inside = await startReceiver((_request, response) => response.end('inside'))
  const first = await startReceiver((request, response) => {
    const location = request.url === '/chain' ? '/direct' : `http://0x7f.1:${inside.port}/`
    response.writeHead(302, { location }).end()
  })
  const outbound = open({ allow: `127.0.0.1:${first.port}` })
  await expect(get(outbound, `${first.url}/direct`, 5)).rejects.toMatchObject({ reason: 'blocked' })
  await expect(get(outbound, `${first.url}/chain`, 5)).rejects.toMatchObject({ reason: 'blocked' })
  expect(inside.connections()).toBe(0)
})

it('what the operator allows is reached, and nothing beside it', async () => {
  const allowed = await startReceiver((_request, response) => response.end('yes'))
  const other = await startReceiver((_request, response) => response.end('no'))
  const allows = async (allow: string, url: string) =>
    get(open({ allow }), url).then(
      () => true,
      () => false,
    )
  expect(await allows('127.0.0.0/8', allowed.url)).toBe(true)
  expect(await allows('127.0.0.1', allowed.url)).toBe(true)
  expect(await allows('127.0.0.0/8', `http://loopback.example:${allowed.port}/`)).toBe(true)
  expect(await allows(`127.0.0.1:${allowed.port}`, allowed.url)).toBe(true)
  expect(await allows(`127.0.0.1:${allowed.port}`, other.url)).toBe(false)
  expect(await allows('loopback.example', `http://loopback.example:${allowed.port}/`)).toBe(true)
  expect(await allows('loopback.example', `http://anything.example:${allowed.port}/`)).toBe(false)
  expect(await allows('loopback.example', allowed.url)).toBe(false)
  expect(other.connections()).toBe(0)
})

it.each([
  ['8.8.8.8', true],
  ['93.184.216.34', true],
  ['172.15.255.255', true],
  ['172.32.0.1', true],
  ['100.63.255.255', true],
  ['2606:4700::1111', true],
  ['2a00:1450:4001::1', true],
  ['64:ff9b::8.8.8.8', true],
  ['::ffff:8.8.8.8', false],
  ['::8.8.8.8', false],
  ['4000::1', false],
  ['no address', false],
  ['', false],
])('%s is public: %s', (address, expected) => {
  expect(isPublicAddress(address)).toBe(expected)
})
