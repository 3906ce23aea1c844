/**
 * Of a deleted instance nothing is left, wherever one looks: the whole database, the data folder, the memory of the process. It has used
 * everything the gateway can do, as its own documentation shows it, so that what is built tomorrow is looked at tomorrow.
 */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { bothDatabases, openStoredData } from '../toolkit/databases.ts'
import { eventually } from '../toolkit/eventually.ts'
import { exampleRequest } from '../toolkit/examples.ts'
import { png } from '../toolkit/files.ts'
import { heapOf } from '../toolkit/heap.ts'
import { type Json, text } from '../toolkit/json.ts'
import { createInstance, type Line } from '../toolkit/line.ts'
import { describedOperations } from '../toolkit/operations.ts'
import type { Phone } from '../toolkit/simulator.ts'
import { contentOf, type StoredContent } from '../toolkit/snapshot.ts'
import { openSocket } from '../toolkit/socket.ts'
import { onStage, type Stage } from '../toolkit/stage.ts'

onStage(
  'An instance that has used everything',
  (stage, database) => {
    it('leaves the database and the data folder as if it had never been', async () => {
      const [before, filesBefore] = [await contentOfStage(stage), await filesOf(stage)]
      const { line, friend } = await live(stage, 'used-up')
      expect(await filesOf(stage)).not.toEqual(filesBefore)
      const lived = await contentOfStage(stage)
      const grown = Object.keys(lived).filter((table) => lived[table]?.length !== before[table]?.length)
      expect(grown).toEqual(expect.arrayContaining(['contacts', 'events', 'failed_attempts', 'media', 'messages', 'signal_records']))

      expect(await stage.account.delete(`/api/instance/delete/${line.name}`)).toMatchObject({ status: 200 })
      // The index of words lets go of them in the background.
      await expect.poll(() => contentOfStage(stage)).toEqual(before)
      await expect.poll(() => filesOf(stage)).toEqual(filesBefore)
      // Who was in touch with it writes on: nobody hears.
      await friend.send(line.phone.number, 'are you still there?')
      await line.phone.next({ text: 'are you still there?' })
      expect(await contentOfStage(stage)).toEqual(before)
    })

    // What is in memory is the same whatever the database.
    it.runIf(database === 'SQLite')(
      'leaves nothing in memory',
      async () => {
        const { line, id, friend } = await live(stage, 'soon-forgotten')
        const secrets = [id, line.token, line.name, friend.name]
        const heap = () => heapOf(stage.gateway.output)
        const found = (text: string) => secrets.filter((secret) => text.includes(secret))
        expect(found(await heap())).toEqual(secrets)
        await stage.account.delete(`/api/instance/delete/${line.name}`)
        // Only somebody else's requests push the last parameters out of the database's own memory: SQLite's statements, and Kysely's two
        // compilers, which hold those of the last statement they compiled, one those of writes and one those of reads.
        await createInstance(stage.account, 'successor')
        expect(await stage.account.get('/api/instance/list?name=successor')).toMatchObject({ status: 200 })
        await stage.account.delete('/api/instance/delete/successor')
        // Timers of the WhatsApp library hold on to a session that has ended, for half a minute at most.
        await expect.poll(async () => found(await heap()), { timeout: 90_000, interval: 1_000 }).toEqual([])
      },
      240_000,
    )
  },
  { databases: bothDatabases, nodeArguments: ['--inspect=127.0.0.1:0'] },
)

/** Not for this: they end the life, or are not about the instance. */
const notPartOfIt = ['instance.create', 'instance.delete', 'instance.logout', 'instance.connect', 'instance.reconnect', 'instance.proxy']

