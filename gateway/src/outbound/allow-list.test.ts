import { expect, it } from 'vitest'
import { AllowListError, parseAllowList } from './allow-list.ts'

it.each([
  ['n8n.internal', 'n8n.internal', 80, true],
  ['n8n.internal', 'N8N.internal.', 443, true],
  ['n8n.internal', 'evil-n8n.internal', 80, false],
  ['n8n.internal', 'n8n.internal.evil.com', 80, false],
  ['n8n.internal:5678', 'n8n.internal', 5678, true],
  ['n8n.internal:5678', 'n8n.internal', 80, false],
  [' localhost , my_service ', 'my_service', 1, true],
  ['', 'localhost', 80, false],
])('names: "%s" and %s port %i: %s', (entries, hostname, port, allowed) => {
  expect(parseAllowList(entries).allowsName(hostname, port)).toBe(allowed)
})

it.each([
  ['10.0.0.0/8', '10.255.0.1', 80, true],
  ['10.0.0.0/8', '11.0.0.1', 80, false],
  ['10.0.0.0/8', '::ffff:10.0.0.1', 80, true],
  ['192.168.1.20', '192.168.1.20', 9, true],
  ['192.168.1.20', '192.168.1.21', 9, false],
  ['192.168.1.20:8080', '192.168.1.20', 8080, true],
  ['192.168.1.20:8080', '192.168.1.20', 80, false],
  ['fd00::/8', 'fd12::1', 80, true],
  ['fd00::/8', '10.0.0.1', 80, false],
  ['::1', '::1', 80, true],
  ['[::1]:3000', '::1', 3000, true],
  ['[::1]:3000', '::1', 3001, false],
  ['10.0.0.0/8,172.16.0.0/12', '172.20.0.1', 80, true],
  ['10.0.0.0/8', 'no address', 80, false],
])('addresses: "%s" and %s port %i: %s', (entries, address, port, allowed) => {
  expect(parseAllowList(entries).allowsAddress(address, port)).toBe(allowed)
})

it.each([
  'http://localhost',
  'local host',
  'localhost:0',
  'localhost:65536',
  'localhost:http',
  'a:b:c:zz',
  '10.0.0.0/33',
  '10.0.0.0/8:80',
  '10.1',
  '0x7f000001',
  '2130706433',
  '0177.0.0.1',
  '*',
  '*.internal',
  '/8',
  ':80',
  '[::1',
  'user@host',
])('"%s" is refused by name', (entry) => {
  expect(() => parseAllowList(`fine.internal,${entry}`)).toThrow(AllowListError)
  expect(() => parseAllowList(['fine.internal', entry])).toThrow(`"${entry}" is not a host name`)
})
