import { describe, expect, it } from 'vitest'
import type { Attempt, Evidence, Measurement, Passed, Said, Shown } from './ledger.ts'
import { judge, judgeGrowth } from './verdict.ts'

const line = '34600000001'
const otherLine = '34600000002'
const friend = '34600000009'

const said = (more: Partial<Said> = {}): Said => ({
  words: 'text 1',
  via: 'api',
  from: line,
  to: friend,
  outcome: 'accepted',
  id: 'A',
  detail: '',
  ...more,
})
const fromFriend = (more: Partial<Said> = {}): Said => said({ via: 'phone', from: friend, to: line, ...more })
const shown = (more: Partial<Shown> = {}): Shown => ({ phone: friend, id: 'A', words: 'text 1', fromMe: false, ...more })
const exchange = (more: Partial<Attempt> = {}): Attempt => ({
  line,
  eventId: 'e1',
  event: 'message.exchange',
  messageIds: ['A'],
  direction: 'outgoing',
  words: 'text 1',
  type: 'text',
  run: 0,
  accepted: true,
  ...more,
})
const incoming = (more: Partial<Attempt> = {}): Attempt => exchange({ direction: 'incoming', ...more })
const status = (type: string): Attempt => exchange({ eventId: 'e2', event: 'message.status', type, direction: null, words: '' })
const passed = (more: Partial<Passed> = {}): Passed => ({ line, direction: 'out', tag: 'message', type: 'text', ids: ['A'], ...more })
const receipt = (type = ''): Passed => passed({ direction: 'in', tag: 'receipt', type })
const resent: Passed = passed({ direction: 'in' })

const evidence = (more: Partial<Evidence>): Evidence => ({
  said: [],
  shown: [],
  attempts: [],
  passed: [],
  lines: [line, otherLine],
  ...more,
})

describe('A text sent over the API', () => {
  it.each<[string, Partial<Evidence>, RegExp | null]>([
    ['arrived and announced', { said: [said()], shown: [shown()], attempts: [exchange()] }, null],
    ['never arrived, called failed', { said: [said()], attempts: [exchange(), status('server_error')] }, null],
    ['never arrived, called nothing', { said: [said()], attempts: [exchange()] }, /never called failed/],
    ['never arrived, only called delivered', { said: [said()], attempts: [exchange(), status('delivered')] }, /never called failed/],
    ['lost by the network when sent again', { said: [said()], attempts: [exchange()], passed: [resent, resent] }, null],
    ['arrived twice', { said: [said()], shown: [shown(), shown({ id: 'B' })], attempts: [exchange()] }, /shows it 2 times/],
    ['arrived under another id', { said: [said()], shown: [shown({ id: 'B' })], attempts: [exchange()] }, /under another id/],
    ['not announced', { said: [said()], shown: [shown()] }, /never announced by its sender/],
    ['announced as two', { said: [said()], shown: [shown()], attempts: [exchange(), exchange({ eventId: 'e9' })] }, /announced as 2/],
    [
      'its announcement was not taken',
      { said: [said()], shown: [shown()], attempts: [exchange({ accepted: false })] },
      /never announced by its sender/,
    ],
    ['refused and gone', { said: [said({ outcome: 'refused', id: null })] }, null],
    ['refused and arrived', { said: [said({ outcome: 'refused', id: null })], shown: [shown()] }, /arrived although/],
    ['no answer, not arrived', { said: [said({ outcome: 'unknown', id: null })] }, null],
    ['no answer, arrived', { said: [said({ outcome: 'unknown', id: null })], shown: [shown()] }, null],
    ['no answer, arrived twice', { said: [said({ outcome: 'unknown', id: null })], shown: [shown(), shown({ id: 'B' })] }, /2 times/],
    ['still under way', { said: [said({ outcome: 'under way', id: null })] }, /neither been answered/],
  ])('%s', (_, given, complaint) => expectComplaint(given, complaint))
})

