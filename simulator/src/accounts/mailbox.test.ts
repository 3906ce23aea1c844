import { describe, expect, test } from 'vitest'
import { type BinaryNode, node } from '../wire/nodes.ts'
import { type Line, Mailbox } from './mailbox.ts'

class TestLine implements Line {
  backlog = 0
  readonly got: string[] = []
  onSend: () => void = () => {}

  send(stanza: BinaryNode): void {
    this.got.push(`${stanza.attrs.id}${stanza.attrs.offline === '1' ? ' offline' : ''}`)
    this.onSend()
  }
}

const message = (id: string) => node('message', { id, from: 'x@lid' })
const receipt = (id: string, type?: string, from = 'x@lid') => node('receipt', { id, type, from })
const ackOf = (stanza: BinaryNode) =>
  node('ack', { class: stanza.tag, id: stanza.attrs.id, type: stanza.attrs.type, to: stanza.attrs.from })

function mailbox() {
  const box = new Mailbox({ confirms: true })
  const line = new TestLine()
  return { box, line }
}

/** What a fresh line gets after `line` has gone. */
function redelivered(box: Mailbox, line: Line): string[] {
  box.detach(line)
  const next = new TestLine()
  box.attach(next)
  return next.got
}

test('what comes while nobody is there waits, presence does not', () => {
  const { box, line } = mailbox()
  for (const stanza of [
    message('1'),
    node('presence', { id: 'p' }),
    node('chatstate', { id: 'c' }),
    receipt('2'),
    node('call', { id: '3' }),
  ])
    box.deliver(stanza)
  expect(box.waiting()).toEqual({ message: 1, receipt: 1, notification: 0, call: 1, total: 3 })
  let flushed = -1
  box.attach(line, (count) => {
    flushed = count
  })
  box.deliver(message('4'))
  expect([line.got, flushed]).toEqual([['1 offline', '2 offline', '3 offline', '4'], 3])
})

describe('what is not confirmed comes again', () => {
  test('by nobody: everything, in order', () => {
    const { box, line } = mailbox()
    box.attach(line)
    for (const id of ['1', '2', '3']) box.deliver(message(id))
    expect(redelivered(box, line)).toEqual(['1 offline', '2 offline', '3 offline'])
  })

  test.each([
    ['an ack', [ackOf(message('2'))], ['1 offline', '3 offline']],
    ['an ack with an error', [node('ack', { class: 'message', id: '2', to: 'x@lid', error: '500' })], ['1 offline', '3 offline']],
    ['a delivery receipt', [receipt('2')], ['1 offline', '3 offline']],
    ['a receipt for several', [node('receipt', { id: '1' }, [node('list', {}, [node('item', { id: '3' })])])], ['2 offline']],
    ['a retry receipt alone is no confirmation', [receipt('2', 'retry')], ['1 offline', '2 offline', '3 offline']],
  ])('%s', (_name, confirmations, expected) => {
    const { box, line } = mailbox()
    box.attach(line)
    for (const id of ['1', '2', '3']) box.deliver(message(id))
    for (const stanza of confirmations) box.confirm(stanza)
    expect(redelivered(box, line)).toEqual(expected)
  })

  test('receipts with one id are told apart by type and sender', () => {
    const { box, line } = mailbox()
    box.attach(line)
    const all = [receipt('1'), receipt('1', 'read'), receipt('1', undefined, 'y@lid')]
    for (const stanza of all) box.deliver(stanza)
    box.confirm(ackOf(receipt('1', 'read')))
    expect(redelivered(box, line)).toEqual(['1 offline', '1 offline'])
  })

  test('phones confirm nothing and are sent nothing twice', () => {
    const box = new Mailbox({ confirms: false })
    const line = new TestLine()
    box.attach(line)
    box.deliver(message('1'))
    expect(redelivered(box, line)).toEqual([])
  })
})

test('what arrives during the flush stays behind what waited', () => {
  const { box, line } = mailbox()
  box.deliver(message('1'))
  box.deliver(message('2'))
  line.onSend = () => {
    line.onSend = () => {}
    box.deliver(message('late'))
  }
  box.attach(line)
  expect(line.got).toEqual(['1 offline', '2 offline', 'late offline'])
})

test('a line that is busy is given the rest later', async () => {
  const { box, line } = mailbox()
  for (const id of ['1', '2', '3']) box.deliver(message(id))
  line.onSend = () => {
    line.backlog = line.got.length === 1 ? 10_000_000 : 0
  }
  const flushed = new Promise((resolve) => box.attach(line, resolve))
  expect(line.got).toEqual(['1 offline'])
  line.backlog = 0
  expect(await flushed).toBe(3)
})

test('a line that ends while it is flushed loses nothing', () => {
  const { box, line } = mailbox()
  for (const id of ['1', '2', '3']) box.deliver(message(id))
  line.onSend = () => {
    if (line.got.length === 2) box.detach(line)
  }
  box.attach(line)
  const next = new TestLine()
  box.attach(next)
  expect(next.got).toEqual(['1 offline', '2 offline', '3 offline'])
})

test('an earlier line that goes takes nothing from the later one', () => {
  const { box, line } = mailbox()
  box.attach(line)
  const later = new TestLine()
  box.detach(line)
  box.attach(later)
  box.detach(line)
  box.deliver(message('1'))
  expect(later.got).toEqual(['1'])
})

test('it holds so much and no more: the oldest go first', () => {
  const { box, line } = mailbox()
  for (let id = 0; id < Mailbox.capacity + 10; id += 1) box.deliver(message(String(id)))
  expect([box.waiting().total, box.lost]).toEqual([Mailbox.capacity, 10])
  box.attach(line)
  expect(line.got[0]).toBe('10 offline')
  expect(line.got).toHaveLength(Mailbox.capacity)
})
