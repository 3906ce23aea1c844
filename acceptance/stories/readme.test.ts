import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Gateway, startGateway } from '../toolkit/gateway.ts'
import { type Simulator, startSimulator } from '../toolkit/simulator.ts'

const readme = readFileSync(fileURLToPath(new URL('../../README.md', import.meta.url)), 'utf8')
const tour = /<!-- tour -->([\s\S]*)<!-- \/tour -->/.exec(readme)?.[1] ?? ''
const commands = [...tour.matchAll(/```sh\n([\s\S]*?)```/g)].map((block) => block[1]).join('')

let simulator: Simulator
let gateway: Gateway
beforeAll(async () => {
  simulator = await startSimulator()
  gateway = await startGateway({ network: simulator.url, env: { ACCOUNT_TOKEN: 'token-of-the-tour' } })
})
afterAll(async () => {
  await gateway?.dispose()
  await simulator?.stop()
})

it('the tour in the README works, word for word', () => {
  const { stdout, stderr } = spawnSync('bash', ['-eu', '-c', commands.replaceAll('curl -s ', 'curl -s -w "\\n" ')], {
    encoding: 'utf8',
    env: { ...process.env, GATEWAY: gateway.url, SIMULATOR: simulator.url },
  })
  expect(stderr).toBe('')
  const answers = stdout.trim().split('\n')
  const [ana, echo, created, scanned, listed, sent, messages, webhook, websocket, deleted, phone] = answers
  expect(answers).toHaveLength(11)
  expect(ana).toContain('"name":"Ana"')
  expect(echo).toContain('"name":"Echo"')
  expect(created).toContain('"message":"Instance created"')
  expect(scanned).toContain('"linkedAt"')
  expect(listed).toContain('"status":"connected"')
  expect(sent).toContain('"status":"sent"')
  expect(messages).toContain('"text":"Hello"')
  expect(messages).toContain('"text":"echo: Hello"')
  expect(webhook).toContain('"success":true')
  expect(websocket).toContain('"success":true')
  expect(deleted).toContain('"message":"Instance deleted"')
  expect(phone).toContain('"devices":[]')
})
