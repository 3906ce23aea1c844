/** A person sends a document: <simulator> <number> <to> <bytes>. Ends with `{"id"}`. */
import { randomBytes } from 'node:crypto'
import process from 'node:process'

const [simulator = '', number = '', to = '', size = '0'] = process.argv.slice(2)
const base64 = randomBytes(Number(size)).toString('base64')
const answer = await fetch(`${simulator}/phones/${number}/messages`, {
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: `{"to":"${to}","media":{"mimetype":"application/pdf","base64":"${base64}"}}`,
})
if (!answer.ok) throw new Error(`simulator: ${answer.status} ${await answer.text()}`)
const { id } = (await answer.json()) as { id: string }
process.stdout.write(`${JSON.stringify({ id })}\n`)
