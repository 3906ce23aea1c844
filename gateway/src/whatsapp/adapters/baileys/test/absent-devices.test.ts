import type { BinaryNode } from 'baileys'
import { describe, expect, it } from 'vitest'
import { AbsentDevices, takeOutAbsent } from '../absent-devices.ts'

const user = (jid: string, content: BinaryNode[]): BinaryNode => ({ tag: 'user', attrs: { jid }, content })
const refused = (jid: string): BinaryNode => user(jid, [{ tag: 'error', attrs: { code: '406', text: 'not-acceptable' } }])
const answer = (...users: BinaryNode[]): BinaryNode => ({
  tag: 'iq',
  attrs: { type: 'result', id: '1' },
  content: [{ tag: 'list', attrs: {}, content: users }],
})
const keys = user('901:2@lid', [{ tag: 'registration', attrs: {} }])

describe('devices that are not there any more', () => {
  it('are taken out of an answer with keys, which keeps those of the others', () => {
    const stanza = answer(refused('902:7@lid'), keys, refused('903@lid'))
    expect(takeOutAbsent(stanza)).toEqual(['902:7@lid', '903@lid'])
    expect(stanza).toEqual(answer(keys))
    expect(takeOutAbsent(stanza)).toEqual([])
  })

  it('are looked for in nothing else', () => {
    const blocked: BinaryNode = { tag: 'iq', attrs: { type: 'result' }, content: [{ tag: 'list', attrs: {}, content: [] }] }
    const set = { ...answer(refused('902:7@lid')), attrs: { type: 'set' } }
    for (const stanza of [blocked, set, { tag: 'message', attrs: {} }]) expect(takeOutAbsent(stanza)).toEqual([])
  })

  it('are known to be gone under both names before the message is written once more', async () => {
    const gone: [string, number][] = []
    const absent = new AbsentDevices({ gone: async (name, device) => void gone.push([name, device]) }, async ({ lid }) => ({
      jid: '5511999990000@s.whatsapp.net',
      lid,
    }))
    let tries = 0
    await absent.writing(async () => {
      tries += 1
      if (tries === 2) return void expect(gone).toHaveLength(2)
      absent.heed(answer(refused('902:7@lid')))
      throw new Error('All encryptions failed')
    })
    expect(gone).toEqual([
      ['5511999990000', 7],
      ['902', 7],
    ])
  })

  it('are no reason to write again what failed otherwise', async () => {
    const absent = new AbsentDevices({ gone: async () => {} }, async (address) => address)
    let tries = 0
    const failing = absent.writing(async () => {
      tries += 1
      throw new Error('the connection broke')
    })
    await expect(failing).rejects.toThrow('the connection broke')
    expect(tries).toBe(1)
  })
})
