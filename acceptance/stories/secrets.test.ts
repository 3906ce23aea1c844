/**
 * What is secret stays inside: a gateway that logs everything it can, with every secret it can be given, and a look at its log, its errors
 * and its events. The same search ends every other story (`toolkit/witness.ts`).
 */
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openStoredData } from '../toolkit/databases.ts'
import { adminToken, startGateway } from '../toolkit/gateway.ts'
import { at, text } from '../toolkit/json.ts'
import { createInstance, linkedLine } from '../toolkit/line.ts'
import { startHttpProxy } from '../toolkit/proxies.ts'
import { createSecretBook } from '../toolkit/secrets.ts'
import { openSocket } from '../toolkit/socket.ts'
import { onStage } from '../toolkit/stage.ts'
import { createUnseal } from '../toolkit/vault.ts'

describe('The search for secrets', () => {
  const key = Buffer.from(Array.from({ length: 32 }, (_, index) => (index * 37 + 11) % 256))

  it.each([
    ['base64', key.toString('base64')],
    ['base64url', key.toString('base64url')],
    ['hex', key.toString('hex')],
    ['a Buffer as JSON', JSON.stringify(key)],
    ['a Buffer as Node prints it', `<Buffer ${(key.toString('hex').match(/../g) ?? []).join(' ')}>`],
  ])('finds a key as %s', (_form, printed) => {
    const book = createSecretBook()
    book.learnBytes(key)
    expect(book.find(`{"level":30,"msg":"session","detail":${printed}}`)).not.toEqual([])
    expect(book.find('{"level":30,"msg":"session"}')).toEqual([])
  })

  it('finds tokens, passwords, headers and queries by the names of their fields', () => {
    const book = createSecretBook()
    const secrets = { token: 'ryz_i_0123456789abcdef', authorization: 'Basic Zm9v', proxyPassword: 'hunter22', s3SecretKey: 'never-shown' }
    book.learnFields({ deep: [secrets], url: 'https://example.com/hook?key=abcdef' })
    for (const secret of [...Object.values(secrets), 'key=abcdef']) expect(book.find(`log of ${secret}!`), secret).toHaveLength(1)
    expect(book.find('https://example.com/hook')).toEqual([])
  })

  it('finds the keys inside a Signal record', () => {
    const book = createSecretBook()
    const record = Buffer.concat([Buffer.from([0x0a, 38, 0x08, 3, 0x12, 34 - 2]), key, Buffer.from([0x18, 1])])
    record[1] = record.length - 2
    book.learnSealed(record)
    expect(book.find(key.toString('hex'))).not.toEqual([])
  })
})

