import { describe, expect, test } from 'vitest'
import { encodeFrame, FrameError, FrameReader, INTRO_HEADER } from './frames.ts'

const LIMIT = 1_000
const one = Buffer.from([0, 0, 2, 0xaa, 0xbb])
const two = Buffer.from([0, 0, 1, 0xcc])
const intro = Buffer.from('57410603', 'hex')
const routed = Buffer.from('4544 0001 000003 010203 57410603'.replace(/ /g, ''), 'hex')

test('a frame is its length in three bytes and its body', () => {
  expect(encodeFrame(Buffer.alloc(70_000)).subarray(0, 3).toString('hex')).toBe('011170')
  expect(() => encodeFrame(Buffer.alloc(0x1000000))).toThrow(FrameError)
})

describe('reading', () => {
  test.each([
    ['the plain intro', intro],
    ['an edge route in front of it', routed],
  ])('%s, in one piece and byte by byte', (_name, header) => {
    expect(INTRO_HEADER).toEqual(intro)
    const stream = Buffer.concat([header, one, two])
    expect(new FrameReader(LIMIT).push(stream)).toEqual([one.subarray(3), two.subarray(3)])
    const reader = new FrameReader(LIMIT)
    const bodies = [...stream].flatMap((byte) => reader.push(Buffer.from([byte])))
    expect(bodies).toEqual([one.subarray(3), two.subarray(3)])
  })

  test.each([
    ['an HTTP request', Buffer.from('GET / HTTP/1.1')],
    ['another dictionary', Buffer.from('57410602', 'hex')],
    ['a wrong first byte', Buffer.from([0])],
    ['an edge route of a megabyte', Buffer.from('45440001100000', 'hex')],
    ['an edge route without an intro behind it', Buffer.from('4544000100000101ffffffff', 'hex')],
  ])('%s is refused', (_name, bytes) => {
    expect(() => new FrameReader(LIMIT).push(bytes)).toThrow(FrameError)
  })

  test('a frame over the limit is refused before it is there', () => {
    expect(() => new FrameReader(LIMIT).push(Buffer.concat([intro, Buffer.from('0003e9', 'hex')]))).toThrow(FrameError)
  })
})
