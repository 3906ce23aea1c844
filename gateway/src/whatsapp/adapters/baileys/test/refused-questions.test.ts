import { WebSocketClient } from 'baileys/lib/Socket/Client/websocket.js'
import { expect, it, vi } from 'vitest'
import { link } from '../../../test/linked-session.ts'
import { simulatedWorld } from '../../../test/simulator.ts'

it('a question the library asks by itself may be refused; the session goes on', async () => {
  const world = await simulatedWorld()
  const connect = vi.spyOn(WebSocketClient.prototype, 'connect')
  try {
    const person = await world.person('Member')
    const observed = await link(world, person)
    const ws = connect.mock.contexts.at(-1)
    if (!(ws instanceof WebSocketClient)) throw new Error('the library has made no connection')
    const match = { phone: person.number, xmlns: 'w:g2', direction: 'in' }
    await world.simulator.call('POST', '/faults', { action: 'iq-error', code: 429, text: 'rate-overlimit', match })
    // WhatsApp says that groups have changed: Baileys asks for all of them. It says so again on every connection until it was answered.
    const dirty = { tag: 'dirty', attrs: { type: 'groups', timestamp: '1' } }
    const asked = vi.waitFor(async () => {
      const answers = await world.simulator.traffic(`phone=${person.number}&tag=iq&direction=out`)
      expect(answers.filter(({ stanza }) => stanza.attrs.type === 'error')).not.toEqual([])
    })
    ws.emit('CB:ib,,dirty', { tag: 'ib', attrs: { from: 's.whatsapp.net' }, content: [dirty] })
    await asked
    expect(await observed.session.lookUpNumbers([person.number])).toMatchObject([{ exists: true }])
    expect(observed.count('closed')).toBe(0)
    await observed.session.stop()
  } finally {
    connect.mockRestore()
    await world.close()
  }
}, 30_000)
