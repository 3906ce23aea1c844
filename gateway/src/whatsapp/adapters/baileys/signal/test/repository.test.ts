import { describe, expect, it } from 'vitest'
import { WireGate, type Writer } from '../../wire-gate.ts'
import { Party, type Sealed } from './party.ts'

const ana = '5511900000001@s.whatsapp.net'
const bob = '5511900000002@s.whatsapp.net'
const anaLid = '9001@lid'
const bobLid = '9002@lid'

const pair = (latencyMs = 0): { a: Party; b: Party } => ({ a: new Party(ana, latencyMs), b: new Party(bob, latencyMs) })

describe('two devices', () => {
  it('talk both ways, and the one-time prekey is used up in the commit of the first message', async () => {
    const { a, b } = pair()
    await a.meet(b)
    expect([...b.store.records.keys()]).toContain('pre-key/1')
    const first = await a.seal(bob, 'hello')
    expect(first.type).toBe('pkmsg')
    expect(await b.open(ana, first)).toBe('hello')
    await b.commits.idle()
    expect([...b.store.records.keys()]).toEqual([`session/5511900000001.0`])
    expect(b.store.commits).toBe(1)
    expect(b.rows[0]).toMatchObject({ attributes: { from: ana } })
    expect(Buffer.from(b.rows[0]?.plaintext ?? []).toString()).toBe('hello')
    const answer = await b.seal(ana, 'hi')
    expect(answer.type).toBe('msg')
    expect(await a.open(bob, answer)).toBe('hi')
    expect((await a.seal(bob, 'again')).type).toBe('msg')
  })

  it('go on after a restart of either', async () => {
    const { a, b } = pair()
    await a.meet(b)
    await b.open(ana, await a.seal(bob, '1'))
    await a.restart()
    await b.restart()
    expect(await a.open(bob, await b.seal(ana, '2'))).toBe('2')
    expect(await b.open(ana, await a.seal(bob, '3'))).toBe('3')
  })

  it('understand each other when both write first and the messages cross', async () => {
    const { a, b } = pair()
    await Promise.all([a.meet(b), b.meet(a)])
    const [toBob, toAna] = await Promise.all([a.seal(bob, 'from ana'), b.seal(ana, 'from bob')])
    expect(await b.open(ana, toBob)).toBe('from ana')
    expect(await a.open(bob, toAna)).toBe('from bob')
    for (let i = 0; i < 5; i++) {
      expect(await b.open(ana, await a.seal(bob, `a${i}`))).toBe(`a${i}`)
      expect(await a.open(bob, await b.seal(ana, `b${i}`))).toBe(`b${i}`)
    }
  })

  it('read messages that arrive out of order', async () => {
    const { a, b } = pair()
    await a.meet(b)
    const sealed: Sealed[] = []
    for (let i = 0; i < 6; i++) sealed.push(await a.seal(bob, String(i)))
    const read: string[] = []
    for (const i of [3, 0, 5, 1, 4, 2]) {
      const message = sealed[i]
      if (message) read.push(await b.open(ana, message))
    }
    expect(read).toEqual(['3', '0', '5', '1', '4', '2'])
  })

  it('lose nothing with 20 in flight each way on a store that takes 0 to 10 ms', async () => {
    const { a, b } = pair(10)
    await a.meet(b)
    await b.open(ana, await a.seal(bob, 'set up'))
    await a.open(bob, await b.seal(ana, 'set up'))
    const run = async (from: Party, to: Party, label: string): Promise<string[]> => {
      const read: string[] = []
      const lane = async (lane: number): Promise<void> => {
        for (let i = 0; i < 15; i++) read.push(await to.open(from.jid, await from.seal(to.jid, `${label}${lane}/${i}`)))
      }
      await Promise.all(Array.from({ length: 20 }, (_, i) => lane(i)))
      return read
    }
    const [toBob, toAna] = await Promise.all([run(a, b, 'a'), run(b, a, 'b')])
    expect(new Set(toBob).size).toBe(300)
    expect(new Set(toAna).size).toBe(300)
    expect(a.undecryptable).toEqual([])
    expect(b.undecryptable).toEqual([])
  }, 30_000)
})