describe('A text sent to an instance', () => {
  it.each<[string, Partial<Evidence>, RegExp | null]>([
    ['announced', { said: [fromFriend()], attempts: [incoming()], passed: [passed(), receipt()] }, null],
    ['receipted and never announced', { said: [fromFriend()], passed: [passed(), receipt()] }, /receipted by/],
    ['handed over and never announced', { said: [fromFriend()], passed: [passed()] }, /never announced .* 1 times/],
    ['unreadable, asked for again', { said: [fromFriend()], passed: [passed(), receipt('retry')] }, null],
    ['unreadable, then receipted', { said: [fromFriend()], passed: [passed(), receipt('retry'), receipt()] }, /receipted by/],
    ['announced as unreadable', { said: [fromFriend()], attempts: [incoming({ type: 'unknown', words: '' })] }, null],
    ['announced with other words', { said: [fromFriend()], attempts: [incoming({ words: 'x' })] }, /announced by .* "x"/],
    ['announced in the wrong direction', { said: [fromFriend()], attempts: [exchange()] }, /as outgoing/],
    ['announced as two', { said: [fromFriend()], attempts: [incoming(), incoming({ eventId: 'e9' })] }, /as 2 events/],
    ['never left the phone', { said: [fromFriend({ outcome: 'unknown', id: null })] }, null],
    [
      'by another instance',
      {
        said: [said({ to: otherLine })],
        shown: [shown({ phone: otherLine })],
        attempts: [exchange(), incoming({ line: otherLine })],
      },
      null,
    ],
    [
      'by another instance, and not announced there',
      { said: [said({ to: otherLine })], shown: [shown({ phone: otherLine })], attempts: [exchange()] },
      /never announced by 34600000002/,
    ],
    ["by the instance's own phone", { said: [fromFriend({ from: line, to: friend })], attempts: [exchange()] }, null],
    ["by the instance's own phone, not announced", { said: [fromFriend({ from: line, to: friend })] }, /never announced/],
  ])('%s', (_, given, complaint) => expectComplaint(given, complaint))
})

describe('An event taken twice', () => {
  it.each<[string, Attempt[], RegExp | null]>([
    ['by the same run', [status('read'), status('read')], /taken 2 times/],
    ['by two runs', [status('read'), { ...status('read'), run: 1 }], null],
    ['once refused', [{ ...status('read'), accepted: false }, status('read')], null],
    ['at two instances', [status('read'), { ...status('read'), line: otherLine }], null],
  ])('%s', (_, attempts, complaint) => expectComplaint({ attempts }, complaint))
})

describe('Order', () => {
  const texts = ['A', 'B'].map((id) => fromFriend({ id, words: id }))
  const announced = ['B', 'A'].map((id) => incoming({ eventId: id, messageIds: [id], words: id }))
  const handed = ['A', 'B'].map((id) => passed({ ids: [id] }))
  it.each<[string, Partial<Evidence>, RegExp | null]>([
    ['turned round by the gateway', { passed: handed }, /B .*overtook|A .*overtook/],
    ['turned round by the network', { passed: handed.toReversed() }, null],
    ['one came twice', { passed: [...handed, passed({ ids: ['A'] })] }, null],
    ['one was asked for again', { passed: [...handed, receipt('retry')] }, null],
    ['in two chats', { passed: handed, said: [texts[0] as Said, fromFriend({ id: 'B', words: 'B', from: '34600000008' })] }, null],
  ])('%s', (_, given, complaint) => expectComplaint({ said: texts, attempts: announced, ...given }, complaint))
})

describe('What a process holds', () => {
  const of = (run: number, descriptors: number, residentMib: number): Measurement => ({ run, descriptors, residentMib })
  it.each<[string, Measurement[], RegExp | null]>([
    ['level', [of(0, 100, 300), of(0, 105, 350)], null],
    ['handles leak', [of(0, 100, 300), of(0, 140, 300)], /leaks handles: 100 open before, 140 after/],
    ['memory leaks', [of(0, 100, 300), of(0, 100, 900)], /keeps memory: 300 MiB before, 900 after/],
    ['another process', [of(0, 100, 300), of(1, 300, 900)], null],
    ['a peak between', [of(0, 100, 300), of(0, 300, 900), of(0, 100, 300)], null],
  ])('%s', (_, measurements, complaint) => {
    const complaints = judgeGrowth(measurements)
    if (complaint === null) expect(complaints).toEqual([])
    else expect(complaints).toEqual([expect.stringMatching(complaint)])
  })
})

const expectComplaint = (given: Partial<Evidence>, complaint: RegExp | null) => {
  const { gaps, wrongs } = judge(evidence(given))
  const complaints = [...wrongs, ...gaps]
  if (complaint === null) expect(complaints).toEqual([])
  else expect(complaints).toEqual([expect.stringMatching(complaint)])
}
