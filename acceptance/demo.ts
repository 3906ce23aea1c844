/**
 * `npm run demo`: a simulated WhatsApp and a gateway as two processes, one instance linked, one text sent and answered. Stays up for play
 * until Ctrl-C; with `--once` it ends after the story.
 */
import process from 'node:process'
import { accountToken, type Gateway, startGateway } from './toolkit/gateway.ts'
import { at, text } from './toolkit/json.ts'
import { createInstance, unlinkedLine } from './toolkit/line.ts'
import { type Receiver, startReceiver } from './toolkit/receiver.ts'
import { type Simulator, startSimulator } from './toolkit/simulator.ts'

const say = (...lines: string[]) => process.stdout.write(`${lines.join('\n')}\n`)

const tellStory = async (simulator: Simulator, gateway: Gateway, receiver: Receiver): Promise<void> => {
  const owner = await simulator.phone({ name: 'Ana' })
  const friend = await simulator.phone({ name: 'Echo', echo: true })
  const account = gateway.api(accountToken)
  say(
    '',
    `1. A simulated WhatsApp is up           ${simulator.url}`,
    `   Ana has the number ${owner.number}. Echo has ${friend.number} and answers everything.`,
    '',
    `2. The gateway is up                    ${gateway.url}`,
    `   It talks to the simulated WhatsApp as it would to the real one. API pages: ${gateway.url}/docs`,
  )

  const token = await createInstance(account, 'demo', { webhookEnabled: true, webhookURL: receiver.url })
  const line = unlinkedLine(gateway, owner, 'demo', token)
  const code = await line.api.get('/api/instance/connect/demo')
  await owner.scan(text(code.body, 'qrCode'))
  await line.waitFor('connected')
  say('', '3. Ana linked the instance "demo"', '   The gateway showed a QR code, her phone scanned it: connected.')

  const sent = await line.text(friend.number, 'Hello from the gateway')
  await friend.next({ text: 'Hello from the gateway' })
  say('', '4. A text was sent over the REST API', `   gateway → Echo   "${String(at(sent.body, 'data.content'))}"`)

  const answer = await receiver.next({ event: 'message.exchange', data: { direction: 'incoming', chat: { jid: friend.jid } } })
  say(
    '',
    '5. Echo answered, and the webhook heard it',
    `   Echo → gateway   "${text(answer, 'data.message.content')}"`,
    `   event ${text(answer, 'event')}, message ${text(answer, 'data.id')}`,
  )

  const curl = (command: string) => `   curl -s ${command}`
  say(
    '',
    'Repeat it yourself:',
    '',
    '   # what is connected',
    curl(`${gateway.url}/api/instance/list -H 'token: ${accountToken}'`),
    '',
    '   # send a text; Echo answers',
    curl(
      `${gateway.url}/api/message/text/demo -H 'token: ${token}' -H 'content-type: application/json' -d '{"number":"${friend.number}","message":"Hello again"}'`,
    ),
    '',
    "   # what Ana's own phone shows: the sent text and Echo's answer",
    curl(`${simulator.url}/phones/${owner.number}/messages`),
    '',
    '   # link another instance: create it, ask for a QR, scan it with a new phone',
    curl(`${gateway.url}/api/instance/new -H 'token: ${accountToken}' -H 'content-type: application/json' -d '{"name":"second"}'`),
    curl(`${gateway.url}/api/instance/connect/second -H 'token: ${accountToken}'`),
    curl(`${simulator.url}/phones -H 'content-type: application/json' -d '{"number":"34611111111","name":"Bea"}'`),
    curl(`${simulator.url}/phones/34611111111/scan -H 'content-type: application/json' -d '{"qr":"<the qrCode of the answer>"}'`),
    '',
    '   # delete the first one: it leaves the phone and takes everything with it',
    curl(`-X DELETE ${gateway.url}/api/instance/delete/demo -H 'token: ${accountToken}'`),
    '',
  )
}

const once = process.argv.includes('--once')
say('RyzeAPI demo: a simulated WhatsApp and a gateway, two processes on this machine. Nothing leaves it.')
const receiver = await startReceiver()
const simulator = await startSimulator()
const gateway = await startGateway({ network: simulator.url }).catch(async (error: unknown) => {
  await simulator.stop()
  throw error
})

const end = async (code: number) => {
  await gateway.stop()
  await gateway.dispose()
  await simulator.stop()
  await receiver.close()
  process.exit(code)
}
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => {
    say('', 'Stopping.')
    void end(0)
  })

try {
  await tellStory(simulator, gateway, receiver)
} catch (error) {
  process.stderr.write(`The demo failed: ${error instanceof Error ? error.message : String(error)}\n${gateway.output()}\n`)
  await end(1)
}
if (once) await end(0)
say('Both stay up until Ctrl-C.')