describe('a ciphertext that comes again', () => {
  it('is answered from the inbox, also by a new process', async () => {
    const { a, b } = pair()
    await a.meet(b)
    const first = await a.seal(bob, 'once')
    await b.open(ana, first, 'X')
    await b.restart()
    expect(await b.open(ana, first, 'X')).toBe('once')
    await b.commits.idle()
    expect(b.rows.map((row) => row.attributes.id)).toEqual(['X', 'X'])
    expect(b.store.inbox.size).toBe(1)
    expect(b.undecryptable).toEqual([])
  })

  it('gets an empty answer and no second event once it is recorded', async () => {
    const { a, b } = pair()
    await a.meet(b)
    const first = await a.seal(bob, 'once')
    await b.open(ana, first)
    await b.commits.idle()
    for (const hash of b.store.inbox.keys()) b.store.settle(hash)
    expect(await b.open(ana, first)).toBe('')
    expect(b.rows).toHaveLength(1)
    expect(b.undecryptable).toEqual([])
  })

  it('is undecryptable once its row is gone', async () => {
    const { a, b } = pair()
    await a.meet(b)
    const first = await a.seal(bob, 'once')
    await b.open(ana, first)
    await b.commits.idle()
    b.store.inbox.clear()
    await expect(b.open(ana, first, 'X')).rejects.toThrow('DuplicatedMessage')
    expect(b.undecryptable).toEqual([{ id: 'X', from: ana }])
  })
})

describe('inbox rows', () => {
  it('without anything to record leave with the commit of the next stanza', async () => {
    const { a, b } = pair()
    await a.meet(b)
    await b.open(ana, await a.seal(bob, 'protocol'))
    await b.commits.idle()
    const [row] = b.rows
    if (row) b.repository.release(row)
    expect(b.store.inbox.size).toBe(1)
    await b.open(ana, await a.seal(bob, 'text'))
    await b.commits.idle()
    expect([...b.store.inbox.values()].map((left) => Buffer.from(left.plaintext).toString())).toEqual(['text'])
  })
})

describe('a broken message', () => {
  it('changes nothing, and the next good one is read', async () => {
    const { a, b } = pair()
    await a.meet(b)
    await b.open(ana, await a.seal(bob, '1'))
    await b.commits.idle()
    const good = await a.seal(bob, '2')
    const broken = { ...good, ciphertext: Uint8Array.from(good.ciphertext) }
    broken.ciphertext[broken.ciphertext.length - 20] = (broken.ciphertext[broken.ciphertext.length - 20] ?? 0) ^ 1
    const before = b.store.commits
    await expect(b.open(ana, broken)).rejects.toBeInstanceOf(Error)
    await b.commits.idle()
    expect(b.store.commits).toBe(before)
    expect(await b.open(ana, good)).toBe('2')
  })

  it('from a stranger is an Error with a text, for Baileys to send its retry receipt', async () => {
    const { a, b } = pair()
    await a.meet(b)
    await b.open(ana, await a.seal(bob, '1'))
    await a.open(bob, await b.seal(ana, '2'))
    const c = new Party(bob)
    await expect(c.open(ana, await a.seal(bob, '3'))).rejects.toThrow('No session record')
    expect(c.undecryptable).toHaveLength(1)
  })

  it('is repaired by a new session from a retry, in both directions', async () => {
    const { a, b } = pair()
    await a.meet(b)
    await b.open(ana, await a.seal(bob, '1'))
    await a.open(bob, await b.seal(ana, '2'))
    await b.commits.idle()
    b.store.records.clear()
    b.crash()
    await expect(b.open(ana, await a.seal(bob, 'lost'))).rejects.toThrow('No session record')
    await a.meet(b)
    expect(await b.open(ana, await a.seal(bob, 'lost'))).toBe('lost')
    expect(await a.open(bob, await b.seal(ana, 'thanks'))).toBe('thanks')
  })
})

describe('identity', () => {
  it('changes: the first message of the new phone is read and the old session dropped', async () => {
    const { a, b } = pair()
    await a.meet(b)
    await b.open(ana, await a.seal(bob, '1'))
    const old = await a.seal(bob, 'old phone')
    await a.changeIdentity()
    await a.meet(b)
    expect(await b.open(ana, await a.seal(bob, 'new phone'))).toBe('new phone')
    expect(await a.open(bob, await b.seal(ana, 'hello again'))).toBe('hello again')
    await expect(b.open(ana, old)).rejects.toBeInstanceOf(Error)
  })

  it('of a bundle with a forged signature is refused', async () => {
    const { a, b } = pair()
    const bundle = b.bundle()
    bundle.signedPreKey.signature = Buffer.alloc(64, 7)
    await expect(a.repository.injectE2ESession({ jid: bob, session: bundle })).rejects.toThrow('invalid signature')
    expect(a.store.records.size).toBe(0)
  })

  it('tells registration id and base key of a session', async () => {
    const { a, b } = pair()
    expect(await a.repository.getSessionInfo(bob)).toBeNull()
    await a.meet(b)
    const first = await a.repository.getSessionInfo(bob)
    expect(first?.registrationId).toBe(b.credentials.registrationId)
    expect(first?.baseKey).toHaveLength(33)
    await a.meet(b)
    expect(Buffer.from((await a.repository.getSessionInfo(bob))?.baseKey ?? [])).not.toEqual(Buffer.from(first?.baseKey ?? []))
  })
})

