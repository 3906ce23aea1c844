import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { link, relink } from '../../../test/linked-session.ts'
import { type Simulator, simulatedWorld } from '../../../test/simulator.ts'
import type { Person, World } from '../../../test/world.ts'

describe('a connection WhatsApp does not take for active', () => {
  let world: World & { simulator: Simulator }
  let bob: Person

  beforeAll(async () => {
    world = await simulatedWorld()
    bob = await world.person('Bob')
  }, 30_000)

  afterAll(() => world.close(), 30_000)

  const refusing = (person: Person, times: number) =>
    world.simulator.call('POST', '/faults', {
      action: 'iq-error',
      code: 503,
      text: 'service-unavailable',
      match: { phone: person.number, xmlns: 'passive', direction: 'in' },
      times,
    })

  it('says again that it is, and gets its messages', async () => {
    const person = await world.person('Refused once')
    const before = await link(world, person)
    await before.session.stop()
    const id = await bob.send(person, { conversation: 'are you there?' })
    await refusing(person, 1)
    const after = relink(world, before)
    await after.message(id)
    await after.session.stop()
  })

  it('ends when WhatsApp refuses that too, and the next one gets its messages', async () => {
    const person = await world.person('Refused twice')
    const before = await link(world, person)
    await before.session.stop()
    const id = await bob.send(person, { conversation: 'are you there?' })
    await refusing(person, 2)
    const deaf = relink(world, before)
    await deaf.next('open')
    expect(await deaf.next('closed')).toMatchObject({ reason: 'lost' })
    const after = relink(world, deaf)
    await after.message(id)
    await after.session.stop()
  })
})