onStage(
  'A gateway that logs everything',
  (stage) => {
    it('gives no secret away', async () => {
      const receiver = await stage.receiver()
      const proxy = await startHttpProxy({ username: 'someone', password: 'proxy-password-77' })
      const friend = await stage.phone({ name: 'Friend of the house' })
      const line = await linkedLine(stage.gateway, stage.account, await stage.phone(), 'quiet', {
        token: 'instance-token-of-quiet-01',
        webhookEnabled: true,
        webhookURL: `${receiver.url}/hook?key=query-of-the-webhook`,
        webhookAuthorization: 'Basic aHVudGVyMjI=',
        websocketEnabled: true,
        proxyEnabled: true,
        proxyHost: '127.0.0.1',
        proxyPort: String(proxy.port),
        proxyProtocol: 'http',
        proxyUsername: 'someone',
        proxyPassword: 'proxy-password-77',
        s3Enabled: true,
        s3Bucket: 'media',
        s3AccessKey: 'AKIAQUIETACCESSKEY',
        s3SecretKey: 's3-secret-key-of-quiet',
      })
      await line.text(friend.number, 'nobody reads this in a log')
      await friend.send(line.phone.number, 'neither does anybody read this')
      await receiver.next({ event: 'message.exchange', data: { direction: 'incoming' } })
      // The search at the end of the stage knows of all this; here it is proved that it has something to look for.
      const data = await openStoredData(stage.gateway.dataDir, stage.gateway.databaseUrl)
      const unseal = await createUnseal(stage.gateway.dataDir, [])
      const sealed = await data.query('select value from session_credentials')
      await data.close()
      const credentials = JSON.parse(String(unseal(sealed[0]?.value as Uint8Array)))
      expect(Object.keys(credentials)).toEqual(expect.arrayContaining(['noiseKey', 'signedIdentityKey', 'advSecretKey']))
      const book = createSecretBook()
      book.learnSealed(Buffer.from(JSON.stringify(credentials)))
      expect(book.find(`msg: ${credentials.noiseKey.private.data}`)).not.toEqual([])

      // A receiver that fails, a proxy that refuses, tokens that are wrong: what goes wrong is logged.
      receiver.answer(500)
      const attempts = receiver.deliveries().length
      await friend.send(line.phone.number, 'this one is not taken')
      await expect.poll(() => receiver.deliveries().length).toBeGreaterThan(attempts)
      await line.api.post('/api/instance/proxy/quiet', {
        enabled: true,
        host: '127.0.0.1',
        port: String(proxy.port),
        protocol: 'http',
        username: 'someone',
        password: 'a-wrong-proxy-password',
      })
      const reconnected = line.api.post('/api/instance/reconnect/quiet')
      await expect.poll(() => proxy.refused()).toBeGreaterThan(0)
      await stage.account.delete('/api/instance/logout/quiet')
      expect((await reconnected).status).toBeGreaterThanOrEqual(200)
      await stage.gateway.api('a-token-that-nobody-has').get('/api/instance/list')
      await stage.gateway.api().get('/ws/quiet?token=a-token-in-the-query')
      await stage.gateway.api(adminToken).post('/admin/accounts', { name: 'shown once' })

      expect(stage.gateway.output()).toMatch(/"level":(10|20)/)
      await proxy.close()
    })
  },
  { env: { LOG_LEVEL: 'trace' } },
)

onStage(
  'With EVENT_TOKEN=off',
  (stage) => {
    it('no event carries the token of the instance', async () => {
      const receiver = await stage.receiver()
      const token = await createInstance(stage.account, 'shy', { websocketEnabled: true, webhookEnabled: true, webhookURL: receiver.url })
      const socket = await openSocket(stage.gateway.url, 'shy', token)
      await stage.account.get('/api/instance/connect/shy')
      const events = [await socket.next({ event: 'instance.state' }), await receiver.next({ event: 'instance.state' })]
      for (const event of events) {
        expect(at(event, 'instanceData')).toMatchObject({ instance: 'shy', token: '' })
        expect(JSON.stringify(event)).not.toContain(token)
      }
      socket.close()
    })
  },
  { env: { EVENT_TOKEN: 'off' } },
)

describe('DATA_DIR', () => {
  it('is for the gateway alone, even under a umask that opens everything', async () => {
    const gateway = await startGateway({ nodeArguments: ['--import', 'data:text/javascript,process.umask(0)'] })
    try {
      const account = gateway.api(text((await gateway.api(adminToken).post('/admin/accounts', { name: 'one' })).body, 'token'))
      await createInstance(account, 'one')
      const entries = await readdir(gateway.dataDir, { recursive: true, withFileTypes: true })
      const open: string[] = []
      for (const path of [gateway.dataDir, ...entries.map(({ parentPath, name }) => join(parentPath, name))]) {
        const { mode } = await stat(path)
        if ((mode & 0o077) !== 0) open.push(`${path} ${(mode & 0o777).toString(8)}`)
      }
      expect(open).toEqual([])
      expect(entries.map(({ name }) => name)).toEqual(
        expect.arrayContaining(['encryption.key', 'gateway.sqlite', 'gateway.sqlite-shm', 'gateway.sqlite-wal', 'lock']),
      )
    } finally {
      await gateway.dispose()
    }
  })
})