describe('number and LID', () => {
  it('a session begun under the number moves to the LID, per device, and keeps its ratchet', async () => {
    const { a, b } = pair()
    await a.meet(b)
    await a.meet(b, '5511900000002:7@s.whatsapp.net')
    await b.open(ana, await a.seal(bob, '1'))
    await a.open(bob, await b.seal(ana, '2'))
    await a.learn(bob, bobLid)
    expect(await b.open(ana, await a.seal(bobLid, '3'))).toBe('3')
    await a.commits.idle()
    expect([...a.store.records.keys()].filter((key) => key.startsWith('session')).sort()).toEqual([
      'session/5511900000002.7',
      'session/9002_1.0',
    ])
    expect(await a.repository.validateSession('9002:7@lid')).toEqual({ exists: true })
    await a.seal('5511900000002:7@s.whatsapp.net', 'moves too')
    await a.commits.idle()
    expect([...a.store.records.keys()].filter((key) => key.startsWith('session')).sort()).toEqual(['session/9002_1.0', 'session/9002_1.7'])
  })

  it('both names mean one session once the pair is known, in memory and after a restart', async () => {
    const { a, b } = pair()
    await a.learn(bob, bobLid)
    await b.learn(ana, anaLid)
    await a.meet(b)
    expect(await b.open(anaLid, await a.seal(bobLid, '1'))).toBe('1')
    expect(await a.open(bob, await b.seal(ana, '2'))).toBe('2')
    await a.restart()
    expect(await a.open(bobLid, await b.seal(anaLid, '3'))).toBe('3')
    expect(await b.open(ana, await a.seal(bob, '4'))).toBe('4')
  })

  it('forks no ratchet when the LID becomes known while messages are under way', async () => {
    const { a, b } = pair(3)
    await a.meet(b)
    await b.open(ana, await a.seal(bob, 'set up'))
    const sealed = Array.from({ length: 30 }, (_, i) => a.seal(i % 2 === 0 ? bob : bobLid, String(i)).catch(() => null))
    await a.learn(bob, bobLid)
    const later = Array.from({ length: 30 }, (_, i) => a.seal(i % 2 === 0 ? bob : bobLid, `later ${i}`))
    const messages = (await Promise.all([...sealed, ...later])).filter((message) => message !== null)
    const read = await Promise.all(messages.map((message) => b.open(ana, message)))
    expect(new Set(read).size).toBe(messages.length)
    expect(messages.length).toBeGreaterThanOrEqual(45)
  })

  it('deletes a session under both names', async () => {
    const { a, b } = pair()
    await a.meet(b)
    await a.learn(bob, bobLid)
    await a.repository.deleteSession([bobLid])
    expect(await a.repository.validateSession(bob)).toMatchObject({ exists: false })
    await a.meet(b)
    await a.repository.forgetAddresses(['5511900000002.0'])
    expect(await a.repository.validateSession(bobLid)).toMatchObject({ exists: false })
  })

  it.each(['5511900000002:99@s.whatsapp.net', 'nonsense'])('refuses %s as an address', (jid) => {
    const { a } = pair()
    expect(() => a.repository.jidToSignalProtocolAddress(jid)).toThrow()
  })
})

describe('groups', () => {
  const group = '120363000000000001@g.us'

  it('announce a sender key and read with it', async () => {
    const { a, b } = pair()
    expect(await a.repository.hasSenderKey({ group, meId: ana })).toBe(false)
    const data = Buffer.from('to all\u0001')
    const sent = await a.repository.encryptGroupMessage({ group, data, meId: ana })
    await expect(b.openGroup(group, ana, sent.ciphertext)).rejects.toThrow('No sender key')
    await b.repository.processSenderKeyDistributionMessage({
      authorJid: ana,
      item: { groupId: group, axolotlSenderKeyDistributionMessage: sent.senderKeyDistributionMessage },
    })
    expect(await b.openGroup(group, ana, sent.ciphertext)).toBe('to all')
    for (let i = 0; i < 3; i++) {
      const next = await a.repository.encryptGroupMessage({ group, data: Buffer.from(`${i}\u0001`), meId: ana })
      expect(await b.openGroup(group, ana, next.ciphertext)).toBe(String(i))
    }
    expect(await b.openGroup(group, ana, sent.ciphertext)).toBe('to all')
    expect(await a.repository.hasSenderKey({ group, meId: ana })).toBe(true)
  })
})

