/**
 * Pictures per second through REST, database, recorder and events, against the bare engine adapter, which encrypts, uploads and sends them with
 * the preview that Baileys makes.
 */
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { Pool } from 'undici'
import { createAccount, startGateway } from '../acceptance/toolkit/gateway.ts'
import { linkedLine } from '../acceptance/toolkit/line.ts'
import type { Simulator } from '../acceptance/toolkit/simulator.ts'
import { type Measurement, median, round } from './measurement.ts'
import { profiling, resultOf, startBench, startNetwork } from './programs.ts'

const rounds = 3
const messages = 300
const warmUp = 300
const inFlight = 20
const friends = 20

export const sendImage = async (): Promise<Measurement> => {
  const simulator = await startNetwork()
  const folder = await mkdtemp(join(tmpdir(), 'ryzeapi-bench-'))
  try {
    const numbers = await Promise.all(Array.from({ length: friends }, async () => (await simulator.phone()).number))
    const picture = await photograph()
    const path = join(folder, 'picture.jpg')
    await writeFile(path, picture)
    const ours: number[] = []
    const bare: number[] = []
    for (let n = 0; n < rounds; n += 1) {
      bare.push(await throughAdapter(simulator, numbers, path))
      ours.push(await throughGateway(simulator, numbers, picture))
    }
    return {
      what: 'pictures/s through REST ÷ bare engine adapter with Baileys’ preview',
      value: median(ours) / median(bare),
      unit: '',
      bound: { is: 'at least', value: 0.6 },
      detail: `${round(median(ours))} ÷ ${round(median(bare))} JPEGs/s of ${round(picture.length / 1000)} kB as base64, median of ${rounds} × ${messages}, ${inFlight} in flight, ${friends} chats`,
    }
  } finally {
    await simulator.stop()
    await rm(folder, { recursive: true })
  }
}

/** About 200 kB, of the size phones send: soft noise, which packs like a photograph. */
const photograph = async (): Promise<Buffer> => {
  const noise = { type: 'gaussian', mean: 128, sigma: 60 } as const
  const pixels = await sharp({ create: { width: 1280, height: 960, channels: 3, background: 'grey', noise } })
    .blur(1.2)
    .raw()
    .toBuffer({ resolveWithObject: true })
  for (let quality = 90; ; quality -= 5) {
    const jpeg = await sharp(pixels.data, { raw: pixels.info }).jpeg({ quality }).toBuffer()
    if (jpeg.length <= 215_000 || quality <= 20) return jpeg
  }
}

const throughAdapter = async (simulator: Simulator, numbers: readonly string[], path: string): Promise<number> => {
  const { number } = await simulator.phone()
  const program = startBench('bare-images', simulator.url, number, numbers.join(','), path, messages, inFlight, warmUp)
  return (await resultOf<{ perSecond: number }>(program)).perSecond
}

const throughGateway = async (simulator: Simulator, numbers: readonly string[], picture: Buffer): Promise<number> => {
  const gateway = await startGateway({ network: simulator.url, nodeArguments: profiling(), env: { LOG_LEVEL: 'warn' } })
  try {
    const account = gateway.api(await createAccount(gateway, 'bench'))
    const line = await linkedLine(gateway, account, await simulator.phone(), 'bench')
    // First contacts and cold code are costs of their own; both sides leave them out.
    await Promise.all(numbers.map((number) => line.text(number, 'hello')))
    await sendAll(gateway.url, line.token, numbers, picture, warmUp)
    const began = performance.now()
    await sendAll(gateway.url, line.token, numbers, picture, messages)
    return messages / ((performance.now() - began) / 1000)
  } finally {
    // In order, so that its CPU profile gets written.
    await gateway.stop()
    await gateway.dispose()
  }
}

/** A connection per chat, one request at a time on each: as many in flight as there are chats. */
const sendAll = async (gateway: string, token: string, numbers: readonly string[], picture: Buffer, amount: number): Promise<void> => {
  const pool = new Pool(gateway, { connections: numbers.length })
  const headers = { token, 'content-type': 'application/json' }
  let next = 0
  const whole = Buffer.concat([picture, Buffer.alloc(3 - (picture.length % 3))]).toString('base64')
  const worker = async (number: string) => {
    while (next++ < amount) {
      // Each picture is another one; what stands behind its end is not shown.
      const mediaBase64 = whole + randomBytes(12).toString('base64')
      const body = `{"number":"${number}","mediaType":"image","mediaBase64":"${mediaBase64}"}`
      const answer = await pool.request({ path: '/api/message/media/bench', method: 'POST', headers, body })
      const text = await answer.body.text()
      if (answer.statusCode !== 200) throw new Error(`${answer.statusCode} ${text}`)
    }
  }
  await Promise.all(numbers.map(worker))
  await pool.close()
}
