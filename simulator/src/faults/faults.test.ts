import { describe, expect, test } from 'vitest'
import type { Direction } from '../traffic.ts'
import { node } from '../wire/nodes.ts'
import { refusedIq, refusedMessage, withDamagedCiphertext } from './damage.ts'
import { type FaultAction, type FaultMatch, Faults, type FaultTarget, type LineOwner } from './faults.ts'

const ana: LineOwner = { phone: '551', device: 1 }
const message = node('message', { id: 'M', to: 'x@lid', type: 'text' })
const iq = node('iq', { id: 'I', to: 's.whatsapp.net', type: 'get', xmlns: 'w:p' })

function hit(match: FaultMatch, fault: FaultAction, direction: Direction, stanza = message, owner = ana): boolean {
  const faults = new Faults()
  faults.add({ match, fault, times: undefined })
  return faults.decide(direction, owner, stanza) !== undefined
}

describe('which stanza is hit', () => {
  const drop: FaultAction = { action: 'drop' }
  test.each<[string, FaultMatch, Direction, boolean]>([
    ['everything', {}, 'in', true],
    ['the phone', { phone: '551' }, 'in', true],
    ['another phone', { phone: '552' }, 'in', false],
    ['the device', { device: 1 }, 'out', true],
    ['another device', { device: 2 }, 'out', false],
    ['the direction', { direction: 'in' }, 'in', true],
    ['the other direction', { direction: 'out' }, 'in', false],
    ['the tag', { tag: 'message' }, 'in', true],
    ['another tag', { tag: 'iq' }, 'in', false],
    ['the type', { type: 'text' }, 'in', true],
    ['another xmlns', { xmlns: 'w:p' }, 'in', false],
    ['what is not in it', { contains: 'enc' }, 'in', false],
  ])('%s', (_name, match, direction, expected) => {
    expect(hit(match, drop, direction)).toBe(expected)
  })

  test('what stands somewhere in it', () => {
    const answer = node('iq', { type: 'result' }, [node('sync', {}, [node('collection', {}, [node('patches', {}, [node('patch')])])])])
    expect(hit({ contains: 'patch' }, drop, 'out', answer)).toBe(true)
    expect(hit({ contains: 'snapshot' }, drop, 'out', answer)).toBe(false)
  })

  test('errors for messages and requests hit only those, on their way in', () => {
    expect(hit({}, { action: 'ack-error', code: 479 }, 'in')).toBe(true)
    expect(hit({}, { action: 'ack-error', code: 479 }, 'out')).toBe(false)
    expect(hit({}, { action: 'ack-error', code: 479 }, 'in', iq)).toBe(false)
    const refused: FaultAction = { action: 'iq-error', code: 429, text: 'rate-overlimit' }
    expect(hit({ xmlns: 'w:p' }, refused, 'in', iq)).toBe(true)
    expect(hit({}, refused, 'in', node('iq', { type: 'result', id: 'I' }))).toBe(false)
  })
})

test('a fault strikes as often as it was told to', () => {
  const faults = new Faults()
  const id = faults.add({ match: {}, fault: { action: 'drop' }, times: 2 })
  expect([1, 2, 3].map(() => faults.decide('in', ana, message) !== undefined)).toEqual([true, true, false])
  expect(faults.isActive(id)).toBe(false)
})

test('without a number it strikes until it is deleted', () => {
  const faults = new Faults()
  const id = faults.add({ match: {}, fault: { action: 'drop' }, times: undefined })
  for (let strike = 0; strike < 5; strike += 1) expect(faults.decide('in', ana, message)).toBeDefined()
  expect([faults.remove(id), faults.remove(id), faults.decide('in', ana, message)]).toEqual([true, false, undefined])
})

describe('an end of the connection', () => {
  const target = (owner: LineOwner) => {
    const struck: FaultAction[] = []
    return { struck, target: { owner, strike: (fault: FaultAction) => struck.push(fault) } satisfies FaultTarget }
  }

  test('strikes at once where nothing more is named, and only whom it means', () => {
    const mine = target(ana)
    const other = target({ phone: '552', device: 1 })
    const faults = new Faults()
    faults.add({ match: { phone: '551' }, fault: { action: 'close' }, times: undefined }, [mine.target, other.target])
    expect([mine.struck.length, other.struck.length, faults.list().length]).toEqual([1, 0, 0])
  })

  test('waits for its stanza where one is named', () => {
    const mine = target(ana)
    const faults = new Faults()
    faults.add({ match: { tag: 'message' }, fault: { action: 'stream-error', code: 503 }, times: undefined }, [mine.target])
    expect(mine.struck).toEqual([])
    expect(faults.decide('in', ana, iq)).toBeUndefined()
    expect(faults.decide('in', ana, message)?.fault).toEqual({ action: 'stream-error', code: 503 })
    expect(faults.decide('in', ana, message)).toBeUndefined()
  })
})

test('connections are refused for everybody, or for one phone once it has said who it is', () => {
  const faults = new Faults()
  const nobody: LineOwner = { phone: undefined, device: undefined }
  faults.add({ match: { phone: '551' }, fault: { action: 'refuse-connections' }, times: 1 })
  expect([faults.refusal(nobody), faults.refusal(ana), faults.refusal(ana)]).toEqual([undefined, 503, undefined])
  faults.add({ match: {}, fault: { action: 'refuse-connections', code: 403 }, times: undefined })
  expect([faults.refusal(nobody), faults.refusal(ana)]).toEqual([403, 403])
})

test('damage flips one byte of every ciphertext and leaves the original alone', () => {
  const enc = node('enc', { type: 'msg' }, Buffer.from([1, 2, 3]))
  const stanza = node('message', { id: 'M' }, [node('participants', {}, [node('to', { jid: 'x' }, [enc])]), node('biz')])
  const damaged = withDamagedCiphertext(stanza)
  expect(JSON.stringify(damaged)).toContain(JSON.stringify(Buffer.from([1, 2, 252])))
  expect(enc.content).toEqual(Buffer.from([1, 2, 3]))
  expect(withDamagedCiphertext(iq)).toBeUndefined()
})

test('refusals name what they refuse', () => {
  expect(refusedMessage(message, 463, '1')).toEqual(node('ack', { class: 'message', id: 'M', from: 'x@lid', t: '1', error: '463' }))
  expect(refusedIq(iq, 429, 'rate-overlimit')).toEqual(
    node('iq', { id: 'I', from: 's.whatsapp.net', type: 'error' }, [node('error', { code: '429', text: 'rate-overlimit' })]),
  )
})
