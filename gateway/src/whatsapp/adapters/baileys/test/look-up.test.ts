/** Looking numbers up, and what the answer saves when somebody is written to: requests are counted on the wire. */
import type { BinaryNode } from 'baileys'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { MemorySessionStore } from '../../../memory/session-store.ts'
import { link, newId, type Observed, text } from '../../../test/linked-session.ts'
import { type Simulator, simulatedWorld } from '../../../test/simulator.ts'
import type { Person, World } from '../../../test/world.ts'
import { type DeviceList, DeviceLists } from '../device-lists.ts'
import { lookUpRequest, readDevices } from '../numbers.ts'
import { SharedCache } from '../shared-cache.ts'

const element = (tag: string, attrs: BinaryNode['attrs'] = {}, content?: BinaryNode['content']): BinaryNode =>
  content === undefined ? { tag, attrs } : { tag, attrs, content }

describe('the devices in the answer to a look-up', () => {
  const me = { id: '551:7@s.whatsapp.net', lid: '91:7@lid' }
  const devicesOf = (...devices: BinaryNode['attrs'][]): BinaryNode =>
    element('devices', {}, [
      element(
        'device-list',
        {},
        devices.map((attrs) => element('device', attrs)),
      ),
      element('key-index-list', { ts: '1' }),
    ])
  const user = (jid: string, devices: BinaryNode, type = 'in'): BinaryNode =>
    element('user', { jid }, [element('contact', { type }, Buffer.from('+1')), element('lid', { val: '92@lid' }), devices])
  const answer = (...users: BinaryNode[]): BinaryNode =>
    element('iq', { type: 'result' }, [element('usync', {}, [element('list', {}, users)])])

  it('are kept as Baileys keeps them: companions with a key index only, hosted ones under their own server', () => {
    const told = devicesOf({ id: '0' }, { id: '3', 'key-index': '2' }, { id: '4' }, { id: '99', 'key-index': '5', is_hosted: 'true' })
    expect(readDevices(answer(user('552@s.whatsapp.net', told)), me)).toMatchObject([
      {
        user: '552',
        alias: '92',
        devices: [
          { user: '552', device: 0, server: 's.whatsapp.net' },
          { user: '552', device: 3, server: 's.whatsapp.net' },
          { user: '552', device: 99, server: 'hosted' },
        ],
      },
    ])
  })

  it('leave out the one that asks', () => {
    const told = devicesOf({ id: '0' }, { id: '7', 'key-index': '1' })
    expect(readDevices(answer(user('551@s.whatsapp.net', told)), me)).toMatchObject([{ user: '551', devices: [{ device: 0 }] }])
  })

  it.each<[string, BinaryNode]>([
    ['nobody is there', user('552@s.whatsapp.net', devicesOf({ id: '0' }), 'out')],
    ['WhatsApp has trouble with that part', user('552@s.whatsapp.net', element('devices', {}, [element('error', { code: '500' })]))],
    ['the list is empty', user('552@s.whatsapp.net', devicesOf())],
    ['they were not told', user('552@s.whatsapp.net', element('status'))],
    ['whose they are is not told', user('', devicesOf({ id: '0' }))],
  ])('are unknown where %s', (_, one) => expect(readDevices(answer(one), me)).toEqual([]))

  it('are asked for only where they are wanted', () => {
    const asked = (devices: boolean) => JSON.stringify(lookUpRequest(['552'], 'S', { devices }))
    expect(asked(true)).toContain('{"tag":"devices","attrs":{"version":"2"}}')
    expect(asked(false)).not.toContain('devices')
  })

  it('do not replace what was told of a change while the answer was on its way, under either name', async () => {
    const lists = new DeviceLists(new MemorySessionStore(), new SharedCache<DeviceList>(9).view('a'), (error) => {
      throw error
    })
    const told = ['552', '553', '554'].map((each) => ({ user: each, alias: `${each}0`, devices: [{ user: each, device: 0 }] }))
    await lists.learnFrom(
      async () => lists.changed(['552', '5530']),
      () => told,
    )
    expect(await lists.mget(['552', '553', '554'])).toEqual(Object.assign(Object.create(null), { '554': [{ user: '554', device: 0 }] }))
    await lists.learnFrom(
      async () => {},
      () => told,
    )
    expect(await lists.get('552')).toEqual([{ user: '552', device: 0 }])
  })
})

describe('writing to strangers', () => {
  let world: World & { simulator: Simulator }
  let simulator: Simulator
  let writer: Person
  let observed: Observed

  beforeAll(async () => {
    world = await simulatedWorld()
    simulator = world.simulator
    writer = await world.person('Writer')
    observed = await link(world, writer)
    const friend = await world.person('Friend')
    // The own devices are asked for with the first text of all.
    await observed.send(friend, text('first of all'), { id: newId() })
  }, 30_000)

  afterAll(async () => {
    await observed.session.stop()
    await world.close()
  }, 30_000)

  const asked = async (): Promise<{ usync: number; keys: number }> => {
    const requests = await simulator.traffic(`phone=${writer.number}&tag=iq&direction=in`)
    const count = (fits: (stanza: (typeof requests)[number]['stanza']) => boolean) => requests.filter(({ stanza }) => fits(stanza)).length
    return {
      usync: count(({ attrs }) => attrs.xmlns === 'usync'),
      keys: count((stanza) => stanza.attrs.xmlns === 'encrypt' && JSON.stringify(stanza).includes('"tag":"key"')),
    }
  }
  const write = async (number: string, id: string): Promise<void> => {
    const found = await observed.session.lookUpNumbers([number], { toWrite: true })
    const address = found[0]?.address
    if (!address) throw new Error('not found')
    observed.sent.set(id, text('hello'))
    await observed.session.send(address, text('hello'), { id })
  }

  it('costs one question for the person and one for the keys, whatever devices there are; the second text costs none', async () => {
    const stranger = await world.person('Stranger')
    const companion = await link(world, stranger)
    const before = await asked()
    const id = newId()
    await write(stranger.number, id)
    await stranger.received(id)
    await companion.message(id)
    expect(await asked()).toEqual({ usync: before.usync + 1, keys: before.keys + 1 })
    const again = newId()
    await observed.send(stranger, text('again'), { id: again })
    await companion.message(again)
    expect(await asked()).toEqual({ usync: before.usync + 1, keys: before.keys + 1 })
    await companion.session.stop()
  })

  it('looking somebody up without writing keeps nothing of the devices', async () => {
    const stranger = await world.person('Looked at')
    await observed.session.lookUpNumbers([stranger.number])
    expect((await observed.store.load('device-list', [stranger.number])).size).toBe(0)
  })

  it('a device that is linked while the answer is on its way gets the text', async () => {
    const stranger = await world.person('Quick')
    await observed.session.lookUpNumbers([stranger.number])
    const { id: fault } = (await simulator.call('POST', '/faults', {
      action: 'delay',
      ms: 3_000,
      match: { phone: writer.number, direction: 'out', contains: 'usync' },
      times: 1,
    })) as { id: string }
    const sent = newId()
    const writing = write(stranger.number, sent)
    const companion = await link(world, stranger)
    await writing
    expect((await companion.message(sent)).message.message.extendedTextMessage?.text).toBe('hello')
    await simulator.call('DELETE', `/faults/${fault}`).catch(() => null)
    await companion.session.stop()
  })
})
