/** Our signatures, read with the library that receivers use. */

import { Webhook } from 'standardwebhooks'
import { afterEach, describe, expect, test } from 'vitest'
import { forEachDatabase } from '../../../testing/databases.ts'
import { createSigner, isSigningSecret, newSigningSecret } from '../webhooks/signature.ts'
import { type Delivered, openReceiver, type Receiver } from './receiver.ts'
import { INSTANCE, openStage, type Stage } from './stage.ts'

const verified = (secret: string, { text, headers }: Delivered): unknown =>
  new Webhook(secret).verify(text, headers as Record<string, string>)

describe('a signing secret', () => {
  test.each([
    [newSigningSecret(), true],
    [`whsec_${Buffer.alloc(24, 1).toString('base64')}`, true],
    [`whsec_${Buffer.alloc(64, 1).toString('base64')}`, true],
    [`whsec_${Buffer.alloc(23, 1).toString('base64')}`, false],
    [`whsec_${Buffer.alloc(65, 1).toString('base64')}`, false],
    [Buffer.alloc(32, 1).toString('base64'), false],
    [`whsec_${Buffer.alloc(32, 1).toString('base64').replace('=', '')}`, false],
    ['whsec_not base64 at all, however long it may be', false],
    ['whsec_', false],
  ])('%s: %s', (secret, good) => {
    expect(isSigningSecret(secret)).toBe(good)
  })

  test('signs a body in pieces as it signs the whole', () => {
    const secret = newSigningSecret()
    const signer = createSigner([secret], 'id', 1_800_000_000_000)
    for (const piece of ['{"a":', Buffer.from('"ü"'), '}']) signer.update(piece)
    const whole = createSigner([secret], 'id', 1_800_000_000_000)
    whole.update('{"a":"ü"}')
    expect(signer.headers()).toEqual(whole.headers())
  })
})

forEachDatabase((_name, open) => {
  describe('signatures', () => {
    let stage: Stage
    let receiver: Receiver
    afterEach(async () => {
      await stage.close()
      await receiver.close()
    })
    const begin = async () => {
      receiver = await openReceiver()
      stage = await openStage(await open())
      await stage.events.webhooks.configure(INSTANCE, { enabled: true, url: receiver.url })
    }
    const present = async (): Promise<string> => (await stage.call('events.getWebhookSecret')).body.signing.secret
    const next = async (n: number) => {
      await stage.emit('chat', n)
      return receiver.at(n)
    }

    test('are accepted by the standardwebhooks package, and nothing altered is', async () => {
      await begin()
      const delivered = await next(0)
      const secret = await present()
      expect(verified(secret, delivered)).toEqual(delivered.json)
      expect(() => verified(secret, { ...delivered, text: delivered.text.replace('"n":0', '"n":1') })).toThrow()
      expect(() => verified(newSigningSecret(), delivered)).toThrow()
      expect(() => verified(secret, { ...delivered, headers: { ...delivered.headers, 'webhook-id': 'another' } })).toThrow()
    })

    test('are made with both secrets while one replaces the other, across a restart too', async () => {
      await begin()
      const before = await present()
      const { status, body } = await stage.call('events.rotateWebhookSecret')
      expect(status).toBe(200)
      expect(body).toMatchObject({
        message: 'Webhook secret rotated successfully',
        signing: { label: 'default', formerSecrets: [{ secret: before }] },
      })
      const hours = (Date.parse(body.signing.formerSecrets[0].validUntil) - Date.now()) / 3_600_000
      expect(hours).toBeGreaterThan(23.9)
      expect(hours).toBeLessThanOrEqual(24)
      const after = await present()
      expect(after).not.toBe(before)
      const first = await next(0)
      for (const secret of [before, after]) expect(verified(secret, first)).toEqual(first.json)
      stage = await stage.restart()
      const second = await next(1)
      for (const secret of [before, after]) expect(verified(secret, second)).toEqual(second.json)
    })

    test('of a replaced secret end with the overlap', async () => {
      await begin()
      const before = await present()
      expect((await stage.call('events.rotateWebhookSecret', { body: { overlapHours: 0 } })).body.signing.formerSecrets).toEqual([])
      const delivered = await next(0)
      expect(() => verified(before, delivered)).toThrow()
      expect(verified(await present(), delivered)).toEqual(delivered.json)
    })

    test('are of the new secret, also when an event that began before the rotation is recorded after it', async () => {
      await begin()
      // On SQLite one write comes after the other; on PostgreSQL each sees what was committed when it began.
      const meanwhile = stage.database.db.kind === 'postgres'
      await stage.events.write(async (tx, record) => {
        await tx.selectFrom('webhooks').select('id').execute()
        if (meanwhile) await stage.call('events.rotateWebhookSecret')
        await record({ instanceId: INSTANCE, name: 'message.exchange', lane: 'chat', data: { n: 0 } })
      })
      if (!meanwhile) await stage.call('events.rotateWebhookSecret')
      await receiver.at(0)
      expect(verified(await present(), await next(1))).toMatchObject({ data: { n: 1 } })
    })

    test('come from the secret one brings along; of many former ones the newest three sign', async () => {
      await begin()
      const own = [1, 2, 3, 4, 5].map(() => newSigningSecret())
      for (const secret of own) await stage.call('events.rotateWebhookSecret', { body: { secret } })
      const { signing } = (await stage.call('events.getWebhookSecret', { query: { label: 'default' } })).body
      expect(signing.secret).toBe(own[4])
      expect(signing.formerSecrets.map(({ secret }: { secret: string }) => secret)).toEqual([own[3], own[2], own[1]])
      const delivered = await next(0)
      expect(String(delivered.headers['webhook-signature']).split(' ')).toHaveLength(4)
      expect(() => verified(String(own[0]), delivered)).toThrow()
      for (const secret of own.slice(1)) expect(verified(secret, delivered)).toEqual(delivered.json)
      expect(await stage.call('events.rotateWebhookSecret', { body: { secret: own[4] } })).toMatchObject({ status: 409 })
    })

    test('have secrets that are sealed, survive a new configuration, and belong to a label', async () => {
      await begin()
      const before = await present()
      await stage.call('events.rotateWebhookSecret')
      const after = await present()
      await stage.events.webhooks.configure(INSTANCE, { enabled: true, url: 'http://127.0.0.1:9/' })
      expect((await stage.call('events.getWebhookSecret')).body.signing).toMatchObject({
        secret: after,
        formerSecrets: [{ secret: before }],
      })
      const row = await stage.database.db.read.selectFrom('webhooks').selectAll().executeTakeFirstOrThrow()
      for (const column of [row.signing_secret, row.former_secrets ?? new Uint8Array()]) {
        expect(column.length).toBeGreaterThan(32)
        expect(Buffer.from(column).toString('latin1')).not.toContain('whsec_')
      }
      const unknown = { status: 404, body: { error: 'Webhook not found' } }
      expect(await stage.call('events.getWebhookSecret', { query: { label: 'nobody' } })).toEqual(unknown)
      expect(await stage.call('events.rotateWebhookSecret', { body: { label: 'nobody' } })).toEqual(unknown)
      expect(await stage.call('events.rotateWebhookSecret', { body: { secret: 'whsec_short' } })).toMatchObject({ status: 400 })
    })
  })
})
