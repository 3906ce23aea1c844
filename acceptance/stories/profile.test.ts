/** The profile of the account and of others, and who may see what. */
import { expect, it } from 'vitest'
import { eventually } from '../toolkit/eventually.ts'
import { png } from '../toolkit/files.ts'
import { at, type Json, text } from '../toolkit/json.ts'
import type { Line } from '../toolkit/line.ts'
import type { Phone } from '../toolkit/simulator.ts'
import { onStage } from '../toolkit/stage.ts'

const refusal = (status: number, message: string) => ({ status, body: { success: false, error: { message } } })

onStage('Profile', (stage) => {
  let cast: Promise<{ line: Line; friend: Phone }> | undefined
  const players = () => {
    cast ??= (async () => ({ friend: await stage.phone({ name: 'Bea' }), line: await stage.line('profile') }))()
    return cast
  }
  /** What the own phone shows of the account. */
  const shown = async (what: 'profile' | 'privacy') => {
    const { line } = await players()
    return (await (await fetch(`${stage.simulator.url}/phones/${line.phone.number}/${what}`)).json()) as Json
  }
  const update = async (body: { [key: string]: Json }) => (await players()).line.api.post('/api/profile/account/profile', body)
  const read = async (number?: string) =>
    (await players()).line.api.get(`/api/profile/getAccount/profile${number === undefined ? '' : `?number=${encodeURIComponent(number)}`}`)

  it('picture, name and about are changed, read back, and the picture goes again', async () => {
    const { line } = await players()
    const dataUrl = `data:image/png;base64,${png(800, 600).toString('base64')}`
    expect(await update({ profilePicture: dataUrl, profileName: 'The Shop', profileStatus: 'Open' })).toMatchObject({
      status: 200,
      body: {
        success: true,
        message: 'Profile updated successfully',
        updatedFields: ['profilePicture', 'profileName', 'profileStatus'],
      },
    })
    await eventually('the phone to show the new name', async () => at(await shown('profile'), 'about') === 'Open')
    const picture = Buffer.from(text(await shown('profile'), 'picture.base64'), 'base64')
    expect(picture.subarray(0, 2).toString('hex')).toBe('ffd8')
    const named = JSON.stringify(['setting_pushName'])
    await eventually('all devices to know the name', async () =>
      JSON.stringify((at(await line.phone.appState(), 'critical_block') as { [key: string]: Json } | undefined)?.[named]).includes(
        'The Shop',
      ),
    )
    expect(await read()).toMatchObject({
      status: 200,
      body: {
        success: true,
        profile: {
          profilePicture: expect.stringMatching(/^http/),
          profileStatus: 'Open',
          phoneNumber: line.phone.number,
          jid: line.phone.jid,
          lid: line.phone.lid,
        },
      },
    })
    expect((await update({ profilePicture: '' })).body).toMatchObject({ updatedFields: ['profilePicture'] })
    expect(at(await shown('profile'), 'picture')).toBeNull()
    expect(at(await shown('profile'), 'about')).toBe('Open')
    expect(at((await read()).body, 'profile.profilePicture')).toBeNull()
  })

  it('what cannot be shown is refused, and changes nothing', async () => {
    expect(await update({})).toMatchObject(refusal(400, 'At least one field must be provided'))
    expect(await update({ profileName: ' ' })).toMatchObject(refusal(400, 'profileName must not be empty'))
    expect(await update({ profileName: 'x'.repeat(26) })).toMatchObject(refusal(400, 'profileName must have at most 25 characters'))
    expect(await update({ profileStatus: 'x'.repeat(140) })).toMatchObject(refusal(400, 'profileStatus must have at most 139 characters'))
    const junk = Buffer.from('no picture at all').toString('base64')
    expect(await update({ profilePicture: junk, profileStatus: 'Changed' })).toMatchObject({ status: 400 })
    expect(at(await shown('profile'), 'about')).toBe('Open')
  })

  it('of others, in every form of their number', async () => {
    const { friend } = await players()
    for (const number of [friend.number, `+${friend.number}`, friend.jid, friend.lid]) {
      expect((await read(number)).body).toMatchObject({
        success: true,
        profile: { profilePicture: null, phoneNumber: friend.number, jid: friend.jid, lid: friend.lid },
      })
    }
    expect(await read('not a number')).toMatchObject(refusal(400, 'Invalid number'))
    expect(await read('120363000000000001@g.us')).toMatchObject(refusal(400, 'Invalid number'))
    expect(await read('34699999999')).toMatchObject(refusal(400, 'Number 34699999999 is not registered on WhatsApp'))
  })

  it('of a business has what it says about itself; without an answer of WhatsApp that is null, and no error', async () => {
    const { line, friend } = await players()
    const shop = await stage.phone({ name: 'Bakery', business: true })
    const businessOf = async (number: string) => {
      const answer = await read(number)
      expect(answer).toMatchObject({ status: 200, body: { success: true, profile: { profilePicture: null, phoneNumber: number } } })
      return at(answer.body, 'profile.business')
    }
    expect(await businessOf(friend.number)).toBeNull()
    expect(await businessOf(shop.number)).toBeNull()
    await shop.change({
      businessProfile: { description: 'Bread', category: 'Bakery', address: 'Main St 1', website: 'https://bread.example' },
    })
    const said = { description: 'Bread', category: 'Bakery', address: 'Main St 1', email: null, websites: ['https://bread.example'] }
    expect(await businessOf(shop.number)).toEqual(said)

    const match = { phone: line.phone.number, tag: 'iq', xmlns: 'w:biz', direction: 'in' }
    const faults: { [key: string]: Json }[] = [{ action: 'iq-error', code: 500, text: 'internal-server-error' }, { action: 'drop' }]
    for (const fault of faults) {
      const over = await stage.simulator.fault({ match, ...fault })
      expect(await businessOf(shop.number)).toBeNull()
      await over()
    }
    expect(await businessOf(shop.number)).toEqual(said)
  })

  it('privacy is read and changed, only what is sent', async () => {
    const { line } = await players()
    const before = await line.api.get('/api/profile/getPrivacy/profile')
    expect(before).toMatchObject({
      status: 200,
      body: {
        success: true,
        message: 'Privacy settings retrieved successfully',
        settings: {
          visibility: { lastSeen: 'all', status: 'all', profile: 'all', online: 'all' },
          privacy: { readReceipts: 'all' },
          permissions: { callAdd: 'all', groupAdd: 'all' },
        },
      },
    })
    const change = (body: { [key: string]: Json }) => line.api.post('/api/profile/privacy/profile', body)
    const changed = await change({ visibility: { lastSeen: 'none', profile: 'contacts' }, permissions: { callAdd: 'known' } })
    expect(changed).toMatchObject({
      status: 200,
      body: {
        settings: {
          visibility: { lastSeen: 'none', status: 'all', profile: 'contacts', online: 'all' },
          permissions: { callAdd: 'known', groupAdd: 'all' },
        },
      },
    })
    expect(await shown('privacy')).toMatchObject({ last: 'none', profile: 'contacts', calladd: 'known', groupadd: 'all' })
    expect((await line.api.get('/api/profile/privacy/profile')).body).toMatchObject({ settings: at(changed.body, 'settings') })
    expect(await change({})).toMatchObject(refusal(400, 'At least one field must be provided'))
    expect(await change({ visibility: {} })).toMatchObject(refusal(400, 'At least one field must be provided'))
    expect(await change({ privacy: { readReceipts: 'sometimes' } })).toMatchObject({ status: 400 })
  })
})