/** The life of an instance, until its deletion. */
const live = async (stage: Stage, name: string): Promise<{ line: Line; id: string; friend: Phone }> => {
  const [receiver, deaf] = [await stage.receiver(), await stage.receiver()]
  deaf.answer(500)
  const friend = await stage.phone({ name: 'Beatrix of the fifth floor' })
  const line = await stage.line(name, {
    webhookEnabled: true,
    webhookURL: `${receiver.url}/life`,
    webhookAuthorization: 'Bearer of-a-life',
    webhookMediaBase64: true,
    websocketEnabled: true,
    autoReadMessages: true,
  })
  const id = text((await line.listed()) as Json, 'id')
  await line.api.post(`/api/events/webhook/${name}`, { label: 'deaf', enabled: true, url: deaf.url })
  const socket = await openSocket(stage.gateway.url, name, line.token)
  const group = await stage.simulator.group({ by: friend, subject: 'Neighbours', participants: [line.phone] })
  const [picture, photo] = [png(40, 30), png(50, 20)]

  const sent = text((await line.text(friend.number, 'from the desk')).body, 'data.messageId')
  await friend.next({ id: sent })
  const keyed = await line.api.post(`/api/message/text/${name}`, { number: group, message: 'once' }, { 'idempotency-key': 'a-life' })
  expect(keyed.status).toBe(200)
  await line.api.post(`/api/message/media/${name}`, { number: friend.number, mediaType: 'image', mediaBase64: picture.toString('base64') })
  await friend.send(
    line.phone.number,
    { imageMessage: { caption: 'look', mimetype: 'image/png' } },
    { file: { bytes: photo, mimetype: 'image/png' } },
  )
  await receiver.next({ event: 'message.exchange', data: { message: { content: 'look' } } })
  const received = await friend.send(group, 'to everybody')
  await receiver.next({ event: 'message.exchange', data: { id: received } })
  await friend.receipts(line.phone.jid, [sent], 'read')
  await receiver.next({ event: 'message.status', data: { status: 'read' } })
  await friend.call(line.phone.number)
  await receiver.next({ event: 'call.update' })
  await socket.next({ event: 'call.update' })
  await eventually('a failed delivery', async () => deaf.deliveries().length > 0)

  const known: Record<string, Json | undefined> = {
    ...{ number: friend.number, jid: friend.jid, chatJid: friend.jid, participants: [friend.number] },
    ...{ groupJid: group, identifier: group, messageId: received, url: receiver.url, block: false },
    // One of two that exclude each other, and what would be waited for.
    ...Object.fromEntries(['to', 'mediaUrl', 'mediaBase64', 'duration', 'wait', 'delay'].map((name) => [name, undefined])),
  }
  const statuses: number[] = []
  for (const operation of await describedOperations(stage.gateway.api())) {
    const { id: operationId, method, path, responses, socket: isSocket } = operation
    if (!path.includes('/:instance') || isSocket || notPartOfIt.includes(operationId) || responses.includes(501)) continue
    const { query, body } = exampleRequest(operation, known)
    const response = await fetch(`${stage.gateway.url}${path.replace(':instance', name)}${query}`, {
      method,
      headers: { token: line.token, ...(body === null ? {} : { 'content-type': 'application/json' }) },
      ...(body === null ? {} : { body: JSON.stringify(body) }),
    })
    statuses.push(response.status)
    expect(response.status, `${operationId} ${JSON.stringify(body)}: ${await response.text()}`).toBeLessThan(500)
  }
  expect(statuses.filter((status) => status < 300).length).toBeGreaterThan(30)
  await line.text(friend.number, 'last words')
  return { line, id, friend }
}

const contentOfStage = async ({ gateway }: Stage): Promise<StoredContent> => {
  const data = await openStoredData(gateway.dataDir, gateway.databaseUrl)
  try {
    // The counter of SQLite's row numbers goes on.
    const { sqlite_sequence: _, ...content } = await contentOf(data)
    return content
  } finally {
    await data.close()
  }
}

/** Besides those of the database itself. */
const filesOf = async ({ gateway }: Stage): Promise<string[]> => {
  const entries = await readdir(gateway.dataDir, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name))
  return files.filter((path) => !path.includes('gateway.sqlite')).toSorted()
}
