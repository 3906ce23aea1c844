/**
 * A group as large as WhatsApp lets it be: who is in it is asked for once, everybody gets the key once, all a new one when somebody has gone, and a
 * new device of somebody is given what it needs alone.
 */
import { expect, it } from 'vitest'
import { eventually } from '../toolkit/eventually.ts'
import { phoneGroups } from '../toolkit/groups.ts'
import { at, list } from '../toolkit/json.ts'
import { linkedLine } from '../toolkit/line.ts'
import type { Phone } from '../toolkit/simulator.ts'
import { onStage } from '../toolkit/stage.ts'

/** With the owner of the instance and the founder: WhatsApp's 1,024. */
const CROWD = 1_022

onStage('Large groups', (stage) => {
  /** Their phones are off: what they get waits for them. */
  const crowd = async (): Promise<Phone[]> => {
    const people: Phone[] = []
    while (people.length < CROWD) {
      const some = await Promise.all(Array.from({ length: Math.min(50, CROWD - people.length) }, () => stage.simulator.phone()))
      await Promise.all(some.map((phone) => phone.change({ online: false })))
      people.push(...some)
    }
    return people
  }

  it('a text to 1,024 members', async () => {
    const groups = phoneGroups(stage.simulator)
    const line = await stage.line('large')
    const founder = await stage.phone({ name: 'Founder' })
    const people = await crowd()
    const [gone, reader] = [people[0], people[1]]
    if (gone === undefined || reader === undefined) throw new Error('nobody came')
    const id = await groups.create({ by: founder, subject: 'Everybody', participants: [line.phone, ...people] })
    expect(list(await groups.look(id), 'members')).toHaveLength(CROWD + 2)

    const before = await stage.simulator.trafficCursor()
    const send = async (word: string) => {
      expect((await line.text(id, word)).status).toBe(200)
      await founder.next({ chat: id, text: word })
    }
    await send('first')
    await send('second')
    await groups.members(id, founder, 'remove', [gone])
    await send('third')

    // Whoever comes back later reads what waited, also what was written with the new key.
    await reader.change({ online: true })
    for (const word of ['first', 'second', 'third']) await reader.next({ chat: id, text: word }, 60_000)
    await gone.change({ online: true })
    await gone.next({ chat: id, text: 'second' }, 60_000)
    expect((await gone.messages()).some((message) => at(message, 'text') === 'third')).toBe(false)

    // One of them links a device, which reads what comes next, and takes it away again.
    const linking = await stage.simulator.trafficCursor()
    const desk = await linkedLine(stage.gateway, stage.account, reader, 'desk')
    await send('fourth')
    await eventually('the device to read it', async () => {
      const { body } = await desk.api.post('/api/chat/history/desk', { number: id })
      return JSON.stringify(body).includes('fourth')
    })
    await reader.unlink(Number(at(await reader.devices(), '0.id')))
    await desk.waitFor('loggedout')
    await send('fifth')
    await reader.next({ chat: id, text: 'fifth' })

    const stanzas = async (tag: string, after: number) =>
      (await stage.simulator.traffic({ after, phone: line.phone.number, tag, direction: 'in' })).map((stanza) => JSON.stringify(stanza))
    const seen = async (tag: string) => (await stanzas(tag, before)).filter((stanza) => stanza.includes(id))
    expect((await seen('iq')).filter((stanza) => stanza.includes('"interactive"'))).toHaveLength(1)
    const keysGiven = (await seen('message')).map((stanza) => stanza.match(/"tag":"to"/g)?.length ?? 0)
    // The phones of all members, ours among them, and our own device; nobody with the second; one less with the third; then only the new device.
    expect(keysGiven).toEqual([CROWD + 3, 0, CROWD + 2, 1, 0])
    // Nobody's devices are asked for: WhatsApp tells who has a new one. Only its keys are.
    const asked = await stanzas('iq', linking)
    expect(asked.filter((stanza) => stanza.includes('"usync"'))).toEqual([])
    expect(asked.flatMap((stanza) => stanza.match(/"tag":"user","attrs":\{"jid":"[^"]+"/g) ?? [])).toEqual([
      `"tag":"user","attrs":{"jid":"${reader.lid.replace('@', ':1@')}"`,
    ])
  }, 240_000)
})
