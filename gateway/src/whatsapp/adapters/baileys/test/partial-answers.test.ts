/** Against Baileys' own readers: each story shows what they make of the answer as it comes, too. */
import { type BinaryNode, Curve, parseAndInjectE2ESessions, type SignalRepositoryWithLIDStore, USyncQuery } from 'baileys'
import { describe, expect, it } from 'vitest'
import { mendPartialAnswer } from '../partial-answers.ts'

const node = (tag: string, attrs: BinaryNode['attrs'] = {}, content?: BinaryNode['content']): BinaryNode =>
  content === undefined ? { tag, attrs } : { tag, attrs, content }
const iq = (content: BinaryNode): BinaryNode => node('iq', { type: 'result', id: '1' }, [content])
const refusal = node('error', { code: '406', text: 'not-acceptable' })

describe('keys of many devices, one of which has run out of one-time keys', () => {
  const id = node('id', {}, Buffer.alloc(3, 1))
  const value = node('value', {}, Buffer.from(Curve.generateKeyPair().public))
  const bundle = [
    node('registration', {}, Buffer.alloc(4, 1)),
    node('identity', {}, Buffer.from(Curve.generateKeyPair().public)),
    node('skey', {}, [id, value, node('signature', {}, Buffer.alloc(64))]),
  ]
  const keys = (): BinaryNode =>
    iq(
      node('list', {}, [
        node('user', { jid: 'whole@lid' }, [...bundle, node('key', {}, [id, value])]),
        node('user', { jid: 'used-up@lid' }, [...bundle, node('key')]),
      ]),
    )
  const sessionsOf = async (answer: BinaryNode): Promise<[string, boolean][]> => {
    const found: [string, boolean][] = []
    const repository = {
      injectE2ESession: async ({ jid, session }: Parameters<SignalRepositoryWithLIDStore['injectE2ESession']>[0]) =>
        void found.push([jid, session.preKey !== undefined]),
    } as SignalRepositoryWithLIDStore
    await parseAndInjectE2ESessions(answer, repository)
    return found
  }

  it('open a session with each', async () => {
    await expect(sessionsOf(keys())).rejects.toThrow()
    const answer = keys()
    mendPartialAnswer(answer)
    expect(await sessionsOf(answer)).toEqual([
      ['whole@lid', true],
      ['used-up@lid', false],
    ])
  })
})

describe('devices of many people', () => {
  const told = node('devices', {}, [node('device-list', {}, [node('device', { id: '0' })])])
  const refused = node('devices', {}, [refusal])
  const devices = (...lists: BinaryNode[]): BinaryNode => {
    const users = lists.map((list, at) => node('user', { jid: `${at}@lid` }, [list]))
    return iq(node('usync', {}, [node('result'), node('list', {}, users)]))
  }
  const read = (answer: BinaryNode) => new USyncQuery().withDeviceProtocol().parseUSyncQueryResult(answer)?.list

  it('are read where WhatsApp refuses to tell those of one', () => {
    expect(() => read(devices(told, refused))).toThrow('not-acceptable')
    const answer = devices(told, refused)
    mendPartialAnswer(answer)
    expect(read(answer)).toMatchObject([{ id: '0@lid', devices: { deviceList: [{ id: 0 }] } }, { id: '1@lid' }])
  })

  it('are an error where WhatsApp refuses to tell any', () => {
    const answer = devices(refused)
    mendPartialAnswer(answer)
    expect(() => read(answer)).toThrow('not-acceptable')
  })
})

it('what is no such answer stays as it is', () => {
  const others = [
    node('iq', { type: 'error' }, [refusal]),
    iq(node('list', {}, [node('item', { jid: 'blocked@lid' })])),
    iq(node('list', {}, [node('user', { jid: 'refused@lid' }, [refusal])])),
    node('message', {}, new Uint8Array(3)),
  ]
  const before = structuredClone(others)
  others.forEach(mendPartialAnswer)
  mendPartialAnswer(new Uint8Array(3))
  expect(others).toEqual(before)
})
