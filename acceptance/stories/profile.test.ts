/** The profile of the account and of others, and who may see what. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, it } from 'vitest'
import type { Answer, Api } from '../toolkit/api.ts'
import { bothDatabases } from '../toolkit/databases.ts'
import { eventually } from '../toolkit/eventually.ts'
import { png } from '../toolkit/files.ts'
import { at, type Json, text } from '../toolkit/json.ts'
import type { Line } from '../toolkit/line.ts'
import type { Phone } from '../toolkit/simulator.ts'
import { onStage } from '../toolkit/stage.ts'

const refusal = (status: number, message: string) => ({ status, body: { success: false, error: { message } } })

onStage(
  'Profile',
  (stage, database) => {
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
      (await players()).line.api.get(
        `/api/profile/getAccount/profile${number === undefined ? '' : `?number=${encodeURIComponent(number)}`}`,
      )

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

    it('the picture may lie somewhere else; the same value again is no error', async () => {
      const bytes = png(40, 40)
      const server = createServer((request, response) => {
        if (request.url === '/logo.png') response.writeHead(200, { 'content-type': 'image/png' }).end(bytes)
        else response.writeHead(404).end()
      })
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
      try {
        for (let times = 0; times < 2; times += 1)
          expect((await update({ profilePicture: `${address}/logo.png`, profileStatus: 'Open' })).body).toMatchObject({
            updatedFields: ['profilePicture', 'profileStatus'],
          })
        expect(text(await shown('profile'), 'picture.base64')).not.toBe('')
        expect(await update({ profilePicture: `${address}/nothing.png` })).toMatchObject({
          status: 400,
          body: { error: { message: expect.stringMatching(/^Failed to download media: /) } },
        })
        expect(text(await shown('profile'), 'picture.base64')).not.toBe('')
        expect((await update({ profilePicture: bytes.toString('base64') })).status).toBe(200)
      } finally {
        server.close()
      }
    })

    it('changed on the phone it reads as it is there', async () => {
      const { line } = await players()
      await line.phone.change({ name: 'Shop by the sea', about: 'Away', picture: null })
      expect((await read()).body).toMatchObject({ profile: { profilePicture: null, profileStatus: 'Away' } })
      await expect.poll(async () => at((await read()).body, 'profile.profileName')).toBe('Shop by the sea')
      await line.phone.change({ about: 'Open' })
    })

    it('what cannot be shown is refused, and changes nothing', async () => {
      expect(await update({})).toMatchObject(refusal(400, 'At least one field must be provided'))
      expect(await update({ profileName: ' ' })).toMatchObject(refusal(400, 'profileName must not be empty'))
      expect(await update({ profileName: 'x'.repeat(26) })).toMatchObject(refusal(400, 'profileName must have at most 25 characters'))
      expect(await update({ profileStatus: 'x'.repeat(140) })).toMatchObject(refusal(400, 'profileStatus must have at most 139 characters'))
      const junk = Buffer.from('no picture at all').toString('base64')
      expect(await update({ profilePicture: junk, profileStatus: 'Changed' })).toMatchObject({
        status: 400,
        body: { error: { message: expect.stringMatching(/^Failed to process media: /) } },
      })
      expect(await update({ profileName: 7 })).toMatchObject({
        status: 400,
        body: { error: { message: expect.stringMatching(/^Invalid request body: profileName /) } },
      })
      expect(at(await shown('profile'), 'about')).toBe('Open')
    })

    it('of others, in every form of their number', async () => {
      const { friend } = await players()
      const spaced = `+${friend.number.slice(0, 2)} (${friend.number.slice(2, 5)}) ${friend.number.slice(5, 8)}-${friend.number.slice(8)}`
      for (const number of [friend.number, `+${friend.number}`, spaced, friend.jid, friend.lid]) {
        expect((await read(number)).body).toMatchObject({
          success: true,
          profile: { profilePicture: null, phoneNumber: friend.number, jid: friend.jid, lid: friend.lid },
        })
      }
      expect(await read('not a number')).toMatchObject(refusal(400, 'Invalid number'))
      expect(await read('120363000000000001@g.us')).toMatchObject(refusal(400, 'Invalid number'))
      expect(await read('34699999999')).toMatchObject(refusal(400, 'Number 34699999999 is not registered on WhatsApp'))
      const brazilian = await stage.phone({ number: database === 'SQLite' ? '552188887770' : '552188887771' })
      const ninth = `${brazilian.number.slice(0, 4)}9${brazilian.number.slice(4)}`
      expect(at((await read(ninth)).body, 'profile')).toMatchObject({
        phoneNumber: brazilian.number,
        jid: brazilian.jid,
        lid: brazilian.lid,
      })
    })

    it('of others shows what they show; without an answer of WhatsApp the picture is null, and no error', async () => {
      const { line, friend } = await players()
      await friend.change({ about: 'At sea', picture: png(10, 10).toString('base64') })
      await friend.send(line.phone.number, 'this is Bea')
      const profile = async () => at((await read(friend.number)).body, 'profile')
      const known = { profileName: 'Bea', profileStatus: 'At sea', jid: friend.jid }
      await expect.poll(profile).toMatchObject({ ...known, profilePicture: expect.stringMatching(/^http/) })
      const match = { phone: line.phone.number, tag: 'iq', xmlns: 'w:profile:picture', direction: 'in' }
      const faults: { [key: string]: Json }[] = [
        { action: 'iq-error', code: 401, text: 'not-authorized' },
        { action: 'iq-error', code: 500, text: 'internal-server-error' },
        { action: 'drop' },
      ]
      for (const fault of faults) {
        const over = await stage.simulator.fault({ match, ...fault })
        expect(await profile()).toMatchObject({ ...known, profilePicture: null })
        await over()
      }
      await friend.change({ picture: null })
      expect(await profile()).toMatchObject({ ...known, profilePicture: null })
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
      expect(await change({ privacy: { readReceipts: 'sometimes' } })).toMatchObject({
        status: 400,
        body: { error: { message: expect.stringMatching(/^Invalid request body: privacy.readReceipts /) } },
      })

      const settings = async () => at((await line.api.get('/api/profile/getPrivacy/profile')).body, 'settings')
      await line.phone.change({ privacy: { online: 'match_last_seen', readreceipts: 'none' } })
      expect(await settings()).toMatchObject({ visibility: { online: 'match_last_seen' }, privacy: { readReceipts: 'none' } })
      for (const [code, answer] of [
        [429, refusal(429, 'WhatsApp rate limit reached. Try again later.')],
        [500, refusal(500, 'Failed to get privacy settings: WhatsApp refused: not today')],
      ] as const) {
        const match = { phone: line.phone.number, xmlns: 'privacy', type: 'get' }
        const over = await stage.simulator.fault({ action: 'iq-error', code, text: 'not today', match })
        for (const route of ['getPrivacy', 'privacy']) expect(await line.api.get(`/api/profile/${route}/profile`)).toMatchObject(answer)
        await over()
      }
    })

    it('of several changes those before the one that WhatsApp refuses are made, and the answer names them', async () => {
      const { line } = await players()
      const match = { phone: line.phone.number, tag: 'iq', xmlns: 'privacy', type: 'set', direction: 'in' }
      const change = (body: { [key: string]: Json }) => line.api.post('/api/profile/privacy/profile', body)
      const wanted = { visibility: { lastSeen: 'contacts', status: 'contacts' }, permissions: { groupAdd: 'contacts' } }
      const before = await shown('privacy')
      for (const [code, answer] of [
        [429, refusal(429, 'WhatsApp rate limit reached. Try again later.')],
        [500, refusal(500, 'Failed to update privacy settings: WhatsApp refused: not today')],
      ] as const) {
        const over = await stage.simulator.fault({ action: 'iq-error', code, text: 'not today', match })
        expect(await change(wanted)).toMatchObject(answer)
        await over()
        expect(await shown('privacy')).toEqual(before)
      }
      // The first is let through late, the others find the refusal that has been set meanwhile.
      const slow = await stage.simulator.fault({ action: 'delay', ms: 2_000, match: { ...match, times: 1 } })
      const asked = change(wanted)
      await stage.simulator.fault({ action: 'iq-error', code: 429, text: 'rate-overlimit', match: { ...match, times: 1 } })
      expect(await asked).toMatchObject(
        refusal(500, 'Failed to update privacy settings: WhatsApp refused: rate-overlimit; changed: visibility.lastSeen'),
      )
      await slow()
      expect(await shown('privacy')).toEqual({ ...(before as object), last: 'contacts' })
      expect((await change(wanted)).body).toMatchObject({ settings: { visibility: { lastSeen: 'contacts', status: 'contacts' } } })

      const about = await stage.simulator.fault({ action: 'iq-error', code: 406, text: 'not-acceptable', match: { xmlns: 'status' } })
      expect(await update({ profileName: 'The Bar', profileStatus: 'Closed' })).toMatchObject(
        refusal(500, 'Failed to update profile: WhatsApp refused: not-acceptable; changed: profileName'),
      )
      expect(await update({ profileStatus: 'Closed' })).toMatchObject(
        refusal(500, 'Failed to update profile: WhatsApp refused: not-acceptable'),
      )
      await about()
      expect(at(await shown('profile'), 'about')).not.toBe('Closed')
      const limited = await stage.simulator.fault({ action: 'iq-error', code: 429, match: { xmlns: 'w:profile:picture', type: 'set' } })
      expect(await update({ profilePicture: '', profileStatus: 'Closed' })).toMatchObject(
        refusal(429, 'WhatsApp rate limit reached. Try again later.'),
      )
      await limited()
      expect(at(await shown('profile'), 'about')).not.toBe('Closed')
    })

    it('nobody who may not, of nothing that is there, and not while disconnected', async () => {
      const { line } = await players()
      await stage.account.post('/api/instance/new', { name: 'offline' })
      const routes: readonly (readonly [string, (api: Api, instance: string) => Promise<Answer>])[] = [
        ['account', (api, instance) => api.post(`/api/profile/account/${instance}`, { profileName: 'x' })],
        ['getAccount', (api, instance) => api.get(`/api/profile/getAccount/${instance}`)],
        ['getAccount of somebody', (api, instance) => api.get(`/api/profile/getAccount/${instance}?number=34600111222`)],
        ['getPrivacy', (api, instance) => api.get(`/api/profile/getPrivacy/${instance}`)],
        ['privacy', (api, instance) => api.get(`/api/profile/privacy/${instance}`)],
        ['a change of privacy', (api, instance) => api.post(`/api/profile/privacy/${instance}`, { privacy: { readReceipts: 'all' } })],
      ]
      for (const [what, ask] of routes) {
        expect(await ask(stage.gateway.api(), 'profile'), what).toMatchObject(refusal(401, 'Missing token in header'))
        expect(await ask(stage.gateway.api('ryz_i_nobody-has-this-one'), 'profile'), what).toMatchObject(refusal(401, 'Invalid token'))
        expect(await ask(line.api, 'offline'), what).toMatchObject(refusal(403, 'Instance token does not match requested instance'))
        expect(await ask(stage.account, 'nowhere'), what).toMatchObject(refusal(404, 'Instance not found'))
        expect(await ask(stage.account, 'offline'), what).toMatchObject(refusal(503, 'Instance is not connected to WhatsApp'))
      }
    })
  },
  { databases: bothDatabases },
)