describe('a store that fails', () => {
  it('to write ends everything: no row is reported, no operation goes on', async () => {
    const { a, b } = pair()
    await a.meet(b)
    const first = await a.seal(bob, '1')
    b.store.commit = () => Promise.reject(new Error('disk full'))
    await b.open(ana, first)
    await b.commits.idle()
    expect(b.storageFailures).toHaveLength(1)
    expect(b.rows).toEqual([])
    await expect(b.seal(ana, '2')).rejects.toThrow('failed before')
  })

  it('to read is reported before the throw', async () => {
    const { a, b } = pair()
    await a.meet(b)
    const first = await a.seal(bob, '1')
    b.store.failure = new Error('disk full')
    await expect(b.open(ana, first)).rejects.toThrow('the session store failed')
    expect(b.storageFailures).toHaveLength(1)
    b.store.failure = null
    await expect(b.open(ana, first)).rejects.toThrow('failed before')
    b.crash()
    expect(await b.open(ana, first)).toBe('1')
  })
})

describe('the wire gate', () => {
  const gated = (party: Party): { wire: string[]; corks: number[]; gate: WireGate; send(text: string): void } => {
    const wire: string[] = []
    /** How many frames were out each time the stream was corked, and uncorked. */
    const corks: number[] = []
    const note = () => void corks.push(wire.length)
    const connection: Writer = {
      send: (data, sent) => {
        wire.push(Buffer.from(data).toString('base64'))
        sent?.()
      },
      once: (_event, listener) => listener({ socket: { cork: note, uncork: note } }),
    }
    const gate = new WireGate(connection, party.commits)
    return { wire, corks, gate, send: (text) => connection.send(Buffer.from(text, 'base64')) }
  }

  it('lets a frame out when all it rests on is durable, in order, and tells when it is out', async () => {
    const { a, b } = pair(5)
    await a.meet(b)
    await a.commits.idle()
    const { wire, corks, gate, send } = gated(a)
    send('AAAA')
    expect(wire).toEqual(['AAAA'])
    const sealed = await a.seal(bob, '1')
    send(Buffer.from(sealed.ciphertext).toString('base64'))
    send('BBBB')
    expect(wire).toHaveLength(1)
    await gate.flushed()
    expect(a.store.commits).toBeGreaterThan(0)
    expect(wire).toEqual(['AAAA', Buffer.from(sealed.ciphertext).toString('base64'), 'BBBB'])
    // What was kept back leaves in one piece.
    expect(corks).toEqual([1, 3])
    send('CCCC')
    expect(wire).toHaveLength(4)
  })

  it('keeps everything back when the store fails', async () => {
    const { a, b } = pair()
    await a.meet(b)
    await a.commits.idle()
    const { wire, send } = gated(a)
    a.store.commit = () => Promise.reject(new Error('disk full'))
    await a.seal(bob, '1')
    send('AAAA')
    await a.commits.idle()
    send('BBBB')
    expect(wire).toEqual([])
  })

  it('makes a crash harmless: what was out can be read, and what comes after it too', async () => {
    const { a, b } = pair(3)
    await a.meet(b)
    await b.open(ana, await a.seal(bob, 'set up'))
    await a.open(bob, await b.seal(ana, 'set up'))
    const read: string[] = []
    // A slow disk may let a whole round crash before anything was out.
    for (let round = 0; round < 10 || read.length === 0; round++) {
      const { wire, send } = gated(a)
      const texts = new Map<string, string>()
      await Promise.all(
        Array.from({ length: 20 }, async (_, i) => {
          const sealed = await a.seal(bob, `${round}/${i}`)
          const frame = Buffer.from(sealed.ciphertext).toString('base64')
          texts.set(frame, sealed.type)
          send(frame)
          if (i % 5 === 0) await new Promise((resolve) => setTimeout(resolve, 2))
        }),
      )
      const out = [...wire]
      a.crash()
      for (const frame of out) {
        const type = texts.get(frame) === 'pkmsg' ? 'pkmsg' : 'msg'
        read.push(await b.open(ana, { type, ciphertext: Buffer.from(frame, 'base64') }))
      }
    }
    expect(b.undecryptable).toEqual([])
    expect(new Set(read).size).toBe(read.length)
    expect(await b.open(ana, await a.seal(bob, 'still friends'))).toBe('still friends')
  })
})
