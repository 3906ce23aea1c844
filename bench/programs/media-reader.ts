/** Reads the media of a message through the API, without keeping it: <gateway> <token> <instance> <message id> <times>. Ends with `{"length"}`. */
import process from 'node:process'
import { setTimeout as pause } from 'node:timers/promises'

const [gateway = '', token = '', instance = '', messageId = '', times = '1'] = process.argv.slice(2)

const read = async (): Promise<number | null> => {
  const answer = await fetch(`${gateway}/api/chat/base64/${instance}?messageId=${messageId}`, { headers: { token } })
  let length = 0
  for await (const chunk of answer.body ?? []) length += chunk.length
  return answer.ok ? length : null
}

let last = 0
for (let time = 0; time < Number(times); time++) {
  let length = await read()
  // Not noted yet, or still on its way after the patience of the route.
  while (length === null) {
    await pause(100)
    length = await read()
  }
  last = length
}
process.stdout.write(`${JSON.stringify({ length: last })}\n`)
